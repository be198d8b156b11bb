import { asMeshError, MeshError } from '../../src/core/errors.ts';
import { folderOf, foldersOf, PRIVATE_FOLDER, quote } from '../../src/core/path.ts';
import type { FileStat } from '../../src/platform/disk.ts';
import type { Incarnation } from './incarnation.ts';
import type { SimDrive } from './sim-drive.ts';
import type { FileInode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';
import type { Volume } from './sim-volume.ts';

/** What an act is to the disk: decides which fault can meet it. */
export type ActKind = 'look' | 'read' | 'write' | 'sync' | 'name';

/** A file held open: the inode, and the volume it is on, whatever is mounted later. */
export interface Descriptor {
  readonly inode: FileInode;
  readonly volume: Volume;
  isOpen: boolean;
}

/**
 * The system calls of one incarnation. Each takes its time and takes effect at its beginning or its end, so that a
 * person's act, a kill or a power cut comes in between; each can fail as the drive's faults say.
 */
export class DiskActs {
  readonly drive: SimDrive;
  readonly random: SimRandom;
  readonly #incarnation: Incarnation;
  readonly #descriptors = new Set<Descriptor>();

  constructor(incarnation: Incarnation, drive: SimDrive, random: SimRandom) {
    this.#incarnation = incarnation;
    this.drive = drive;
    this.random = random;
    incarnation.onEnd(() => {
      for (const descriptor of this.#descriptors) this.release(descriptor);
    });
  }

  /** One system call. What it throws becomes a MeshError of the table. */
  act<T>(kind: ActKind, what: string, effect: (volume: Volume) => T): Promise<T> {
    const { faults } = this.drive;
    const latencyMs = this.random.between(faults.latencyMinMs, faults.latencyMaxMs);
    return this.#incarnation.perform(latencyMs, this.random.chance(0.5), () => {
      try {
        if (this.drive.trouble !== 'none') throw new MeshError('failed', `the folder is ${this.drive.trouble}`);
        this.#failSometimes(kind, what);
        const result = effect(this.drive.volume);
        if (kind !== 'look' && kind !== 'read') this.#incarnation.tell(`disk ${what}`);
        return result;
      } catch (thrown) {
        const error = asMeshError(thrown);
        this.#incarnation.tell(`disk ${what} -> ${error.code}`);
        throw error;
      }
    });
  }

  /** The regular file at `path`; undefined when there is none. */
  stat(path: string): Promise<FileStat | undefined> {
    return this.act('look', `stat ${path}`, (volume) => {
      const inode = volume.lookup(path);
      return inode?.kind === 'file' ? inode.stat() : undefined;
    });
  }

  open(path: string): Promise<Descriptor> {
    return this.act('look', `open ${path}`, (volume) => this.#hold(volume, volume.file(path)));
  }

  openOrCreate(path: string): Promise<Descriptor> {
    return this.act('name', `create ${path}`, (volume) => {
      // As on a real disk: what `prepare` made is not on another one that was mounted.
      if (volume.lookup(folderOf(path))?.kind !== 'folder') throw new MeshError('gone', `no folder for ${path}`);
      const found = volume.lookup(path);
      return this.#hold(volume, found === undefined ? volume.create(path) : volume.file(path));
    });
  }

  /** Closes a descriptor; once or twice is the same. */
  release(descriptor: Descriptor): void {
    if (!this.#descriptors.delete(descriptor)) return;
    descriptor.isOpen = false;
    descriptor.inode.opens -= 1;
    descriptor.volume.release(descriptor.inode);
  }

  /** fsync of an open file. After a failure what was dirty counts as clean, and never reaches the platter. */
  syncFile(descriptor: Descriptor, what: string): Promise<void> {
    return this.act('write', `sync ${what}`, () => {
      const isSpared = this.drive.faults.sparesUserFiles && !what.startsWith(`${PRIVATE_FOLDER}/`);
      if (this.random.chance(this.drive.faults.syncErrorRate) && !isSpared) {
        descriptor.inode.failSync();
        throw new MeshError('failed', 'the disk did not take what was written');
      }
      descriptor.inode.sync();
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#name(`link ${from} ${to}`, [to], (volume) => volume.link(volume.file(from), to));
  }

  unlink(path: string): Promise<void> {
    return this.#name(`unlink ${path}`, [path], (volume) => volume.unlink(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#name(`rename ${from} ${to}`, [from, to], (volume) => volume.rename(from, to));
  }

  /** Makes the folder and those above it. */
  makeFolders(folder: string): Promise<void> {
    return this.#name(`mkdir ${folder}`, [folder], (volume) => volume.makeFolders(folder));
  }

  removeFolder(folder: string): Promise<boolean> {
    return this.#name(`rmdir ${folder}`, [folder], (volume) => volume.removeFolder(folder));
  }

  /** fsync of the folder of each path and of all above, outermost last; folders that are gone meanwhile are passed over. */
  async syncFoldersOf(...paths: string[]): Promise<void> {
    const folders = new Set(paths.flatMap((path) => ['', ...foldersOf(path)]).reverse());
    for (const folder of folders) {
      await this.act('sync', `syncdir ${quote(folder)}`, (volume) => {
        if (volume.lookup(folder)?.kind === 'folder') volume.syncFolder(folder);
      });
    }
  }

  #name<T>(what: string, hinted: string[], effect: (volume: Volume) => T): Promise<T> {
    return this.act('name', what, (volume) => {
      const result = effect(volume);
      for (const path of hinted) this.drive.hint(path);
      return result;
    });
  }

  #hold(volume: Volume, inode: FileInode): Descriptor {
    const descriptor = { inode, volume, isOpen: true };
    inode.opens += 1;
    this.#descriptors.add(descriptor);
    return descriptor;
  }

  #failSometimes(kind: ActKind, what: string): void {
    const { faults } = this.drive;
    const rates = { look: 0, read: faults.readErrorRate, write: faults.writeErrorRate, sync: faults.syncErrorRate, name: 0 };
    if (this.random.chance(rates[kind])) throw new MeshError('failed', `input/output error: ${what}`);
  }
}
