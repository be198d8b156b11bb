import { asMeshError, MeshError } from '../../core/errors.ts';
import type { FilePath, PeerId } from '../../core/ids.ts';
import { checkPath, pathNamed, quote } from '../../core/path.ts';
import { type Entry, type Reply, TAIL_BYTES_MAX, WRONG_GIVERS_MAX } from '../../wire/calls.ts';
import { type ChangeResult, type HistoryItem, isoTime } from '../results.ts';
import type { Session } from '../session.ts';
import { sideBySide } from '../side-by-side.ts';
import type { VerbOptions } from '../transfer.ts';
import { restoreCopy } from './changes.ts';
import { collected, findEntry, listFolder, notFound } from './listing.ts';
import { assertAllThere } from './unavailable.ts';

/** One content that can be had, and whether it is current. */
export type Copy = Reply<'history'>['copies'][number];
type Options = Pick<VerbOptions, 'signal'>;

/** Digits of a version id a person must type at least. */
const VERSION_DIGITS_MIN = 4;
/** Files of a folder brought back at once. Range 1–32. */
const RESTORES_MAX = 8;
/** Files of a folder whose histories are asked for at once: each asks every peer. Range 1–32. */
const HISTORIES_MAX = 8;

/** Others named that a deletion ended, and the digits of each. */
const OTHERS_NAMED_MAX = 3;
const OTHER_DIGITS = 12;

/** What is told of one content. */
export function historyItem({ hash, modified, size, origin, peers }: Copy): HistoryItem {
  // They come in the order of their answers.
  return { version: hash, modified: isoTime(modified), size, origin, peers: [...peers].sort() };
}

/**
 * Brings an older content of a name back, or the deleted files of a folder. `version`: the beginning of its hash as
 * `history` shows it; absent: what was deleted, else the newest that is not current.
 */
export async function restore(
  session: Session,
  name: string,
  version: string | undefined,
  options: Options,
): Promise<ChangeResult[]> {
  const path = pathNamed(name);
  if (version === undefined && (await findEntry(session, path, options)) === undefined) {
    const below = await collected(listFolder(session, path, options, true));
    const one = (file: Entry) => restoreFile(session, file.path, undefined, options);
    if (below.length > 0) return (await sideBySide(below, RESTORES_MAX, one)).flat();
  }
  return await restoreFile(session, path, version, options);
}

async function restoreFile(
  session: Session,
  name: FilePath,
  version: string | undefined,
  options: Options,
): Promise<ChangeResult[]> {
  const copies = await copiesOf(session, name, options);
  const copy = version === undefined ? copies.find((one) => !one.current) : chosen(copies, version);
  if (copy === undefined) throw notKept(version === undefined ? 'no older version' : `no version ${quote(version)}`, name);
  await assertAllThere(session, name, copy, options);
  const results = await restoreCopy(session, name, copy.copy, options);
  const others = version === undefined ? copies.filter((one) => one !== copy && one.deleted === true) : [];
  return others.length === 0 ? results : results.map((result) => ({ ...result, note: othersWords(name, others, result.note) }));
}

/** One of them alone is a name's next version: whoever undoes the deletion of a conflict is told how to get another. */
function othersWords(name: FilePath, others: readonly Copy[], note: string | undefined): string {
  const told = others.slice(0, OTHERS_NAMED_MAX).map(({ hash, origin }) => `${hash.slice(0, OTHER_DIGITS)} of ${origin}`);
  const more = others.length > OTHERS_NAMED_MAX ? ` and ${others.length - OTHERS_NAMED_MAX} more` : '';
  const words = `its deletion ended other contents too: ${told.join(', ')}${more}`;
  const next = `filemesh restore ${quote(name)} --version ID takes one instead, and this one stays in the history`;
  return `${note === undefined ? '' : `${note}; `}${words}; ${next}`;
}

