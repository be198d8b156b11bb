import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import type { CommandFacts, OptionTable } from './parse.ts';

/** What `help` prints for all commands. `prefix`: `filemesh ` on the command line, empty in the shell. */
export function helpOfAll(commands: readonly CommandFacts[], prefix: string, globals: OptionTable): string {
  const rows = commands.map((command) => [`${prefix}${command.name} ${command.words}`.trimEnd(), command.describe] as const);
  const first = prefix === '' ? [] : [['filemesh', 'the shell: the same commands, without "filemesh"'] as const];
  return ['Commands:', ...columns([...first, ...rows]), ...optionLines('Options of every command but up:', globals)].join('\n');
}

/** What `help COMMAND` prints. Rejects with `usage` when there is none of that name. */
export function helpOf(name: string, commands: readonly CommandFacts[], prefix: string, globals: OptionTable): string {
  const command = commands.find((one) => one.name === name);
  if (command === undefined)
    throw new MeshError('usage', `there is no command ${quote(name)}; "${prefix}help" lists the commands`);
  const options = command.name === 'up' ? {} : globals;
  return [
    `${prefix}${command.name} ${command.words}`.trimEnd(),
    `  ${command.describe}`,
    ...optionLines('Options:', command.options),
    ...optionLines('Options of every command:', options),
  ].join('\n');
}

function optionLines(title: string, options: OptionTable): string[] {
  const rows = Object.entries(options).map(
    ([name, facts]) => [`--${name} ${facts.value ?? ''}`.trimEnd(), facts.describe] as const,
  );
  return rows.length === 0 ? [] : ['', title, ...columns(rows)];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
