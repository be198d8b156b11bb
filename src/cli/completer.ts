import { readdir } from 'node:fs/promises';
import type { Session } from '../client/session.ts';
import { listEntries } from '../client/verbs/listing.ts';
import { SHELL_COMMANDS } from './commands.ts';
import type { CommandFacts } from './parse.ts';
import { splitLine, typed } from './words.ts';

/** Names fetched for one completion: more would not help a person. */
const NAMES_MAX = 2000;
/** A person who pressed Tab does not wait longer. */
const WAIT_MS = 1500;

/** File names for completion, fetched once between two commands. */
export class NameCache {
  #names: Promise<string[]> | undefined;

  names(session: Session): Promise<string[]> {
    this.#names ??= fetchNames(session);
    return this.#names;
  }

  forget(): void {
    this.#names = undefined;
  }
}

/** What readline's completer answers: the possible ends, and the part of the line they replace. */
export async function completeLine(
  line: string,
  session: Session,
  cache: NameCache,
  more: readonly CommandFacts[] = [],
): Promise<[string[], string]> {
  const { words, last, lastStart } = splitLine(line);
  const isFirst = words.length === 0 || (words.length === 1 && lastStart < line.length);
  const candidates = isFirst
    ? [...more, ...SHELL_COMMANDS].map((command) => command.name)
    : await wordsFor(lastStart < line.length ? words.slice(0, -1) : words, last, () => cache.names(session), more);
  const fitting = candidates.filter((candidate) => candidate.startsWith(last));
  return [
    fitting.map((candidate) => (candidate.endsWith('/') ? typed(candidate) : `${typed(candidate)} `)),
    line.slice(lastStart),
  ];
}

/** What may follow the words `before`. */
async function wordsFor(
  before: readonly string[],
  last: string,
  names: () => Promise<string[]>,
  more: readonly CommandFacts[],
): Promise<string[]> {
  const commands = [...more, ...SHELL_COMMANDS];
  const facts = commands.find((one) => one.name === before[0]);
  if (facts === undefined) return [];
  if (last.startsWith('-')) return Object.keys(facts.options).map((option) => `--${option}`);
  if (isLocal(facts.name, before)) return await localNames(last);
  if (facts.candidates !== undefined) return [...facts.candidates()];
  const isName = before.at(-1) === '--to' || /NAME|PATTERN/.test(facts.words);
  if (!isName) return facts.name === 'help' ? commands.map((one) => one.name) : [];
  return nextParts(await names(), last);
}

/** Whether the next word names a file of this machine: what goes up, and where something comes down to. */
function isLocal(command: string, before: readonly string[]): boolean {
  const isTarget = before.at(-1) === '--to';
  if (command === 'upload') return !isTarget;
  if (command === 'download') return isTarget;
  return command === 'create' && before.length >= 2;
}

/** Names up to the next slash behind what is typed: folders first as such, as shells do. */
export function nextParts(names: readonly string[], last: string): string[] {
  const parts = new Set<string>();
  for (const name of names) {
    if (!name.startsWith(last)) continue;
    const slash = name.indexOf('/', last.length);
    parts.add(slash < 0 ? name : name.slice(0, slash + 1));
  }
  return [...parts];
}

/** What lies here under the folder that is being typed. */
async function localNames(last: string): Promise<string[]> {
  const folder = last.slice(0, last.lastIndexOf('/') + 1);
  try {
    const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
    return entries.map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`);
  } catch {
    return [];
  }
}

async function fetchNames(session: Session): Promise<string[]> {
  const names: string[] = [];
  const signal = AbortSignal.timeout(WAIT_MS);
  try {
    for await (const entry of listEntries(session, {}, { signal })) {
      names.push(entry.path);
      if (names.length >= NAMES_MAX) break;
    }
  } catch {
    // What came in time is offered.
  }
  return names;
}
