import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';

const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Seeds after which a bug counts as missed by seeds; 0: none is tried. */
const SEEDS_MAX = Number(process.env.PLANTED_SEEDS ?? 500);
/** Tests that are to catch what seeds do not, files or folders: all of them take minutes for each bug. */
const TESTS = (process.env.PLANTED_TESTS ?? 'test/sim/stories.test.ts test/folder test/wire/fetch-chunks.test.ts').split(' ');
const COPIED = [
  'src',
  'test/sim',
  'test/platform',
  'test/folder',
  'test/replication',
  'test/server',
  'test/wire',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

interface Catch {
  readonly bug: string;
  /** Number of the seed that caught it. */
  readonly seed: number | undefined;
  /** Invariant of the first finding. */
  readonly invariant: string | undefined;
  /** Stories, and tests of the folder and of fetches, that fail. */
  readonly stories: readonly string[];
}

/** A copy of the sources with the bug in it. Throws when a mutation does not apply any more. */
function plant(bug: PlantedBug): string {
  const copy = mkdtempSync(join(tmpdir(), 'filemesh-planted-'));
  for (const each of COPIED) cpSync(join(PROJECT, each), join(copy, each), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, find, replace } of bug.edits) {
    const path = join(copy, file);
    const parts = readFileSync(path, 'utf8').split(find);
    if (parts.length !== 2) throw new Error(`${bug.name}: ${file} has the text to change ${parts.length - 1} times`);
    writeFileSync(path, parts.join(replace));
  }
  return copy;
}

function hunt(bug: PlantedBug): Catch {
  const copy = plant(bug);
  try {
    const options = { cwd: copy, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
    const run = ['--import', 'tsx', 'test/sim/run.ts', '--seeds', String(SEEDS_MAX), '--stop'];
    const told = SEEDS_MAX > 0 ? spawnSync('node', run, options).stdout : '';
    const found = /^SIM FAIL inv=(\d+) seed=(\d+)/m.exec(told);
    const report = join(copy, 'stories.json');
    spawnSync('npx', ['vitest', 'run', ...TESTS, '--reporter=json', `--outputFile=${report}`], options);
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: { assertionResults: { status: string; title: string }[] }[];
    };
    const failed = testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'failed'));
    const failing = failed.map(({ title }) => title);
    return { bug: bug.name, seed: found === null ? undefined : Number(found[2]), invariant: found?.[1], stories: failing };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Plants each bug, or those whose name has `pattern`, and tells what caught it. False when one was missed. */
export function huntAll(pattern = ''): boolean {
  let isComplete = true;
  console.log('| planted bug | caught at seed | invariant | stories that fail |\n| --- | --- | --- | --- |');
  for (const bug of PLANTED_BUGS.filter(({ name }) => name.includes(pattern))) {
    const { seed, invariant, stories } = hunt(bug);
    if (seed === undefined && stories.length === 0) isComplete = false;
    const told = stories.length === 0 ? '-' : `${stories.length}, first: ${stories[0]}`;
    console.log(`| ${bug.name} | ${seed ?? `none of ${SEEDS_MAX}`} | ${invariant ?? '-'} | ${told} |`);
  }
  return isComplete;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = huntAll(process.argv[2]) ? 0 : 1;
