import type { ContentHash, FilePath } from '../core/ids.ts';
import { MultiMap } from '../core/multi-map.ts';
import { foldersOf } from '../core/path.ts';
import type { FileVersion } from '../core/version.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Hasher } from '../platform/hasher.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import { decodeHeld, encodeHeld } from './held-row.ts';
import type { Ledger } from './ledger.ts';
import { HELD_KEYS, heldKey } from './rows.ts';
import { rowsOf } from './store-queue.ts';

/** A content of a path that lies here whole. Immutable but for the mark of the scans. */
export interface HeldCopy {
  readonly path: FilePath;
  readonly hash: ContentHash;
  /** Equal to `path` for the plain file, else below `.filemesh/siblings/`. */
  readonly disk: DiskPath;
  /** As of when it was hashed or put there: any other stat is a change not yet taken in. */
  readonly stat: FileStat;
  /** Number of the last scan that met the plain file. */
  seenScan: number;
}

/**
 * What lies here of the mesh's contents: under each name the plain file and the siblings. In memory one small object a
 * copy; durable as one row each, written by whoever records the change (`row`), before memory is told (`set`, `delete`).
 */
export class HeldTable {
  readonly #hasher: Hasher;
  readonly #plain = new Map<FilePath, HeldCopy>();
  readonly #siblings = new Map<FilePath, readonly HeldCopy[]>();
  readonly #byHash = new MultiMap<ContentHash, HeldCopy>();
  readonly #byInode = new Map<number, HeldCopy>();
  readonly #folders = new Map<string, number>();
  #bytes = 0;
  #siblingCount = 0;
  /** Number of the scan under way, or of the last: copies put down meanwhile count as seen. */
  scanNumber = 0;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  async load(store: Store): Promise<void> {
    for await (const page of rowsOf(store, HELD_KEYS)) {
      for (const { key, value } of page) this.set(decodeHeld(key, value));
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get files(): number {
    return this.#plain.size + this.#siblingCount;
  }

  get plainCount(): number {
    return this.#plain.size;
  }

  plain(path: FilePath): HeldCopy | undefined {
    return this.#plain.get(path);
  }

  siblings(path: FilePath): readonly HeldCopy[] {
    return this.#siblings.get(path) ?? [];
  }

  /** Plain first. */
  copies(path: FilePath): HeldCopy[] {
    const plain = this.#plain.get(path);
    return plain === undefined ? [...this.siblings(path)] : [plain, ...this.siblings(path)];
  }

  find(path: FilePath, hash: ContentHash): HeldCopy | undefined {
    return this.copies(path).find((copy) => copy.hash === hash);
  }

  withHash(hash: ContentHash): Iterable<HeldCopy> {
    return this.#byHash.of(hash);
  }

  hasHash(hash: ContentHash): boolean {
    return this.#byHash.has(hash);
  }

  /** A plain copy that had this inode when last seen. */
  withInode(inode: number): HeldCopy | undefined {
    return this.#byInode.get(inode);
  }

  allPlain(): Iterable<HeldCopy> {
    return this.#plain.values();
  }

  *allSiblings(): Iterable<HeldCopy> {
    for (const copies of this.#siblings.values()) yield* copies;
  }

  /** True when a plain copy lies below the folder `path`. */
  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** The write that records a copy. `versions`: as the ledger packs them. */
  row({ path, hash, disk, stat }: Omit<HeldCopy, 'seenScan'>, versions: readonly Uint8Array[]): StoreWrite {
    return { key: heldKey(this.#hasher, path, hash), value: encodeHeld({ path, disk, stat, versions }) };
  }

  rowGone(copy: { readonly path: FilePath; readonly hash: ContentHash }): StoreWrite {
    return { key: heldKey(this.#hasher, copy.path, copy.hash), value: undefined };
  }

  /** The versions a copy was recorded for, from the store. */
  async versionsOf(store: Store, copy: HeldCopy, ledger: Pick<Ledger, 'versions'>): Promise<readonly FileVersion[]> {
    const key = heldKey(this.#hasher, copy.path, copy.hash);
    const value = await store.get(key);
    const versions = value === undefined ? [] : decodeHeld(key, value).versions;
    return versions.map((one) => ledger.versions.unpack(one) as FileVersion);
  }

  /** Takes a recorded copy in; it replaces the one of the same path and hash, and a plain one the plain one before it. */
  set(recorded: Omit<HeldCopy, 'seenScan'>): void {
    const { hash, stat } = recorded;
    // A path that came in a frame may be a slice, which would keep all of the frame.
    const path = Buffer.from(recorded.path).toString() as FilePath;
    const disk = recorded.disk === recorded.path ? path : recorded.disk;
    // Not by spreading: V8 would give each such object a hidden class of its own, 260 bytes more a copy.
    const copy: HeldCopy = { path, hash, disk, stat, seenScan: this.scanNumber };
    for (const before of this.copies(copy.path)) {
      const isReplaced = before.hash === copy.hash || (before.disk === before.path && copy.disk === copy.path);
      if (isReplaced) this.delete(before);
    }
    if (copy.disk === copy.path) {
      this.#plain.set(copy.path, copy);
      this.#byInode.set(copy.stat.inode, copy);
      for (const folder of foldersOf(copy.path)) this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + 1);
    } else {
      this.#siblings.set(copy.path, [...this.siblings(copy.path), copy]);
      this.#siblingCount += 1;
    }
    this.#byHash.add(copy.hash, copy);
    this.#bytes += copy.stat.size;
  }

  /** Forgets a copy whose row is gone; nothing happens when it is no longer the one here. */
  delete(copy: HeldCopy): void {
    if (this.#plain.get(copy.path) === copy) this.#deletePlain(copy);
    else if (this.siblings(copy.path).includes(copy)) this.#deleteSibling(copy);
    else return;
    this.#byHash.delete(copy.hash, copy);
    this.#bytes -= copy.stat.size;
  }

  #deletePlain(copy: HeldCopy): void {
    this.#plain.delete(copy.path);
    if (this.#byInode.get(copy.stat.inode) === copy) this.#byInode.delete(copy.stat.inode);
    for (const folder of foldersOf(copy.path)) {
      const left = (this.#folders.get(folder) ?? 0) - 1;
      if (left > 0) this.#folders.set(folder, left);
      else this.#folders.delete(folder);
    }
  }

  #deleteSibling(copy: HeldCopy): void {
    const left = this.siblings(copy.path).filter((other) => other !== copy);
    if (left.length === 0) this.#siblings.delete(copy.path);
    else this.#siblings.set(copy.path, left);
    this.#siblingCount -= 1;
  }
}
