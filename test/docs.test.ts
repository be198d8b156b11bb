import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PATH_RECORDS_MAX } from '../src/catalog/index-copy.ts';
import { CLIENT_OPTIONS } from '../src/cli/client-settings.ts';
import { COMMANDS, SHELL_COMMANDS } from '../src/cli/commands.ts';
import type { CommandFacts, OptionTable } from '../src/cli/parse.ts';
import { PORT_DEFAULT } from '../src/cli/up-settings.ts';
import { ERRORS } from '../src/core/errors.ts';
import { COMPONENT_BYTES_MAX, PATH_BYTES_MAX } from '../src/core/path.ts';
import { PIPES_MAX } from '../src/membership/doorstep.ts';
import { CLIENT_LINKS_MAX, CLIENTS_MAX } from '../src/membership/links.ts';
import { ALPN } from '../src/platform/node/tls-pipe.ts';
import { MANIFEST_BYTES_ALL } from '../src/server/manifest-memory.ts';
import { CALLS, DELTA_RECORDS_MAX, FACTS_MAX, LIST_ENTRIES_MAX, NOTES, TAIL_BYTES_MAX } from '../src/wire/calls.ts';
import { encode, HEAD_BYTES_MAX, HEAD_DEPTH_MAX, HEAD_ITEMS_MAX } from '../src/wire/codec.ts';
import { FRAME_KINDS, framePrefix } from '../src/wire/frame.ts';
import { GREETING_BYTES, GREETING_MS, PROTOCOL_VERSION } from '../src/wire/greeting.ts';
import { SILENCE_MS_MAX } from '../src/wire/heartbeat.ts';
import { meshIdOf, tagOf } from '../src/wire/mesh-line.ts';
import { CALLS_IN_FLIGHT_MAX } from '../src/wire/pending-calls.ts';
import { factShape } from '../src/wire/shapes.ts';

/** The documents say what the program does, or this fails. */

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const textOf = (file: string): string => readFileSync(join(project, file), 'utf8');
const protocol = textOf('docs/protocol.md');

/** Rows of the table whose first column is called `first`, as lists of cells. */
function tableOf(text: string, first: string): string[][] {
  const lines = text.split('\n');
  const begin = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  const rows: string[][] = [];
  for (let index = begin + 2; begin >= 0 && lines[index]?.startsWith('|') === true; index++) {
    rows.push(
      (lines[index] as string)
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

/** Every member that a shape names, its lists and parts included. */
function membersOf(shape: z.ZodType): string[] {
  if (shape instanceof z.ZodObject) {
    return Object.entries(shape.shape as Record<string, z.ZodType>).flatMap(([name, inner]) => [name, ...membersOf(inner)]);
  }
  if (shape instanceof z.ZodArray) return membersOf(shape.element as z.ZodType);
  if (shape instanceof z.ZodOptional) return membersOf(shape.unwrap() as z.ZodType);
  if (shape instanceof z.ZodUnion) return (shape.options as readonly z.ZodType[]).flatMap(membersOf);
  if (shape instanceof z.ZodLiteral && typeof shape.value === 'string') return [shape.value];
  return shape instanceof z.ZodEnum ? shape.options.map(String) : [];
}

/** Words that stand in code spans. */
const coded = new Set(
  [...protocol.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].flatMap(
    (span) => (span[1] as string).match(/[\w-]+/g) ?? [],
  ),
);

describe('docs/protocol.md', () => {
  test('has the table of errors of src/core/errors.ts', () => {
    const told = Object.fromEntries(tableOf(protocol, 'code').map(([code, advice, exit]) => [code, `${advice} ${exit}`]));
    const meant = Object.fromEntries(Object.entries(ERRORS).map(([code, row]) => [`\`${code}\``, `${row.advice} ${row.exit}`]));
    expect(told).toEqual(meant);
  });

  test('names every call and note', () => {
    expect([...Object.keys(CALLS), ...Object.keys(NOTES)].filter((name) => !coded.has(name))).toEqual([]);
  });

  test.each(Object.entries(CALLS))('names every member of %s', (_name, { ask, reply }) => {
    expect([...membersOf(ask), ...membersOf(reply)].filter((member) => !coded.has(member))).toEqual([]);
  });

  test('names every member of notes and facts', () => {
    const shapes = [...Object.values(NOTES).map(({ body }) => body), factShape];
    expect(shapes.flatMap((shape) => membersOf(shape)).filter((member) => !coded.has(member))).toEqual([]);
  });

  test('has the numbers of the program', () => {
    const rows = new Map(tableOf(protocol, 'what').map(([what, limit]) => [what, limit]));
    const shown = (value: number): string => value.toLocaleString('en-US');
    for (const [what, limit] of [
      ['head of a frame', `${shown(HEAD_BYTES_MAX)} bytes`],
      ['tail of a frame', `${shown(TAIL_BYTES_MAX)} bytes`],
      ['nesting of a head', shown(HEAD_DEPTH_MAX)],
      ['values and keys of a head', shown(HEAD_ITEMS_MAX)],
      ['greeting', `${GREETING_BYTES} bytes, ${shown(GREETING_MS)} ms`],
      ['calls of a link under way, each way', shown(CALLS_IN_FLIGHT_MAX)],
      ['silence', `3 intervals, at most ${shown(SILENCE_MS_MAX)} ms`],
      ['entries of a page of `list`', shown(LIST_ENTRIES_MAX)],
      ['records of a `delta`', shown(DELTA_RECORDS_MAX)],
      ['records of one path beside each other, in one index', shown(PATH_RECORDS_MAX)],
      ['facts of a note', shown(FACTS_MAX)],
      [
        'manifests at a peer of uploads by chunks, of those in runs, and of runs from peers, each in all',
        `${MANIFEST_BYTES_ALL / 2 ** 20} MiB`,
      ],
      ['links of one client id, clients of a peer', `${CLIENT_LINKS_MAX}, ${CLIENTS_MAX}`],
      ['links in their greeting, at a peer', shown(PIPES_MAX)],
      ['path', `${shown(PATH_BYTES_MAX)} bytes, a component ${COMPONENT_BYTES_MAX}`],
    ] as const) {
      expect([what, rows.get(what)]).toEqual([what, limit]);
    }
    expect(protocol.replaceAll('\n', ' ')).toContain(
      `\`busy\` (${CLIENT_LINKS_MAX} links of one id, ${CLIENTS_MAX} clients in all)`,
    );
    expect(protocol).toContain(`one TCP port: ${PORT_DEFAULT}`);
    expect(protocol).toContain(`ALPN: \`${ALPN}\``);
    expect(protocol).toContain(`protocol version, big-endian: ${PROTOCOL_VERSION}\n`.replace('\n', ' |'));
    const kinds = tableOf(protocol, 'kind').slice(0, Object.keys(FRAME_KINDS).length);
    expect(Object.fromEntries(kinds.map(([byte, name]) => [name, Number(byte)]))).toEqual(FRAME_KINDS);
  });

  test('has right examples', () => {
    const line = /for the line `([^`]+)`/.exec(protocol)?.[1] ?? '';
    const [name = '', secret = ''] = line.split('/');
    const id = meshIdOf(name, secret);
    const instance = /tag of the instance `(\w+)`/.exec(protocol)?.[1] ?? '';
    expect(protocol).toContain(`| mesh id | \`${id}\` |`);
    expect(protocol).toContain(`| tag of the instance \`${instance}\` | \`${tagOf(id.slice(0, 16), instance)}\` |`);
    const examples = [...protocol.matchAll(/`([0-9a-f]{8} [0-9a-f ]+)`/g)].map((match) =>
      (match[1] as string).replaceAll(' ', ''),
    );
    const frames = [framePrefix('call', 1, encode(['ping', {}])), framePrefix('reply', 1, encode({}))];
    expect(examples).toEqual(frames.map((frame) => Buffer.from(frame).toString('hex')));
  });
});