/** A content that the name has or had, by the beginning of its hash. Rejects with `not-found` where nobody keeps it any more. */
export async function keptCopy(session: Session, name: FilePath, version: string, options: Options): Promise<Copy> {
  const copy = chosen(await copiesOf(session, name, options), version);
  if (copy === undefined) throw notKept(`no version ${quote(version)}`, name);
  return copy;
}

/** Bytes of an older content, and the peer that gave them, where that was told. */
export interface OlderBytes {
  /** None: it is not as long as it was said to be. */
  readonly bytes: Uint8Array;
  readonly by: PeerId | undefined;
}

/**
 * The next bytes of an older content from `offset` on, from whichever live peer keeps it. They are proved by the hash of all alone,
 * so nobody is shown any before all came. `without`: peers that gave wrong ones, and look at what they keep. Rejects with
 * `not-found` when nobody else keeps it.
 */
export async function readOlder(
  session: Session,
  path: FilePath,
  { hash, size, offset, without }: Pick<Copy, 'hash' | 'size'> & { offset: number; without: readonly PeerId[] },
  options: Options,
): Promise<OlderBytes> {
  for (;;) {
    const wrong = without.length === 0 ? {} : { without: without.slice(-WRONG_GIVERS_MAX) };
    const ask = { path, hash, offset, length: Math.min(TAIL_BYTES_MAX, size - offset), ...wrong };
    const { reply, tail } = await session.call('read-old', ask, { signal: options.signal, subject: path });
    // Else its turn has not come.
    if (tail.length > 0 || reply.given !== 0) return { bytes: tail.subarray(0, ask.length), by: reply.by };
  }
}

/** The contents a file, or each file of a folder, has and had: deleted files too, in the order of their names. */
export async function historiesOf(
  session: Session,
  name: string,
  options: Options,
): Promise<{ path: FilePath; copies: Copy[] }[]> {
  const path = pathNamed(name);
  try {
    return [{ path, copies: await copiesOf(session, path, options) }];
  } catch (thrown) {
    if (asMeshError(thrown).code !== 'not-found') throw thrown;
    const present = await collected(listFolder(session, path, options));
    const deleted = await collected(listFolder(session, path, options, true));
    const paths = [...new Set([...present, ...deleted].map((entry) => entry.path))].sort();
    if (paths.length === 0) throw thrown;
    return await sideBySide(paths, HISTORIES_MAX, async (one) => ({ path: one, copies: await keptOf(session, one, options) }));
  }
}

/** As `copiesOf`; none where nothing is kept any more. */
async function keptOf(session: Session, path: FilePath, options: Options): Promise<Copy[]> {
  try {
    return await copiesOf(session, path, options);
  } catch (thrown) {
    if (asMeshError(thrown).code === 'not-found') return [];
    throw thrown;
  }
}

/**
 * The contents a name has and had, with the peers that can give them back: current ones first, then what was deleted, then the
 * newest.
 */
async function copiesOf(session: Session, name: string, options: Options): Promise<Copy[]> {
  const { reply } = await session.call(
    'history',
    { path: checkPath(name), ask: true },
    { signal: options.signal, subject: name },
  );
  if (reply.copies.length === 0) throw notFound(name);
  return [...reply.copies];
}

function notKept(what: string, name: string): MeshError {
  return new MeshError('not-found', `${what} of ${quote(name)} is kept; "filemesh history" lists those that are`);
}

function chosen(copies: readonly Copy[], version: string): Copy | undefined {
  const exact = copies.find((one) => one.copy === version);
  if (exact !== undefined) return exact;
  if (version.length < VERSION_DIGITS_MIN) {
    throw new MeshError('usage', `a version needs at least ${VERSION_DIGITS_MIN} digits of its id`);
  }
  const fitting = copies.filter((one) => one.hash.startsWith(version));
  if (new Set(fitting.map((one) => one.hash)).size > 1) {
    throw new MeshError('usage', `several versions begin with ${quote(version)}: give more digits`);
  }
  return fitting[0];
}
