import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import { unlessStopped } from '../client/waiting.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import { asHelp, BYE, COMMANDS, HELP, SHELL_COMMANDS, SHELL_GROUPS, VERBS } from './commands.ts';
import { completeLine, NameCache } from './completer.ts';
import { EXIT_DONE, EXIT_INTERRUPTED } from './exit-codes.ts';
import { helpOf, helpOfAll } from './help.ts';
import { type ClientWish, clientWish, type OpenClient, openClient } from './open-client.ts';
import { shownText } from './output.ts';
import { type CommandFacts, type OptionTable, type Parsed, parseLine } from './parse.ts';
import { reportError } from './report.ts';
import { runVerb } from './run-verb.ts';
import type { Screen } from './screen.ts';
import { readHistory, writeHistory } from './shell-history.ts';
import { welcome } from './shell-welcome.ts';
import { TypedLines } from './typed-lines.ts';
import type { VerbCommand } from './verb.ts';
import { wordsOf } from './words.ts';

/** Options a line of the shell may have beside its verb's own. */
const LINE_OPTIONS: OptionTable = { json: { describe: 'print one JSON value' } };
/** A line that is not understood may have said it all the same. */
const JSON_WISH = /(?:^|\s)--json(?:\s|$)/;
const PROMPT = 'filemesh> ';
/** Ends the shell when the person says so: no exit code. */
const LEAVE = -1;

/**
 * The client shell: at a terminal with prompt and history, else the lines of standard input in order. `more`: commands it
 * takes beside the client's own, of a program that has this shell in it.
 */
export async function shell(line: Parsed, screen: Screen, more: readonly VerbCommand[] = []): Promise<number> {
  const wish = await clientWish(line, process.env);
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  return isTerminal ? await new TerminalShell(wish, screen, more).run() : await runPiped(wish, screen, more);
}

/** One verb a line, in order; each may have its error. Resolves with the exit code of the first failure. */
async function runPiped(wish: ClientWish, screen: Screen, more: readonly VerbCommand[]): Promise<number> {
  const client = await openClient(wish, { timeoutMs: wish.timeoutMs });
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  let firstFailure = EXIT_DONE;
  const input = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  stop.signal.addEventListener('abort', () => input.close());
  try {
    for await (const text of input) {
      const code = await runShellLine(text, client, screen, stop.signal, { more });
      if (code === LEAVE) break;
      if (stop.signal.aborted) break;
      if (firstFailure === EXIT_DONE) firstFailure = code;
    }
    // What follows was not run: that is no success, whatever the last line came to.
    return stop.signal.aborted ? EXIT_INTERRUPTED : firstFailure;
  } finally {
    input.close();
    await client.close();
  }
}

interface ShellHooks {
  readonly more: readonly VerbCommand[];
  readonly ask?: (question: string) => Promise<string>;
  readonly lendTerminal?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Runs one line: LEAVE for `bye`, else its exit code. Its error is told. */
async function runShellLine(
  text: string,
  client: OpenClient,
  screen: Screen,
  signal: AbortSignal,
  hooks: ShellHooks,
): Promise<number> {
  try {
    const words = asHelp(withoutProgram(wordsOf(text)));
    if (words.length === 0 || words[0]?.startsWith('#') === true) return EXIT_DONE;
    const commands = [...hooks.more, ...SHELL_COMMANDS];
    assertOfShell(words[0] ?? '', commands);
    const line = await parseLine(words, commands, LINE_OPTIONS, '');
    if (line.command?.name === BYE.name) return LEAVE;
    if (line.command === undefined) throw new MeshError('usage', 'a line begins with a command; "help" lists them');
    if (line.command.name === HELP.name) {
      screen.print(helpText(line.words[0], hooks.more, screen.size()?.columns));
      return EXIT_DONE;
    }
    const verb = [...hooks.more, ...VERBS].find((one) => one.name === line.command?.name);
    if (verb === undefined) throw new MeshError('usage', '"help" lists the commands');
    const lendTerminal = hooks.lendTerminal ?? ((work) => work());
    return await runVerb(verb, line, {
      client,
      screen,
      inShell: true,
      signal,
      lendTerminal,
      ...(hooks.ask && { ask: hooks.ask }),
    });
  } catch (thrown) {
    return reportError(screen, thrown, JSON_WISH.test(text));
  }
}

/** Messages name commands as they stand outside: pasted here they are understood. */
function withoutProgram(words: readonly string[]): readonly string[] {
  return words[0] === 'filemesh' && words.length > 1 ? words.slice(1) : words;
}

/** What only the command line has is no unknown word. */
function assertOfShell(name: string, commands: readonly CommandFacts[]): void {
  const isOutside = COMMANDS.some((one) => one.name === name) && !commands.some((one) => one.name === name);
  if (isOutside) throw new MeshError('usage', `"${name}" is not for the shell: leave it with "bye" and type "filemesh ${name}"`);
}

function helpText(topic: string | undefined, more: readonly VerbCommand[], columns: number | undefined): string {
  if (topic !== undefined) return helpOf(topic, [...more, ...SHELL_COMMANDS], '', LINE_OPTIONS, columns);
  const groups = more.length === 0 ? SHELL_GROUPS : [...SHELL_GROUPS, { title: 'Here', commands: more }];
  return helpOfAll(groups, '', LINE_OPTIONS, columns);
}

/** Peers need a moment to be found, and a shorter silence is nobody's concern. Range 1–5 s. */
const WAITING_TOLD_MS = 2_000;

/** The shell a person sits at. */
class TerminalShell {
  readonly #wish: ClientWish;
  readonly #screen: Screen;
  readonly #more: readonly VerbCommand[];
  readonly #names = new NameCache();
  #stop: AbortController | undefined;
  #isAsking = false;
  #terminal: Interface | undefined;
  /** Until it is told that no peer answers; undefined: it was told, or one does. */
  #waiting: NodeJS.Timeout | undefined;

