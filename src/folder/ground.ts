import { MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { foldCase, isIgnoreFile, quote } from '../core/path.ts';
import type { FileVersion, Version } from '../core/version.ts';
import { isUnlisted } from './aliases.ts';
import { isCovered } from './descent.ts';
import type { HeldCopy } from './held-table.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** What lies at a name: the plain copy as last noted with its versions, or nothing. */
export interface Ground {
  readonly plain: HeldCopy | undefined;
  readonly versions: readonly FileVersion[];
}

/**
 * Looks at a name before an act on it. A folder change not yet taken in goes before any act: then the path is suspected,
 * and this rejects with `busy`. The caller holds the lock.
 *
 * @param leaving a name that the same act moves away first: its case-twin has room then.
 */
export async function groundAt(room: Room, path: FilePath, leaving?: FilePath): Promise<Ground> {
  const plain = room.held.plain(path);
  if (plain === undefined && isIgnoreFile(path)) throw new MeshError('bad-place', `${quote(path)} is this machine's own`);
  const stat = await room.options.disk.stat(path);
  if (plain === undefined && stat === undefined) return { plain: undefined, versions: [] };
  if (plain !== undefined && stat !== undefined && isSameStat(plain.stat, stat)) {
    return { plain, versions: await room.versionsOf(plain) };
  }
  const twin = plain === undefined && stat !== undefined ? room.held.withInode(stat.inode) : undefined;
  if (twin !== undefined && stat !== undefined && isSameFile(twin.stat, stat) && foldCase(twin.path) === foldCase(path)) {
    if (twin.path === leaving) return { plain: undefined, versions: [] };
    throw new MeshError('bad-place', `this disk cannot hold ${quote(path)} beside ${quote(twin.path)}`);
  }
  if (plain === undefined && (await isUnlisted(room, path)))
    throw new MeshError('bad-place', `this disk cannot hold ${quote(path)} beside the same name in other case`);
  room.suspect(path);
  throw new MeshError('busy', `${quote(path)} was changed in the folder just now; try again`);
}

/** True when the content under the plain name is current no longer once versions over `base` are made: it may be replaced. */
export function isReplacedBy(room: Room, path: FilePath, ground: Ground, base: readonly Version[]): boolean {
  const content = room.options.ledger.view(path)?.contents.find((one) => one.hash === ground.plain?.hash);
  return isCovered([...ground.versions, ...(content?.versions ?? [])], base);
}
