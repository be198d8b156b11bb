import { unlessStopped } from '../client/waiting.ts';
import { MeshError } from '../core/errors.ts';
import { CLIENT_OPTIONS } from './client-settings.ts';
import { asHelp, COMMAND_GROUPS, COMMANDS, VERBS } from './commands.ts';
import { completionScript } from './completion.ts';
import { EXIT_DONE, EXIT_INTERRUPTED } from './exit-codes.ts';
import { helpOf, helpOfAll } from './help.ts';
import { clientWish, openClient } from './open-client.ts';
import { type OptionTable, type Parsed, parseLine } from './parse.ts';
import { reportError } from './report.ts';
import { runVerb } from './run-verb.ts';
import { isInteractive, processScreen, type Screen } from './screen.ts';
import type { VerbCommand } from './verb.ts';
import { programVersion } from './version.ts';
import type { Doors } from './web-door.ts';

/** Options of the command line beside those of every client verb. */
const GLOBALS: OptionTable = {
  ...CLIENT_OPTIONS,
  version: { describe: 'tell the version of this program' },
};

/** A verb that was called off ends within so long. */
const STOP_MS_MAX = 2000;

/** Runs one command line to its exit code. Nothing is thrown: what fails is told in one line. */
export async function run(argv: readonly string[], doors: Doors): Promise<number> {
  const screen = processScreen();
  try {
    // `restore --version ID` is an option of that verb.
    const globals = argv.includes('restore') ? without(GLOBALS, 'version') : GLOBALS;
    return await runLine(await parseLine(asHelp(argv), COMMANDS, globals), screen, doors);
  } catch (thrown) {
    return reportError(screen, thrown, argv.includes('--json'));
  }
}

async function runLine(line: Parsed, screen: Screen, doors: Doors): Promise<number> {
  const name = line.command?.name;
  if (name === 'help') return help(line, screen);
  if (name !== 'restore' && line.options.has('version')) return told(line, screen, { version: programVersion() });
  if (name === 'completion') return told(line, screen, { script: completionScript(COMMANDS) });
  if (name === 'up') {
    const { up } = await import('./up.ts');
    return await up(line, screen, doors);
  }
  if (name === 'open') {
    const { openPage } = await import('./open-page.ts');
    return await openPage(line, screen);
  }
  const verb = VERBS.find((one) => one.name === name);
  if (verb !== undefined) return await runOnce(verb, line, screen);
  if (line.options.has('json')) throw new MeshError('usage', '--json goes with a command, not with the shell');
  const { shell } = await import('./shell.ts');
  return await shell(line, screen);
}

function help(line: Parsed, screen: Screen): number {
  const [topic] = line.words;
  const columns = screen.size()?.columns;
  const text =
    topic === undefined
      ? helpOfAll(COMMAND_GROUPS, 'filemesh ', CLIENT_OPTIONS, columns)
      : helpOf(topic, COMMANDS, 'filemesh ', CLIENT_OPTIONS, columns);
  return told(line, screen, { help: text });
}

/** Prints the one text that the command is about. */
function told(line: Parsed, screen: Screen, value: Readonly<Record<string, string>>): number {
  if (line.options.has('json')) screen.value(value);
  else screen.print(Object.values(value).join(''));
  return EXIT_DONE;
}

/** One verb for itself: Ctrl-C calls it off, twice ends the program at once. */
async function runOnce(verb: VerbCommand, line: Parsed, screen: Screen): Promise<number> {
  const wish = await clientWish(line, process.env);
  const client = await openClient(wish, { timeoutMs: wish.timeoutMs });
  const stop = new AbortController();
  let isLent = false;
  const interrupt = (): void => {
    if (isLent) return;
    if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
    stop.abort();
    // Whatever the verb waits for must not hold the program back.
    setTimeout(() => process.exit(EXIT_INTERRUPTED), STOP_MS_MAX).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    const code = await runVerb(verb, line, {
      client,
      screen,
      inShell: false,
      signal: stop.signal,
      lendTerminal: async (work) => {
        isLent = true;
        try {
          return await work();
        } finally {
          isLent = false;
        }
      },
      ...(isInteractive() ? { ask: (question) => askOnce(question, stop.signal) } : {}),
    });
    return stop.signal.aborted ? EXIT_INTERRUPTED : code;
  } finally {
    await client.close();
  }
}

/** What the person answers; nothing at Ctrl-D. Rejects when the verb is called off, as by Ctrl-C. */
async function askOnce(question: string, signal: AbortSignal): Promise<string> {
  const { createInterface } = await import('node:readline');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal sends no signal while readline has it: it sees the key.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = new Promise<string>((resolve) => {
    terminal.once('close', () => resolve(''));
    terminal.question(question, resolve);
  });
  try {
    return await unlessStopped(answer, signal);
  } finally {
    terminal.close();
  }
}

function without(table: OptionTable, name: string): OptionTable {
  return Object.fromEntries(Object.entries(table).filter(([option]) => option !== name));
}
