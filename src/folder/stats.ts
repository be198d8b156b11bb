import type { FileStat } from '../platform/disk.ts';

/** True when nothing touched the file in between: content, mode and names are those of then. */
export function isSameStat(a: FileStat, b: FileStat): boolean {
  return a.ctimeMs === b.ctimeMs && isSameFile(a, b);
}

/** True when it is the same file with the same content as far as known, whatever its names: a rename changes ctime only. */
export function isSameFile(a: FileStat, b: FileStat): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}
