import { Packr } from 'msgpackr';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';

/** A copy as the store keeps it. There are as many as files, so it is a list by position, in MessagePack, the versions packed. */
export interface HeldRow {
  readonly path: FilePath;
  readonly disk: DiskPath;
  readonly stat: FileStat;
  /** Of the ledger's packing. For the day on which the own index knows them no longer. */
  readonly versions: readonly Uint8Array[];
}

type Fields = [FilePath, DiskPath | null, number, number, number, number, number, Uint8Array[]];

const packr = new Packr({ useRecords: false, structuredClone: false });

/** The bytes of a row; its key tells the hash. */
export function encodeHeld({ path, disk, stat, versions }: HeldRow): Uint8Array {
  const { size, mtimeMs, ctimeMs, inode, mode } = stat;
  const fields: Fields = [path, disk === path ? null : disk, size, mtimeMs, ctimeMs, inode, mode, [...versions]];
  // A view of a block that is filled from its front: nothing is written there a second time.
  return packr.pack(fields);
}

/** What `encodeHeld` was given: rows are this program's own, so they are believed. */
export function decodeHeld(key: string, value: Uint8Array): HeldRow & { readonly hash: ContentHash } {
  const [path, disk, size, mtimeMs, ctimeMs, inode, mode, versions] = packr.unpack(value) as Fields;
  // A slice would keep all of the key.
  const hash = Buffer.from(key.slice(key.lastIndexOf('/') + 1)).toString() as ContentHash;
  return { path, hash, disk: disk ?? path, stat: { size, mtimeMs, ctimeMs, inode, mode }, versions };
}
