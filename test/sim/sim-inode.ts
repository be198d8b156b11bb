import type { FileStat } from '../../src/platform/disk.ts';
import type { SimRandom } from './sim-random.ts';

/** The unit a disk writes whole: a torn write is old and new sectors mixed. */
const SECTOR_BYTES = 512;
/** File times move in kernel ticks: two writes within one tick have one mtime. */
const TICK_MS = 4;

/** What a power cut leaves of a file that was not synced. */
export type UnsyncedFate = 'old' | 'new' | 'torn' | 'empty';

/** Content of one regular file: what programs see, and what the platter has. Names are the volume's. */
export class FileInode {
  readonly kind = 'file';
  readonly number: number;
  /** Names it has now. */
  links = 0;
  /** Descriptors open on it: its room is given back when neither names nor descriptors are left. */
  opens = 0;
  mode = 0o644;
  mtimeMs: number;
  ctimeMs: number;
  size = 0;
  #bytes = new Uint8Array(0);
  #synced = new Uint8Array(0);
  #syncedMode = 0o644;
  #syncedMtimeMs: number;
  /** Sectors that differ from the platter, as far as the kernel knows. */
  #dirty = new Set<number>();
  #dirtySinceMs: number | undefined;

  constructor(number: number, wallMs: number) {
    this.number = number;
    this.mtimeMs = ticked(wallMs);
    this.ctimeMs = this.mtimeMs;
    this.#syncedMtimeMs = this.mtimeMs;
  }

  stat(): FileStat {
    return { size: this.size, mtimeMs: this.mtimeMs, ctimeMs: this.ctimeMs, inode: this.number, mode: this.mode };
  }

  /** A copy of at most `length` bytes from `offset`. */
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(Math.min(offset, this.size), Math.min(offset + length, this.size));
  }

  write(offset: number, bytes: Uint8Array, wallMs: number, nowMs: number): void {
    const end = offset + bytes.length;
    if (end > this.size) this.#resize(end);
    this.#bytes.set(bytes, offset);
    this.#soil(offset, end, nowMs);
    this.touch(wallMs);
  }

  truncate(size: number, wallMs: number, nowMs: number): void {
    const before = this.size;
    this.#resize(size);
    this.#soil(Math.min(before, size), Math.max(before, size), nowMs);
    this.touch(wallMs);
  }

  /** Mode and mtime as asked for. */
  finish(mode: number, mtimeMs: number, wallMs: number): void {
    this.mode = mode & 0o777;
    this.mtimeMs = mtimeMs;
    this.changed(wallMs);
  }

  /** The content changed. */
  touch(wallMs: number): void {
    this.mtimeMs = ticked(wallMs);
    this.ctimeMs = this.mtimeMs;
  }

  /** Names, mode or mtime changed. */
  changed(wallMs: number): void {
    this.ctimeMs = ticked(wallMs);
  }

  /** The platter has what programs see, but for what a failed sync lost. */
  sync(): void {
    this.#synced = this.#mixed(this.size, () => true);
    this.#syncedMode = this.mode;
    this.#syncedMtimeMs = this.mtimeMs;
    this.#clean();
  }

  /** A sync that failed: the kernel takes the pages for clean all the same, and a later sync succeeds without them. */
  failSync(): void {
    this.#clean();
  }

  /** True when something is dirty for so long that the kernel's own write-back has come round. */
  isWrittenBack(nowMs: number, writebackMs: number): boolean {
    return this.#dirtySinceMs !== undefined && nowMs - this.#dirtySinceMs > writebackMs;
  }

  /** Power is cut: only the platter counts, and of what was dirty what fate leaves. */
  crash(random: SimRandom): UnsyncedFate {
    const isDirty = this.#dirty.size > 0;
    const fates: UnsyncedFate[] = this.#synced.length === 0 ? ['old', 'new', 'torn', 'empty'] : ['old', 'new', 'torn'];
    const fate = isDirty ? random.pick(fates) : 'old';
    if (fate === 'new') this.sync();
    if (fate === 'torn') {
      const size = random.pick([this.#synced.length, this.size]);
      this.#synced = this.#mixed(size, () => random.chance(0.5));
    }
    this.#restore();
    return fate;
  }

  /** Turns one bit over, on the platter and in memory, and no stat tells. */
  flipBit(random: SimRandom): void {
    if (this.size === 0) return;
    const offset = random.integer(this.size);
    const mask = 1 << random.integer(8);
    for (const bytes of [this.#bytes, this.#synced]) if (offset < bytes.length) bytes[offset] = (bytes[offset] as number) ^ mask;
  }

  /** A whole and synced copy, as an image of the disk holds it. */
  clone(): FileInode {
    const copy = new FileInode(this.number, this.mtimeMs);
    copy.mode = this.mode;
    copy.mtimeMs = this.mtimeMs;
    copy.ctimeMs = this.ctimeMs;
    copy.#bytes = this.#bytes.slice(0, this.size);
    copy.size = this.size;
    copy.#synced = copy.#bytes.slice();
    copy.#syncedMode = this.mode;
    copy.#syncedMtimeMs = this.mtimeMs;
    return copy;
  }

  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.size));
      this.#bytes = grown;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }

  #soil(from: number, to: number, nowMs: number): void {
    // An emptied or empty file has a sector to be dirty, too: its size and times are not on the platter yet.
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < Math.max(to, from + 1); sector++)
      this.#dirty.add(sector);
    this.#dirtySinceMs ??= nowMs;
  }

  #clean(): void {
    this.#dirty.clear();
    this.#dirtySinceMs = undefined;
  }

  /** The platter's content, with those dirty sectors that `reaches` chooses. */
  #mixed(size: number, reaches: () => boolean): Uint8Array<ArrayBuffer> {
    const mixed = new Uint8Array(size);
    mixed.set(this.#synced.subarray(0, Math.min(size, this.#synced.length)));
    for (const sector of [...this.#dirty].sort((a, b) => a - b)) {
      const start = sector * SECTOR_BYTES;
      const end = Math.min(start + SECTOR_BYTES, size, this.size);
      if (reaches() && start < end) mixed.set(this.#bytes.subarray(start, end), start);
    }
    return mixed;
  }

  #restore(): void {
    this.#bytes = this.#synced.slice();
    this.size = this.#bytes.length;
    this.mode = this.#syncedMode;
    this.mtimeMs = this.#syncedMtimeMs;
    this.#clean();
  }
}

/** A symbolic link: met by walks, never followed. */
interface LinkInode {
  readonly kind: 'symlink';
  readonly target: string;
}

/** A directory: the names programs see, and the names a power cut leaves. */
export class FolderInode {
  readonly kind = 'folder';
  readonly entries = new Map<string, Inode>();
  readonly durable = new Map<string, Inode>();
}

export type Inode = FileInode | FolderInode | LinkInode;

function ticked(wallMs: number): number {
  return Math.floor(wallMs / TICK_MS) * TICK_MS;
}
