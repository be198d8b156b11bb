import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { Entry } from '../../wire/calls.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

/** What is told of a name none of whose contents can be had: who has it, and who has an older one. */
export async function unavailable(session: Session, entry: Entry, options: VerbOptions): Promise<MeshError> {
  const holders = new Set(entry.contents.flatMap((content) => content.holders.map((holder) => holder.name)));
  const isIncomplete = entry.contents.some((content) => content.incomplete === true);
  const where = `${isIncomplete ? 'parts of it lie' : 'it lies'} on ${[...holders].join(', ')}`;
  const who =
    holders.size === 0 ? 'no peer has it any more' : `${where}, ${isIncomplete ? 'not all of them here now' : 'away now'}`;
  const older = await olderHolders(session, entry, options);
  const past = older.length === 0 ? '' : `; ${older.join(', ')} has an older version ("filemesh history" shows it)`;
  return new MeshError('unavailable', `${quote(entry.path)} cannot be had: ${who}${past}`);
}

async function olderHolders(session: Session, entry: Entry, options: VerbOptions): Promise<string[]> {
  try {
    const { reply } = await session.call('history', { path: entry.path, ask: true }, { signal: options.signal });
    return [...new Set(reply.copies.filter((copy) => !copy.current).flatMap((copy) => copy.peers))];
  } catch {
    // Only a hint for the message: without it the message is still right.
    return [];
  }
}