  constructor(wish: ClientWish, screen: Screen, more: readonly VerbCommand[]) {
    this.#wish = wish;
    this.#more = more;
    this.#screen = screen;
  }

  async run(): Promise<number> {
    const client = await openClient(this.#wish, {
      timeoutMs: 'never',
      onWaiting: () => {
        this.#waiting = setTimeout(() => this.#tellWaiting(), WAITING_TOLD_MS).unref();
      },
      onBack: (peerName) => this.#tellBack(peerName),
    });
    const history = await readHistory(this.#wish.home.historyFile);
    const terminal = createInterface({
      input: process.stdin,
      output: process.stdout,
      prompt: PROMPT,
      history,
      removeHistoryDuplicates: true,
      completer: (text: string, answer: (error: Error | null, result: [string[], string]) => void) => {
        completeLine(text, client.session, this.#names, this.#more).then(
          (result) => answer(null, result),
          () => answer(null, [[], text]),
        );
      },
    });
    this.#terminal = terminal;
    const lines = new TypedLines(terminal);
    terminal.on('SIGINT', () => this.#interrupt(terminal));
    // What answers a question is no line to come back to: readline would keep it.
    terminal.on('history', (kept: string[]) => {
      if (this.#isAsking) kept.shift();
    });
    // Ctrl-D, maybe in the middle of a verb: there is no prompt any more.
    terminal.on('close', () => {
      this.#terminal = undefined;
      this.#stop?.abort();
    });
    try {
      await this.#greet(client);
      await this.#lines(client, terminal, lines);
      return EXIT_DONE;
    } finally {
      terminal.close();
      clearTimeout(this.#waiting);
      await client.close();
    }
  }

  async #greet(client: OpenClient): Promise<void> {
    const signal = this.#begin();
    try {
      await client.enter({ signal });
      await welcome(client, this.#screen, signal);
    } catch (thrown) {
      reportError(this.#screen, asMeshError(thrown), false);
    } finally {
      this.#stop = undefined;
    }
  }

  /** Until `bye`, or Ctrl-D. */
  async #lines(client: OpenClient, terminal: Interface, lines: TypedLines): Promise<void> {
    const hooks: ShellHooks = {
      more: this.#more,
      ask: (question) => this.#ask(terminal, question),
      lendTerminal: (work) => lend(terminal, work),
    };
    for (;;) {
      this.#terminal?.prompt();
      const text = await lines.next();
      if (text === undefined) return this.#screen.print('\n');
      await writeHistory(this.#wish.home.historyFile, text);
      const signal = this.#begin();
      const code = await runShellLine(text, client, this.#screen, signal, hooks);
      this.#stop = undefined;
      this.#names.forget();
      if (code === LEAVE) return;
    }
  }

  /** From now until the verb ends Ctrl-C stops it; at the prompt it clears the line. */
  #begin(): AbortSignal {
    const stop = new AbortController();
    this.#stop = stop;
    return stop.signal;
  }

  #interrupt(terminal: Interface): void {
    if (this.#stop !== undefined) {
      this.#stop.abort();
      return;
    }
    terminal.write(null, { ctrl: true, name: 'e' });
    terminal.write(null, { ctrl: true, name: 'u' });
    this.#screen.note('("bye" or Ctrl-D leaves)');
    terminal.prompt();
  }

  #tellWaiting(): void {
    this.#waiting = undefined;
    this.#tell(`no peer answers; trying on${this.#stop === undefined ? '' : ' (Ctrl-C stops the command)'}`);
  }

  #tellBack(peerName: string): void {
    const wasTold = this.#waiting === undefined;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    if (wasTold) this.#tell(`back: ${shownText(peerName)} answers`);
  }

  /** News that nobody asked for: at the prompt it stands above the line that is being typed. */
  #tell(text: string): void {
    const isAtPrompt = this.#stop === undefined && this.#terminal !== undefined;
    if (isAtPrompt) {
      cursorTo(process.stdout, 0);
      clearLine(process.stdout, 0);
    }
    this.#screen.note(text);
    if (isAtPrompt) this.#terminal?.prompt(true);
  }

  #ask(terminal: Interface, question: string): Promise<string> {
    const signal = this.#stop?.signal;
    this.#isAsking = true;
    const answer = new Promise<string>((resolve) => {
      terminal.question(question, { ...(signal && { signal }) }, resolve);
    });
    return unlessStopped(answer, signal).finally(() => {
      this.#isAsking = false;
    });
  }
}

/** Another program has the terminal while `work` lasts: its keys are not read here. */
async function lend<T>(terminal: Interface, work: () => Promise<T>): Promise<T> {
  terminal.pause();
  process.stdin.setRawMode(false);
  // Ctrl-C in the editor is the editor's.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    return await work();
  } finally {
    process.off('SIGINT', ignore);
    process.stdin.setRawMode(true);
    terminal.resume();
  }
}
