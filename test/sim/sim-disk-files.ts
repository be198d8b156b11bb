import { invariant, MeshError } from '../../src/core/errors.ts';
import type { DiskPath, FileStat, OpenFile, StageFile } from '../../src/platform/disk.ts';
import type { Descriptor, DiskActs } from './sim-disk-acts.ts';
import { fingerprint } from './trace.ts';

/** Contract of OpenFile.read. */
const READ_BYTES_MAX = 1024 * 1024;

/** A file opened for reading. */
export class SimOpenFile implements OpenFile {
  readonly stat: FileStat;
  readonly #acts: DiskActs;
  readonly #path: DiskPath;
  readonly #descriptor: Descriptor;

  constructor(acts: DiskActs, path: DiskPath, descriptor: Descriptor) {
    this.#acts = acts;
    this.#path = path;
    this.#descriptor = descriptor;
    this.stat = descriptor.inode.stat();
  }

  restat(): Promise<FileStat> {
    return this.#acts.act('look', 'restat', () => opened(this.#descriptor).inode.stat());
  }

  async sync(): Promise<void> {
    await this.#acts.syncFile(opened(this.#descriptor), this.#path);
    await this.#acts.syncFoldersOf(this.#path);
  }

  read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array> {
    invariant(length <= READ_BYTES_MAX, 'a read asks for at most 1 MiB');
    return this.#acts.act('read', `read ${offset}+${length}`, () => {
      const { inode } = opened(this.#descriptor);
      if (this.#acts.random.chance(this.#acts.drive.faults.bitFlipRate)) inode.flipBit(this.#acts.random);
      const bytes = inode.read(offset, length);
      if (memory === undefined) return bytes;
      memory.set(bytes);
      return bytes.length === length ? memory : memory.subarray(0, bytes.length);
    });
  }

  close(): Promise<void> {
    this.#acts.release(this.#descriptor);
    return Promise.resolve();
  }
}

/** A file of the stage, written at any offset. */
export class SimStageFile implements StageFile {
  readonly path: DiskPath;
  readonly #acts: DiskActs;
  readonly #descriptor: Descriptor;

  constructor(acts: DiskActs, path: DiskPath, descriptor: Descriptor) {
    this.#acts = acts;
    this.path = path;
    this.#descriptor = descriptor;
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    const { volume, inode } = this.#descriptor;
    return this.#acts.act('write', `write ${this.path} ${offset}+${bytes.length} ${fingerprint(bytes)}`, () => {
      opened(this.#descriptor);
      volume.write(inode, offset, bytes);
    });
  }

  truncate(size: number): Promise<void> {
    const { volume, inode } = this.#descriptor;
    return this.#acts.act('write', `truncate ${this.path} ${size}`, () => {
      opened(this.#descriptor);
      volume.truncate(inode, size);
    });
  }

  async sync(): Promise<void> {
    await this.#acts.syncFile(opened(this.#descriptor), this.path);
    await this.#acts.syncFoldersOf(this.path);
  }

  finish(mode: number, mtimeMs: number): Promise<void> {
    const { volume, inode } = this.#descriptor;
    return this.#acts.act('write', `finish ${this.path}`, () => {
      opened(this.#descriptor);
      inode.finish(mode, mtimeMs, volume.clock.wallMs());
    });
  }

  close(): Promise<void> {
    this.#acts.release(this.#descriptor);
    return Promise.resolve();
  }
}

function opened(descriptor: Descriptor): Descriptor {
  if (!descriptor.isOpen) throw new MeshError('failed', 'the file is closed');
  return descriptor;
}
