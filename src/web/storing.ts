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
import { fitsTag, isChangedSince } from './conditional.ts';
import { WebFailure } from './failures.ts';

/** On what condition something is stored, in the words of HTTP. */
export interface StoreWish {
  /** `*`: only where there is nothing yet. */
  readonly ifNoneMatch?: string | undefined;
  /** Only after that content. */
  readonly ifMatch?: string | undefined;
  /** Only after a content that is not younger. */
  readonly ifUnmodifiedSince?: string | undefined;
}

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
  { ifNoneMatch, ifMatch, ifUnmodifiedSince }: StoreWish,
  options: VerbOptions,
): Promise<Storing> {
  assertStorable(path);
  await checkRight(session, path, options);
  const entry: Entry | undefined = await findEntry(session, path, options);
  const [present] = entry?.contents ?? [];
  if (entry !== undefined && entry.contents.length > 1) throw inConflict(path);
  const mustBeNew = ifNoneMatch === '*';
  if (mustBeNew && present !== undefined) throw new WebFailure(412, 'exists', `there is a file ${quote(path)} already`);
  const isOther = ifMatch !== undefined && (present === undefined || !fitsTag(ifMatch, present.hash));
  const isYounger = ifMatch === undefined && present !== undefined && isChangedSince(ifUnmodifiedSince, present.modified);
  if (isOther || isYounger) {
    throw new WebFailure(
      412,
      'overtaken',
      `${quote(path)} is not what it was meant to follow any more; look at it, then try again`,
    );
  }
  if (present === undefined) {
    await checkNoFolder(session, path, options);
    await checkFolders(session, path, options);
  }
  const base = entry?.base ?? [];
  return { isNew: present === undefined, base, with: storeOn(session, path, base, { ifNoneMatch }, options) };
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
