import yargs, { type Argv } from 'yargs';
import { MeshError } from '../core/errors.ts';
import { noCommand, noOption } from './unknown-word.ts';

/** What an option is, for the parser and for help. */
interface OptionFacts {
  readonly describe: string;
  /** Word for its value in the help; absent: a switch. */
  readonly value?: string;
  readonly repeats?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionFacts>>;

/** What a command looks like on the command line. */
export interface CommandFacts {
  readonly name: string;
  /** Its words as help shows them: `NAME [FILE]`. */
  readonly words: string;
  /** How many words it takes. */
  readonly count: { readonly min: number; readonly max: number };
  readonly describe: string;
  readonly options: OptionTable;
  /** What its own help says beside `describe`. */
  readonly details?: string;
  /** Lines for its help, without what stands before a command. */
  readonly examples?: readonly string[];
  /** What other programs call it: whoever types that is told this name. */
  readonly also?: readonly string[];
  /** Words it may take, for completion; absent: as `words` says. */
  candidates?(): readonly string[];
}

/** A command line, read. Every value is the text that was typed. */
export interface Parsed {
  /** Undefined: no command was named. */
  readonly command: CommandFacts | undefined;
  readonly words: readonly string[];
  /** By long name; switches have no texts. */
  readonly options: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads a command line. Options may stand anywhere, `--` ends them. Rejects with `usage`: an unknown command or option,
 * a missing value, an option given twice, too few or too many words. `prefix`: what stands before a command; nothing in
 * the shell.
 */
export async function parseLine(
  argv: readonly string[],
  commands: readonly CommandFacts[],
  globals: OptionTable,
  prefix = 'filemesh ',
): Promise<Parsed> {
  let found: { command: CommandFacts | undefined; values: Record<string, unknown> } | undefined;
  let fault: string | undefined;
  // Its own help and version go first: they would take these names.
  let parser = withOptions(yargs().help(false).version(false), globals)
    .exitProcess(false)
    // Its words would be in the language of the environment, ours are not.
    .detectLocale(false)
    .strictOptions()
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .fail((message, error) => {
      fault = message ?? error?.message ?? 'this cannot be understood';
    })
    .command('$0', false, {}, (values) => {
      found = { command: undefined, values };
    });
  for (const command of commands) {
    parser = parser.command(
      command.name,
      false,
      (line) => withOptions(line, command.options),
      (values) => {
        found = { command, values };
      },
    );
  }
  await parser.parseAsync([...argv]);
  if (fault !== undefined)
    throw new MeshError(
      'usage',
      `${faultInWords(fault, optionsFor(argv, commands, globals))}; ${whereHelpIs(argv, commands, prefix)}`,
    );
  if (found === undefined) throw new MeshError('usage', `this cannot be understood; ${whereHelpIs(argv, commands, prefix)}`);
  return checked(found.command, found.values, globals, argv, commands, prefix);
}

function withOptions(parser: Argv, options: OptionTable): Argv {
  let result = parser;
  for (const [name, facts] of Object.entries(options)) {
    result = result.option(name, facts.value === undefined ? { type: 'boolean' } : { type: 'string', requiresArg: true });
  }
  return result;
}

function checked(
  command: CommandFacts | undefined,
  values: Record<string, unknown>,
  globals: OptionTable,
  argv: readonly string[],
  commands: readonly CommandFacts[],
  prefix: string,
): Parsed {
  const all = (values._ as readonly unknown[]).map(String);
  const first = all[0];
  if (command === undefined && first !== undefined) throw noCommand(first, commands, prefix);
  const words = command === undefined ? [] : all.slice(1);
  if (command !== undefined && (words.length < command.count.min || words.length > command.count.max)) {
    const usage = `${prefix}${command.name} ${command.words}`.trimEnd();
    if (words.length < command.count.min) throw new MeshError('usage', `${command.name} takes more words: ${usage}`);
    const quotes = command.count.max === 0 ? '' : ' (a name with blanks stands in quotes)';
    throw new MeshError('usage', `${command.name} takes fewer words: ${usage}${quotes}`);
  }
  return { command, words, options: optionsOf({ ...globals, ...command?.options }, values, argv) };
}

function optionsOf(table: OptionTable, values: Record<string, unknown>, argv: readonly string[]): Map<string, readonly string[]> {
  const options = new Map<string, readonly string[]>();
  for (const [name, facts] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined) continue;
    if (facts.value === undefined) {
      // A switch takes no value; yargs would read `--force=yes` as false.
      if (argv.some((word) => word.startsWith(`--${name}=`))) throw new MeshError('usage', `--${name} takes no value`);
      if (value !== false) options.set(name, []);
      continue;
    }
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    // What a script's unset variable leaves would name the top of the mesh, or this folder.
    if (texts.includes('')) throw new MeshError('usage', `--${name} takes a value, and an empty one was given`);
    if (texts.length > 1 && facts.repeats !== true) throw new MeshError('usage', `--${name} is given twice`);
    options.set(name, texts);
  }
  return options;
}

function whereHelpIs(argv: readonly string[], commands: readonly CommandFacts[], prefix: string): string {
  const command = commandIn(argv, commands);
  return command === undefined ? `"${prefix}help" lists the commands` : `"${prefix}help ${command.name}" shows how it is used`;
}

function optionsFor(argv: readonly string[], commands: readonly CommandFacts[], globals: OptionTable): OptionTable {
  return { ...commandIn(argv, commands)?.options, ...globals };
}

function commandIn(argv: readonly string[], commands: readonly CommandFacts[]): CommandFacts | undefined {
  return commands.find((one) => argv.includes(one.name));
}

/** What yargs finds wrong, in our words: it knows options by their bare names, and reads `-name` as four of them. */
function faultInWords(fault: string, options: OptionTable): string {
  const missing = /^Not enough arguments following: (.+)$/.exec(fault)?.[1];
  if (missing !== undefined) return `--${missing} takes a value`;
  const unknown = /^Unknown arguments?: (.+)$/.exec(fault)?.[1]?.split(', ');
  if (unknown === undefined) return fault.charAt(0).toLowerCase() + fault.slice(1);
  return noOption(unknown[0] ?? '', options);
}
