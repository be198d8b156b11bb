import type { Session } from '../client/session.ts';
import type { VerbOptions } from '../client/transfer.ts';
import type { FileCutter } from './file-cutter.ts';
import type { KeptLogin } from './kept-login.ts';
import type { CommandFacts, Parsed } from './parse.ts';
import type { Screen } from './screen.ts';
import type { OwnKey } from './sealing/own-key.ts';

/** What a client verb is run with. */
export interface VerbContext {
  readonly session: Session;
  readonly screen: Screen;
  /** Where this user's programs keep what they know of the mesh. */
  readonly meshFolder: string;
  /** One JSON value is wanted on standard output. */
  readonly json: boolean;
  /** Signal, progress and hash for the client's verbs. */
  readonly options: VerbOptions;
  /** The verb stands in a shell: it never reads standard input. */
  readonly inShell: boolean;
  /** Asks the person; absent where there is none. */
  readonly ask?: (question: string) => Promise<string>;
  /** Leaves the terminal, and Ctrl-C with it, to another program while `work` lasts. */
  readonly lendTerminal: <T>(work: () => Promise<T>) => Promise<T>;
  /** What is kept of a login; undefined: nothing is. */
  readonly login: KeptLogin | undefined;
  /** What opens the sealed files of who is logged in. */
  readonly ownKey: OwnKey;
  /** Cuts the local files that are uploaded. */
  readonly cutter: FileCutter;
  /** Clears what a progress bar left on the line, before words are written. */
  readonly quiet: () => void;
}

/** A verb of the client: what it looks like, and what it does. */
export interface VerbCommand extends CommandFacts {
  /** Resolves with the exit code. */
  run(context: VerbContext, line: Parsed): Promise<number>;
}

/** The value given for an option that takes one. */
export function optionText(line: Parsed, option: string): string | undefined {
  return line.options.get(option)?.[0];
}

/** The word at `index`; the parser has made sure of those that must be there. */
export function wordAt(line: Parsed, index: number): string {
  return line.words[index] ?? '';
}

/** True when the person answers yes. */
export async function agrees(context: Pick<VerbContext, 'ask'>, question: string): Promise<boolean> {
  const answer = await context.ask?.(`${question} [y/N] `);
  return /^y(es)?$/i.test((answer ?? '').trim());
}
