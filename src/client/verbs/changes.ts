import { MeshError } from '../../core/errors.ts';
import type { FilePath } from '../../core/ids.ts';
import { baseName, checkPath, pathNamed, quote } from '../../core/path.ts';
import type { Ask, Entry } from '../../wire/calls.ts';
import { type ChangeResult, changeResult } from '../results.ts';
import type { Session } from '../session.ts';
import { sideBySide } from '../side-by-side.ts';
import type { VerbOptions } from '../transfer.ts';
import { changeAsk, makeChange } from './change.ts';
import { collected, entriesOf, findEntry, listFolder, notFound, presentEntry, selectEntries } from './listing.ts';
import { peerOf, peers } from './mesh.ts';
import { inConflict } from './upload.ts';

/** Changes of a folder's files asked for at once: each waits for its copies. Range 1–32. */
const CHANGES_MAX = 8;

type Options = Pick<VerbOptions, 'signal'>;

/** Deletes a file, the files of a folder, or those a pattern fits; in a conflict all versions shown are buried. */
export async function remove(session: Session, name: string, options: Options): Promise<ChangeResult[]> {
  return await removeEntries(session, await selectEntries(session, name, options), options);
}

/** Deletes the file, or the files of the folder, of exactly that name, whatever a pattern it might be. */
export async function removeNamed(session: Session, name: string, options: Options): Promise<ChangeResult[]> {
  const entries = await entriesOf(session, pathNamed(name), options);
  if (entries.length === 0) throw notFound(name);
  return await removeEntries(session, entries, options);
}

async function removeEntries(session: Session, entries: readonly Entry[], options: Options): Promise<ChangeResult[]> {
  const one = (entry: Entry) => change(session, entry, { kind: 'delete', path: entry.path }, options);
  return (await sideBySide(entries, CHANGES_MAX, one)).flat();
}

/** Gives a file, or each file of a folder, a new name; `to` with a slash at its end is a folder. */
export async function rename(session: Session, from: string, to: string, options: Options): Promise<ChangeResult[]> {
  const source = pathNamed(from);
  const target = checkPath(to.endsWith('/') ? `${to.replace(/\/+$/, '')}/${baseName(source)}` : to);
  const entry = await findEntry(session, source, options);
  if (entry !== undefined && entry.contents.length > 0) return await renameOne(session, entry, target, options);
  const below = await collected(listFolder(session, source, options));
  if (below.length === 0) throw notFound(from);
  const one = (file: Entry) => renameOne(session, file, checkPath(`${target}${file.path.slice(source.length)}`), options);
  return (await sideBySide(below, CHANGES_MAX, one)).flat();
}

/** Ends a conflict: keeps the version of `keep` (an origin as shown), or without one makes each version a file of its own. */
export async function resolve(
  session: Session,
  name: string,
  keep: string | undefined,
  options: Options,
): Promise<ChangeResult[]> {
  const entry = await presentEntry(session, name, options);
  const { path } = entry;
  if (entry.contents.length < 2) throw new MeshError('usage', `${quote(path)} has one version only: there is nothing to resolve`);
  if (keep === undefined) return await change(session, entry, { kind: 'resolve-both', path }, options);
  const origins = entry.contents.map((content) => content.origin);
  const origin = origins.includes(keep) ? keep : await originOf(session, origins, keep, options);
  if (origin === undefined) {
    throw new MeshError(
      'usage',
      `no version of ${quote(path)} comes from ${quote(keep)}; --keep takes one of: ${origins.join(', ')}`,
    );
  }
  return await change(session, entry, { kind: 'resolve', path, keep: origin }, options);
}

/** The origin meant by the id of a peer: of one that is no member any more the beginning of its id is shown. */
async function originOf(session: Session, origins: readonly string[], id: string, options: Options): Promise<string | undefined> {
  const known = peerOf(await peers(session, options), id)?.name;
  return origins.find((origin) => origin === known || (/^[0-9a-f]{8,64}$/.test(origin) && id.startsWith(origin)));
}

/** Brings an older content back, as the next version of what is now. `copy`: as `history` tells it. */
export async function restoreCopy(session: Session, path: FilePath, copy: string, options: Options): Promise<ChangeResult[]> {
  const entry = await findEntry(session, path, options);
  if (entry !== undefined && entry.contents.length > 1) throw inConflict(path);
  return await change(session, { path, base: entry?.base ?? [] }, { kind: 'restore', path, copy }, options);
}

async function renameOne(session: Session, entry: Entry, to: FilePath, options: Options): Promise<ChangeResult[]> {
  if (entry.contents.length > 1) throw inConflict(entry.path);
  if (to === entry.path) throw new MeshError('exists', `${quote(to)} is its name already`);
  return await change(session, entry, { kind: 'rename', path: entry.path, to }, options);
}

async function change(
  session: Session,
  entry: Pick<Entry, 'path' | 'base'>,
  wanted: Ask<'change'>['change'],
  options: Options,
): Promise<ChangeResult[]> {
  const done = await makeChange(session, changeAsk(session.newRequest(), wanted, entry.base), options.signal);
  return done.map(changeResult);
}
