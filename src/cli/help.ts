import type { CommandFacts, OptionTable } from './parse.ts';
import { wrapToWidth } from './shown-width.ts';
import { noCommand } from './unknown-word.ts';

/** Commands that belong together, under a title. */
export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandFacts[];
}

/** Columns of a line where nobody tells how many there are, and at most: longer lines are hard to read. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MAX = 100;
/** What is explained stands beside its explanation up to so many columns, and above it when it is wider. */
const LEFT_MAX = 28;

/** What `help` prints for all commands. `prefix`: `filemesh ` on the command line, empty in the shell. `columns`: of the terminal. */
export function helpOfAll(groups: readonly CommandGroup[], prefix: string, globals: OptionTable, columns?: number): string {
  const lists = groups.flatMap(({ title, commands }) => [
    '',
    `${title}:`,
    ...rowsOf(
      commands.map(({ name, words, describe }) => [`${name} ${words}`.trimEnd(), describe] as const),
      columns,
    ),
  ]);
  const isShell = prefix === '';
  const options = isShell ? 'Options of every command:' : 'Options of every command but up:';
  return [
    ...(isShell ? lists.slice(1) : [...START, ...lists]),
    ...optionLines(options, globals, columns),
    '',
    `"${prefix}help COMMAND" tells more of one, with examples.`,
    ...(isShell ? SHELL_KEYS : [...ENVIRONMENT, ...EXIT_CODES]),
  ].join('\n');
}

const START = [
  'filemesh: the spare disks of the machines on your network, as one file store',
  '',
  '  filemesh up FOLDER     run a peer here; it prints how others join',
  '  filemesh COMMAND ...   do one thing, and end',
  '  filemesh               the shell: the same commands, without "filemesh"',
];

const SHELL_KEYS = [
  'Tab completes, arrows bring back earlier lines, Ctrl-C stops a command; names',
  'with blanks stand in quotes.',
];

const ENVIRONMENT = [
  'Environment: FILEMESH_JOIN, FILEMESH_PEER and so on stand for the options;',
  'FILEMESH_USER and FILEMESH_PASSWORD log in; FILEMESH_HOME names the folder where',
  'this program keeps what it knows.',
];

/** A contract (core/errors.ts has the table): scripts rely on it. */
const EXIT_CODES = [
  'Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 exists already,',
  '5 no peer or holder in reach, 6 conflict, 7 not allowed, 130 stopped by Ctrl-C.',
];

/** What `help COMMAND` prints. Rejects with `usage` when there is none of that name. */
export function helpOf(
  name: string,
  commands: readonly CommandFacts[],
  prefix: string,
  globals: OptionTable,
  columns?: number,
): string {
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw noCommand(name, commands, prefix);
  const examples = (command.examples ?? []).map((line) => `  ${prefix}${line}`);
  return [
    `${prefix}${command.name} ${command.words}`.trimEnd(),
    ...indented(command.describe, 2, columns),
    ...(command.details === undefined ? [] : indented(command.details, 2, columns)),
    ...optionLines('Options:', command.options, columns),
    ...optionLines('Options of every command:', command.name === 'up' ? {} : globals, columns),
    ...(examples.length === 0 ? [] : ['', examples.length === 1 ? 'Example:' : 'Examples:', ...examples]),
  ].join('\n');
}

function optionLines(title: string, options: OptionTable, columns: number | undefined): string[] {
  const rows = Object.entries(options).map(
    ([name, facts]) => [`--${name} ${facts.value ?? ''}`.trimEnd(), facts.describe] as const,
  );
  return rows.length === 0 ? [] : ['', title, ...rowsOf(rows, columns)];
}

/** What is explained on the left, its explanation in lines of their own column on the right. */
function rowsOf(rows: readonly (readonly [string, string])[], columns: number | undefined): string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length).filter((length) => length <= LEFT_MAX));
  return rows.flatMap(([left, right]) => {
    const [first = '', ...rest] = indented(right, width + 4, columns);
    return left.length > width ? [`  ${left}`, first, ...rest] : [`  ${left.padEnd(width)}${first.slice(width + 2)}`, ...rest];
  });
}

function indented(text: string, indent: number, columns = COLUMNS_DEFAULT): string[] {
  const room = Math.max(LEFT_MAX, Math.min(columns, COLUMNS_MAX) - 1 - indent);
  return wrapToWidth(text, room)
    .split('\n')
    .map((line) => `${' '.repeat(indent)}${line}`);
}
