import { close, constants, fchmod, fstat, fsync, ftruncate, futimes, open, unlink, write } from 'node:fs';
import { promisify } from 'node:util';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { DiskPath, StageFile } from '../disk.ts';
import type { DirectorySync } from './directory-sync.ts';
import { withParent } from './safe-path.ts';
import { asDiskError, asReadWriteError } from './system-error.ts';

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const statDescriptor = promisify(fstat);
const syncDescriptor = promisify(fsync);
const writeDescriptor = promisify(write);
const truncateDescriptor = promisify(ftruncate);
const changeMode = promisify(fchmod);
const changeTimes = promisify(futimes);
const unlinkPath = promisify(unlink);

export const STAGE_ROOM = '.filemesh/stage';
const OPEN = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Nobody but the user looks at a file that is not whole. */
const STAGE_MODE = 0o600;

/** Opens `.filemesh/stage/<name>`, new or as a crash left it. */
export async function openStageFile(root: string, directories: DirectorySync, name: string): Promise<StageFile> {
  const path = `${STAGE_ROOM}/${name}`;
  try {
    return await withParent(root, path, async (folder, leaf) => {
      const at = folder.at(leaf);
      let descriptor = await openDescriptor(at, OPEN, STAGE_MODE);
      const stats = await statDescriptor(descriptor);
      if (stats.isFile() && stats.nlink > 1) {
        // A crash left it linked to a person's path as well: writing here would change what lies there.
        await closeDescriptor(descriptor);
        await unlinkPath(at);
        descriptor = await openDescriptor(at, OPEN | constants.O_EXCL, STAGE_MODE);
      } else if (!stats.isFile()) {
        await closeDescriptor(descriptor);
        throw new MeshError('failed', `${path} is not a regular file; remove it`);
      }
      return new NodeStageFile(path, descriptor, directories);
    });
  } catch (thrown) {
    throw asDiskError(thrown, 'cannot stage', path);
  }
}

class NodeStageFile implements StageFile {
  readonly path: DiskPath;
  readonly #descriptor: number;
  readonly #directories: DirectorySync;
  /** What a sync failed with: the system may have dropped the bytes it could not write, and the next sync would not say so. */
  #fault: Error | undefined;
  #closed: Promise<void> | undefined;
  /** The last write: the system does one at a time a file, and those that wait for it would each hold a thread. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Its name is durable: it stays so for as long as this is open. */
  #isNamed = false;

  constructor(path: DiskPath, descriptor: number, directories: DirectorySync) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#directories = directories;
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#act('cannot write', () => {
      const writing = this.#writing.then(() => this.#writeNow(offset, bytes));
      this.#writing = writing.catch(() => undefined);
      return writing;
    });
  }

  async #writeNow(offset: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    // A short write is no error to the system, but half of one to us.
    while (written < bytes.length) {
      const left = bytes.length - written;
      const { bytesWritten } = await writeDescriptor(this.#descriptor, bytes, written, left, offset + written);
      written += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#act('cannot cut', () => truncateDescriptor(this.#descriptor, size));
  }

  sync(): Promise<void> {
    return this.#act('cannot sync', async () => {
      try {
        await Promise.all([syncDescriptor(this.#descriptor), this.#isNamed || this.#directories.sync(STAGE_ROOM)]);
        this.#isNamed = true;
      } catch (thrown) {
        this.#fault = asReadWriteError(thrown, 'cannot sync', this.path);
        throw this.#fault;
      }
    });
  }

  finish(mode: number, mtimeMs: number): Promise<void> {
    return this.#act('cannot finish', async () => {
      await changeMode(this.#descriptor, mode & 0o777);
      // The system takes seconds in a double and cuts at µs: half a µs more keeps the ms what it was.
      const seconds = (mtimeMs + 0.0005) / 1000;
      await changeTimes(this.#descriptor, seconds, seconds);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#writing.then(() => closeDescriptor(this.#descriptor));
    return this.#closed;
  }

  async #act(doing: string, act: () => Promise<unknown>): Promise<void> {
    if (this.#closed !== undefined) throw new MeshError('failed', `${quote(this.path)} was closed already`);
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await act();
    } catch (thrown) {
      throw asReadWriteError(thrown, doing, this.path);
    }
  }
}
