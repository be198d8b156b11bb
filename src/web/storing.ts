import type { ChangeResult } from '../client/results.ts';
import type { Session } from '../client/session.ts';
import type { Source, VerbOptions } from '../client/transfer.ts';
import { rightsOf } from '../client/verbs/accounts.ts';
import { findEntry } from '../client/verbs/listing.ts';
import { create, inConflict, store } from '../client/verbs/upload.ts';
import { asMeshError } from '../core/errors.ts';
import type { FilePath, VersionKey } from '../core/ids.ts';
import { assertStorable, foldersOf, quote } from '../core/path.ts';
import { rightAmong } from '../core/rights.ts';
import type { Entry } from '../wire/calls.ts';
import { fitsTag, isChangedSince, tagOf } from './conditional.ts';
import { WebFailure } from './failures.ts';

/** On what condition something is stored, in the words of HTTP. */
export interface StoreWish {
  /** Only where it is not that content; `*`: only where there is nothing yet. */
  readonly ifNoneMatch?: string | undefined;
  /** Only after that content. */
  readonly ifMatch?: string | undefined;
  /** Only after a content that is not younger. */
  readonly ifUnmodifiedSince?: string | undefined;
  /** Bytes that come at once, as their sender says. */
  readonly size?: number | undefined;
}

/** Bytes hashed at once, of what may be there already. Range 64 KiB – 4 MiB. */
const HASHED_BYTES = 1024 * 1024;

/** A store that is allowed as things are: to be asked for before a byte is taken in. */
export interface Storing {
  /** Nothing of that name was there. */
  readonly isNew: boolean;
  /** What it follows: as of now, not of when its bytes are all there. */
  readonly base: readonly VersionKey[];
  with(source: Source): Promise<ChangeResult>;
}

/** Rejects with 403 where the name is not theirs to write, 409 where a folder or several versions have it or a file lies on its way, 412 where the condition is not fulfilled. */
export async function prepareStore(
  session: Session,
  path: FilePath,
  { ifNoneMatch, ifMatch, ifUnmodifiedSince, size }: StoreWish,
  options: VerbOptions,
): Promise<Storing> {
  assertStorable(path);
  await checkRight(session, path, options);
  const entry: Entry | undefined = await findEntry(session, path, options);
  const [present] = entry?.contents ?? [];
  if (entry !== undefined && entry.contents.length > 1) throw inConflict(path);
  if (ifNoneMatch !== undefined && present !== undefined && fitsTag(ifNoneMatch, present.hash, true)) {
    const what = ifNoneMatch === '*' ? `there is a file ${quote(path)}` : `${quote(path)} has that content`;
    // Also to whoever had it stored and was not told: of two that ask for one name so, one alone gets it.
    throw new WebFailure(412, 'exists', `${what} already`, { etag: tagOf(present.hash) });
  }
  const base = entry?.base ?? [];
  const isOther = ifMatch !== undefined && (present === undefined || !fitsTag(ifMatch, present.hash));
  const isYounger = ifMatch === undefined && present !== undefined && isChangedSince(ifUnmodifiedSince, present.modified);
  if (isOther || isYounger) {
    const words = `${quote(path)} is not what it was meant to follow any more; look at it, then try again`;
    const refusal = new WebFailure(412, 'overtaken', words, present === undefined ? {} : { etag: tagOf(present.hash) });
    if (entry === undefined || present === undefined || present.size !== size) throw refusal;
    return { isNew: false, base, with: (source) => storedBefore(entry, source, refusal, options) };
  }
  if (present === undefined) {
    await checkNoFolder(session, path, options);
    await checkFolders(session, path, options);
  }
  return { isNew: present === undefined, base, with: storeOn(session, path, base, { ifNoneMatch }, options) };
}

/** By an earlier try, of which no answer came, it may be there already (RFC 9110, 13.1.1): its bytes alone tell. Rejects with `refusal`. */
async function storedBefore(
  { path, contents, wanted }: Entry,
  source: Source,
  refusal: WebFailure,
  { newHash }: VerbOptions,
): Promise<ChangeResult> {
  const hash = newHash();
  for (let at = 0; at < source.size; at += HASHED_BYTES) hash.update(await source.read(at, HASHED_BYTES));
  const version = hash.hex();
  const [present] = contents;
  if (present?.hash !== version) throw refusal;
  return { path, version, copies: present.copies, wanted };
}

/** Stores on top of what was there when the bytes were announced. Rejects with `overtaken` or `exists` when that is current no more. */
export function storeOn(
  session: Session,
  path: FilePath,
  base: readonly VersionKey[],
  { ifNoneMatch }: Pick<StoreWish, 'ifNoneMatch'>,
  options: VerbOptions,
): Storing['with'] {
  if (ifNoneMatch === '*') return (source) => create(session, path, source, options);
  return (source) => store(session, { kind: 'put', path, source, base }, options);
}

/** The peers would refuse it too, but when all of its bytes are here. */
async function checkRight(session: Session, path: FilePath, options: VerbOptions): Promise<void> {
  const { who } = session.signIn;
  if (who === undefined || who.admin) return;
  const rights = await rightsOf(session, path, options);
  if (rightAmong(rights, who.user) === 'read')
    throw new WebFailure(403, 'not-allowed', `you may read ${quote(path)}, not change it`);
}

/** A folder has that name: said before its bytes come, too. */
async function checkNoFolder(session: Session, path: FilePath, options: VerbOptions): Promise<void> {
  if (!(await isFolder(session, path, options))) return;
  const words = `${quote(path)} is taken by a folder; put a name behind it, as in ${quote(`${path}/NAME`)}`;
  throw new WebFailure(409, 'exists', words);
}

/** So is that a file has the name of a folder on the way: looked for from below, up to the first that is a folder already. */
async function checkFolders(session: Session, path: FilePath, options: VerbOptions): Promise<void> {
  for (const folder of foldersOf(path).reverse() as FilePath[]) {
    if (await isFolder(session, folder, options)) return;
    const entry = await findEntry(session, folder, options);
    if (entry === undefined || entry.contents.length === 0) continue;
    throw new WebFailure(409, 'exists', `${quote(folder)} is a file, so nothing can lie below it; choose another name`);
  }
}

async function isFolder(session: Session, path: FilePath, options: VerbOptions): Promise<boolean> {
  const ask = { path, after: '', limit: 1, sort: 'name', descending: false } as const;
  try {
    await session.call('folder', ask, { ...options, subject: path });
    return true;
  } catch (thrown) {
    if (asMeshError(thrown).code === 'not-found') return false;
    throw thrown;
  }
}