/** The words of every `filemesh …` in code of a document, and every `--option` that stands for itself. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].flatMap((match) => (match[1] as string).split('\n'));
  const spans = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
  return [...blocks, ...spans].flatMap((code) => code.replace(/\s#.*$/, '').split(/\||&&/)).map((code) => code.trim());
}

const GLOBALS: OptionTable = { ...CLIENT_OPTIONS, help: { describe: '' }, version: { describe: '' } };

/** What the program does not know of one command line; undefined: all is known. */
function unknownIn(code: string): string | undefined {
  const inShell = /^filemesh>\s+(.*)$/.exec(code);
  const call = inShell ?? /^(?:\w*\$\s+)?filemesh(?:\s+(.*))?$/.exec(code);
  const words = (call?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
  const options = (call === null && code.startsWith('--') ? code.split(/\s+/) : words)
    .filter((word) => word.startsWith('--'))
    .map((word) => word.slice(2).replace(/=.*$/, ''));
  if (call === null && options.length === 0) return undefined;
  const commands: readonly CommandFacts[] = inShell === null ? COMMANDS : SHELL_COMMANDS;
  const valued = (option: string) => commands.some((one) => one.options[option]?.value) || GLOBALS[option]?.value !== undefined;
  const plain = words.filter((word, at) => !word.startsWith('-') && !valued((words[at - 1] ?? '').replace(/^--/, '')));
  const verb = plain[0];
  // Words in capitals stand for others.
  const isVerb = verb !== undefined && /^[a-z]/.test(verb);
  const command = commands.find((one) => one.name === verb);
  if (isVerb && command === undefined) return `the command "${verb}" in "${code}"`;
  const tables = command === undefined ? commands.map((one) => one.options) : [command.options];
  const wrong = options.find((option) => ![GLOBALS, ...tables].some((table) => Object.hasOwn(table, option)));
  return wrong === undefined ? undefined : `the option "--${wrong}" in "${code}"`;
}

/** Anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] as string);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function brokenLinksOf(file: string): string[] {
  const text = textOf(file).replace(/^```[\s\S]*?^```/gm, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), decodeURIComponent(path));
      if (!existsSync(join(project, target))) return true;
      return anchor !== undefined && !anchorsOf(textOf(target)).includes(anchor);
    })
    .map((link) => `${file} -> ${link}`);
}

const documents = [
  ...readdirSync(project).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(project, 'docs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(project, join(entry.parentPath, entry.name))),
];

describe('the documents', () => {
  test('name only commands and options that there are', () => {
    const commands = commandsIn(textOf('README.md'));
    expect(commands.filter((code) => /^(\w*\$\s+)?filemesh\s/.test(code)).length).toBeGreaterThan(5);
    expect(commands.map(unknownIn).filter((fault) => fault !== undefined)).toEqual([]);
  });

  test('a wrong name would be seen', () => {
    expect(unknownIn('first$   filemesh upp ~/shared')).toContain('"upp"');
    expect(unknownIn('filemesh up ~/shared --replica 3')).toContain('"--replica"');
    expect(unknownIn('filemesh> up')).toContain('"up"');
    expect(unknownIn('filemesh show --keep alpha')).toContain('"--keep"');
    expect(unknownIn('--heal-afte 10m')).toContain('"--heal-afte"');
    expect(unknownIn('filemesh --join home/x show')).toBeUndefined();
  });

  test('have no broken relative link', () => {
    expect(documents.flatMap(brokenLinksOf)).toEqual([]);
  });
});
