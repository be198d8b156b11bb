import { MeshError } from '../../core/errors.ts';
import type { FilePath } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import { hasAllRuns } from '../../core/striping.ts';
import type { Entry, Reply } from '../../wire/calls.ts';
import type { Session } from '../session.ts';
import type { VerbOptions } from '../transfer.ts';

type Copy = Reply<'history'>['copies'][number];
type Options = Pick<VerbOptions, 'signal'>;
/** Peers named in one sentence. */
const NAMED_MAX = 5;

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

/** Rejects with `unavailable`, and says who may have the rest, when not all parts of a striped older content can be had now. */
export async function assertAllThere(session: Session, path: FilePath, copy: Copy, options: Options): Promise<void> {
  const { current, manifest, runs, size, peers } = copy;
  if (current || manifest === undefined || runs === undefined || hasAllRuns(size, runs)) return;
  const { reply } = await session.call('peers', {}, { signal: options.signal });
  const away = reply.peers.filter(({ alive }) => !alive).map(({ name }) => name);
  const named = [...away.slice(0, NAMED_MAX), ...(away.length > NAMED_MAX ? [`${away.length - NAMED_MAX} more`] : [])];
  const rest = away.length === 0 ? 'no peer that answers has the others' : `the others may be on ${named.join(', ')}, away now`;
  const next =
    away.length === 0 ? 'try again later, or take another version' : 'start what is away and try again, or take another version';
  const what = `only some parts of that version of ${quote(path)} are here, on ${[...peers].sort().slice(0, NAMED_MAX).join(', ')}`;
  throw new MeshError('unavailable', `${what}: ${rest}; this file was not changed: ${next}`);
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
