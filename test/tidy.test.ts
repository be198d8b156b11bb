import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './sim/planted-bugs.ts';

/** The house: floors, and what may not be named where. Kept by this test. */
const FLOORS: Record<string, number> = {
  core: 0,
  platform: 1,
  wire: 2,
  catalog: 2,
  folder: 2,
  membership: 3,
  gossip: 3,
  replication: 3,
  server: 3,
  peer: 4,
  client: 4,
  cli: 5,
  web: 5,
  'main.ts': 6,
};
const LINES_MAX = 300;
/** What only platform/node/ and the doors for people may use: everything else enters by the seams. */
const BANNED: readonly [RegExp, string][] = [
  [/\bset(Timeout|Interval|Immediate)\b/, 'timers'],
  [/\bqueueMicrotask\b|\bprocess\.(?!exitCode)/, 'the process'],
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bhrtime\b/, 'the time'],
  [/\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b|\bcrypto\.subtle\b/, 'chance'],
  [/from 'node:(?!crypto')/, 'a module of Node'],
  [/\bimport\('node:/, 'a module of Node'],
  [/\btoLocale|\bIntl\b|localeCompare/, 'the locale'],
  [/(?<![#.\w])fetch\(/, 'the network'],
];

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(project, 'src');

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function roomOf(file: string): string {
  return relative(source, file).split('/')[0] as string;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => resolve(dirname(file), match[1] as string));
}

/** Code without comments and without the insides of strings. */
function codeOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:])\/\/.*$/gm, '$1');
}

const files = filesBelow(source);

describe('the house', () => {
  it('has every file in a room of the plan', () => {
    expect(files.filter((file) => FLOORS[roomOf(file)] === undefined)).toEqual([]);
  });

  it('imports strictly downwards, or within a room', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => roomOf(target) !== roomOf(file))
        .filter((target) => (FLOORS[roomOf(target)] ?? 99) >= (FLOORS[roomOf(file)] ?? 0))
        .map((target) => `${relative(source, file)} -> ${relative(source, target)}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lets only cli/ build platform/node/', () => {
    const wrong = files.filter(
      (file) =>
        !['cli', 'web'].includes(roomOf(file)) &&
        !file.includes('/platform/node/') &&
        importsOf(file).some((target) => target.includes('/platform/node/')),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps core free of imports from outside', () => {
    const wrong = files.filter((file) => roomOf(file) === 'core' && /from '[^.]/.test(readFileSync(file, 'utf8')));
    expect(wrong).toEqual([]);
  });

  it('names no clock, chance or I/O outside platform/node/ and the doors', () => {
    const guarded = files.filter((file) => (FLOORS[roomOf(file)] ?? 0) <= 4 && !file.includes('/platform/node/'));
    const wrong = guarded.flatMap((file) => {
      const code = codeOf(file);
      return BANNED.filter(([pattern]) => pattern.test(code)).map(([, what]) => `${relative(source, file)} names ${what}`);
    });
    expect(wrong).toEqual([]);
  });

  it('lets the page take only rules and shapes from the rooms below', () => {
    const page = files.filter((file) => file.includes('/web/page/'));
    const wrong = page.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/import (type )?[^;]*? from '((?:\.\.\/)+(?:core|client|wire)\/[^']+)'/g)]
        .filter(([, isType, target]) => isType === undefined && !target?.includes('/core/'))
        .map(([, , target]) => `${relative(source, file)} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('never imports the simulation', () => {
    expect(files.filter((file) => importsOf(file).some((target) => target.includes('/test/')))).toEqual([]);
  });
});

describe('every file', () => {
  const all = [...files, ...filesBelow(join(project, 'test'))];

  it(`has at most ${LINES_MAX} lines`, () => {
    const long = all.filter((file) => readFileSync(file, 'utf8').split('\n').length - 1 > LINES_MAX);
    expect(long.map((file) => relative(project, file))).toEqual([]);
  });

  it('has a kebab-case name', () => {
    expect(all.filter((file) => !/\/[a-z0-9-]+(\.(test|svelte|config))?\.(ts|svelte)$/.test(file))).toEqual([]);
  });

  it('speaks of the project alone', () => {
    const wrong = all.filter((file) => /\.\.\/shared|registry\.npmjs|\/work\/|\/root\//.test(readFileSync(file, 'utf8')));
    expect(wrong.filter((file) => !file.endsWith('tidy.test.ts'))).toEqual([]);
  });
});

describe('every planted bug', () => {
  it('can still be planted: the text it changes is there, once', () => {
    const missing = PLANTED_BUGS.flatMap(({ name, edits }) =>
      edits
        .filter(({ file, find }) => readFileSync(join(project, file), 'utf8').split(find).length !== 2)
        .map(({ file }) => `${name}: ${file}`),
    );
    expect(missing).toEqual([]);
  });
});
