import type { FilePath } from '../core/ids.ts';
import { foldCase } from '../core/path.ts';
import type { Room } from './room.ts';

/**
 * The disk finds a file by that name, and has it by another: it does not tell upper from lower case. A disk that does not list its
 * names now is believed.
 */
export async function isUnlisted(room: Room, path: FilePath): Promise<boolean> {
  return !(await room.options.disk.isNamed(path).catch(() => true));
}

/** `path` only finds what lies at `twin`, a name that differs from it in case alone. */
export async function isAlias(room: Room, path: FilePath, twin: FilePath | undefined): Promise<boolean> {
  if (twin === undefined || twin === path || foldCase(twin) !== foldCase(path)) return false;
  return await isUnlisted(room, path);
}
