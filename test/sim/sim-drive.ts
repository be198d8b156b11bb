import { folderOf } from '../../src/core/path.ts';
import type { FileStat } from '../../src/platform/disk.ts';
import { calmDisk, type DiskFaults } from './sim-disk-faults.ts';
import type { FileInode, FolderInode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';
import { Volume, type VolumeClock } from './sim-volume.ts';
import { type CrashMode, crashVolume } from './sim-volume-crash.ts';

/** Room of a disk unless the seed says otherwise. */
const CAPACITY_BYTES = 1024 ** 3;
/** Bytes of an unmounted folder's underlying file system: something can be written there, that is the trap. */
const BLANK_BYTES = 64 * 1024 ** 2;

export type RootTrouble = 'none' | 'missing' | 'unreadable';

/**
 * The disk of one machine, which outlives its processes: the volume mounted on the shared folder, what people and
 * their programs do there (`user…`, at once, on the volatile state, with hints), and what can happen to the whole.
 */
export class SimDrive {
  faults: DiskFaults = calmDisk();
  /** The folder itself: there and readable, or not. */
  trouble: RootTrouble = 'none';
  /** Folders below the root that a walk may not read. */
  readonly unreadable = new Set<string>();
  readonly #random: SimRandom;
  readonly #clock: VolumeClock;
  readonly #watchers = new Set<(path: string) => void>();
  #own: Volume;
  #mounted: Volume;
  #devices = 1;

  constructor(random: SimRandom, clock: VolumeClock, capacityBytes: number = CAPACITY_BYTES) {
    this.#random = random;
    this.#clock = clock;
    this.#own = new Volume(this.#nextDevice(), capacityBytes, clock);
    this.#mounted = this.#own;
  }

  /** What lies at the shared folder now. */
  get volume(): Volume {
    return this.#mounted;
  }

  /** False while the shared folder is unmounted. */
  get isMounted(): boolean {
    return this.#mounted === this.#own;
  }

  /** Writes in place, as `>` of a shell does: emptied, then written. */
  userWrite(path: string, bytes: Uint8Array): void {
    const volume = this.#mounted;
    volume.makeFolders(folderOf(path));
    const found = volume.lookup(path);
    const file = found === undefined ? volume.create(path) : volume.file(path);
    if (file.size > 0) volume.truncate(file, 0);
    volume.write(file, 0, bytes);
    this.hint(path);
  }

  /** Saves as editors do: another file, renamed over `path`. Not synced, as most do not. */
  userSave(path: string, bytes: Uint8Array): void {
    const volume = this.#mounted;
    volume.makeFolders(folderOf(path));
    const temporary = `${path}.tmp~`.slice(-200);
    volume.write(volume.create(temporary), 0, bytes);
    volume.rename(temporary, path);
    this.hint(temporary);
    this.hint(path);
  }

  /** touch(1) with a time of its own, as archives are unpacked. */
  userTouch(path: string, mtimeMs: number): void {
    this.#mounted.file(path).mtimeMs = mtimeMs;
    this.hint(path);
  }

  /** chmod(1): nothing of its bytes changes. */
  userChmod(path: string, mode: number): void {
    const file = this.#mounted.file(path);
    file.mode = mode;
    file.changed(this.#clock.wallMs());
    this.hint(path);
  }

  userAppend(path: string, bytes: Uint8Array): void {
    const file = this.#mounted.file(path);
    this.#mounted.write(file, file.size, bytes);
    this.hint(path);
  }

  /** Renames a file or a whole folder; a file at `to` is replaced. */
  userRename(from: string, to: string): void {
    this.#mounted.makeFolders(folderOf(to));
    this.#mounted.rename(from, to);
    this.hint(from);
    this.hint(to);
  }

  /** Deletes a file or an empty folder. */
  userDelete(path: string): void {
    if (!this.#mounted.removeFolder(path)) this.#mounted.unlink(path);
    this.hint(path);
  }

  userMakeFolder(path: string): void {
    this.#mounted.makeFolders(path);
    this.hint(path);
  }

  userSymlink(path: string, target: string): void {
    this.#mounted.makeFolders(folderOf(path));
    this.#mounted.link({ kind: 'symlink', target }, path);
    this.hint(path);
  }

  /** The content of the regular file at `path`; undefined when there is none. */
  userRead(path: string): Uint8Array | undefined {
    const inode = this.#mounted.lookup(path);
    return inode?.kind === 'file' ? inode.read(0, inode.size) : undefined;
  }

  userStat(path: string): FileStat | undefined {
    const inode = this.#mounted.lookup(path);
    return inode?.kind === 'file' ? inode.stat() : undefined;
  }

  /** Every regular file, sorted; the program's own folder only when asked for. */
  userList(options: { withPrivate?: boolean } = {}): string[] {
    const paths = [...filesBelow(this.#mounted.root, '')].map(([path]) => path).sort();
    return options.withPrivate ? paths : paths.filter((path) => !path.startsWith('.filemesh/'));
  }

  /** sync(1): everything a program wrote is on the platter. */
  userSync(): void {
    for (const [, file] of filesBelow(this.#mounted.root, '')) file.sync();
    const folders = ['', ...foldersBelow(this.#mounted.root, '')];
    for (const folder of folders) this.#mounted.syncFolder(folder);
  }

  /** Turns over one bit of the file at `path`, silently. */
  rot(path: string): void {
    this.#mounted.file(path).flipBit(this.#random);
  }

  /** The folder is empty and another device, as after `umount`; what is open stays open. */
  unmount({ isSeen = true } = {}): void {
    if (this.#mounted !== this.#own) return;
    this.#mounted = new Volume(this.#nextDevice(), BLANK_BYTES, this.#clock);
    if (isSeen) this.hint('');
  }

  mount(): void {
    this.#mounted = this.#own;
    this.hint('');
  }

  /** A new, empty disk in place of this one. No process may run. */
  wipe(): void {
    this.#own = new Volume(this.#nextDevice(), this.#own.capacityBytes, this.#clock);
    this.#mounted = this.#own;
  }

  /** An image of the disk as it is now. */
  snapshot(): Volume {
    return this.#own.clone();
  }

  /** Puts an image back, which stays usable. No process may run. */
  restore(image: Volume): void {
    this.#own = image.clone();
    this.#mounted = this.#own;
  }

  /** The power is cut. All processes are dead already. Returns what was lost, in words. */
  crash(mode: CrashMode): string {
    this.#mounted = this.#own;
    return crashVolume(this.#own, this.#random, mode);
  }

  /** Has `seen` called for every change of a path; the function returned stops that. */
  watch(seen: (path: string) => void): () => void {
    this.#watchers.add(seen);
    return () => this.#watchers.delete(seen);
  }

  /** Something happened at `path` (`''`: to the whole). The program's own folder is not watched. */
  hint(path: string): void {
    if (path.startsWith('.filemesh/')) return;
    for (const watcher of [...this.#watchers]) watcher(path);
  }

  #nextDevice(): number {
    this.#devices += 1;
    return this.#devices;
  }
}

function* filesBelow(folder: FolderInode, prefix: string): Iterable<[string, FileInode]> {
  for (const [name, inode] of folder.entries) {
    if (inode.kind === 'file') yield [prefix + name, inode];
    if (inode.kind === 'folder') yield* filesBelow(inode, `${prefix}${name}/`);
  }
}

function* foldersBelow(folder: FolderInode, prefix: string): Iterable<string> {
  for (const [name, inode] of folder.entries) {
    if (inode.kind !== 'folder') continue;
    yield prefix + name;
    yield* foldersBelow(inode, `${prefix}${name}/`);
  }
}
