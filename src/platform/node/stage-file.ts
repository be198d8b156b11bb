import { constants, ftruncate } from 'node:fs';
import { promisify } from 'node:util';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import type { DiskPath, FileStat, StagedWhole, StageFile } from '../disk.ts';
import type { DirectorySync } from './directory-sync.ts';
import { calls } from './file-calls.ts';
import { fileStatOf, READ } from './open-file.ts';
import { type Folder, withParent } from './safe-path.ts';
import { asDiskError, asReadWriteError, systemCode } from './system-error.ts';

const truncateDescriptor = promisify(ftruncate);

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
      let descriptor = await openToWrite(at);
      const stats = await calls.fstat(descriptor);
      if (stats.isFile() && stats.nlink > 1) {
        // A crash left it linked to a person's path as well: writing here would change what lies there.
        await calls.close(descriptor);
        await calls.unlink(at);
        descriptor = await calls.open(at, OPEN | constants.O_EXCL, STAGE_MODE);
      } else if (!stats.isFile()) {
        await calls.close(descriptor);
        throw new MeshError('failed', `${path} is not a regular file; remove it`);
      }
      return new NodeStageFile(path, descriptor, directories);
    });
  } catch (thrown) {
    throw asDiskError(thrown, 'cannot stage', path);
  }
}

/** One that was finished before may be written by nobody: an act that came to nothing, or a crash, left it so. */
async function openToWrite(at: string): Promise<number> {
  try {
    return await calls.open(at, OPEN, STAGE_MODE);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EACCES') throw thrown;
  }
  const finished = await calls.open(at, READ);
  try {
    const stats = await calls.fstat(finished);
    // Linked to a person's path as well, it keeps its mode there.
    if (stats.isFile() && stats.nlink > 1) await calls.unlink(at);
    else if (stats.isFile()) await calls.fchmod(finished, STAGE_MODE);
  } finally {
    await calls.close(finished);
  }
  return await calls.open(at, OPEN, STAGE_MODE);
}

/** See Disk.stageWhole. */
export async function stageWhole(root: string, directories: DirectorySync, whole: StagedWhole): Promise<FileStat> {
  const path = `${STAGE_ROOM}/${whole.name}`;
  try {
    return await withParent(root, path, async (folder, leaf) => {
      const at = folder.at(leaf);
      const descriptor = await calls.open(at, OPEN | constants.O_EXCL, STAGE_MODE);
      const file = new NodeStageFile(path, descriptor, directories);
      try {
        await file.write(0, whole.bytes);
        await file.finish(whole.mode, whole.mtimeMs);
        await file.sync();
        return fileStatOf(await calls.fstat(descriptor));
      } catch (thrown) {
        await calls.unlink(at);
        throw thrown;
      } finally {
        await file.close();
      }
    });
  } catch (thrown) {
    throw asDiskError(thrown, 'cannot stage', path);
  }
}

/** Writes a file of the stage, which stays open until `syncWhole`. Resolves with its descriptor. */
export async function writeWhole(folder: Folder, { name, bytes, mode, mtimeMs }: StagedWhole): Promise<number> {
  const descriptor = await calls.open(folder.at(name), OPEN | constants.O_EXCL, STAGE_MODE);
  try {
    let written = 0;
    while (written < bytes.length) written += await calls.write(descriptor, bytes, written, bytes.length - written, written);
    await calls.fchmod(descriptor, mode & 0o777);
    await calls.futimes(descriptor, secondsOf(mtimeMs), secondsOf(mtimeMs));
    return descriptor;
  } catch (thrown) {
    await calls.close(descriptor);
    await calls.unlink(folder.at(name));
    throw thrown;
  }
}

/** No crash leaves it half from then on: its bytes are durable when it resolves, its name is not yet. */
export async function syncWhole(folder: Folder, name: string, descriptor: number): Promise<FileStat> {
  try {
    await calls.fsync(descriptor);
    return fileStatOf(await calls.fstat(descriptor));
  } catch (thrown) {
    await calls.unlink(folder.at(name));
    throw thrown;
  } finally {
    await calls.close(descriptor);
  }
}

/** The system takes seconds in a double and cuts at µs: half a µs more keeps the ms what it was. */
function secondsOf(ms: number): number {
  return (ms + 0.0005) / 1000;
}

/** A staged file whose descriptor a worker thread may write to. */
export class NodeStageFile implements StageFile {
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
    return this.#act('cannot write', () => this.#inTurn(() => this.#writeNow(offset, bytes)));
  }

  /** Lends the descriptor to one that writes, in its turn among the writes. What it rejects with is told as of a write. */
  lend<Result>(use: (descriptor: number) => Promise<Result>): Promise<Result> {
    return this.#act('cannot write', () => this.#inTurn(() => use(this.#descriptor)));
  }

  #inTurn<Result>(write: () => Promise<Result>): Promise<Result> {
    const writing = this.#writing.then(write);
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  async #writeNow(offset: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    // A short write is no error to the system, but half of one to us.
    while (written < bytes.length) {
      written += await calls.write(this.#descriptor, bytes, written, bytes.length - written, offset + written);
    }
  }

  truncate(size: number): Promise<void> {
    return this.#act('cannot cut', () => truncateDescriptor(this.#descriptor, size));
  }

  sync(): Promise<void> {
    return this.#act('cannot sync', async () => {
      try {
        await Promise.all([calls.fsync(this.#descriptor), this.#isNamed || this.#directories.sync(STAGE_ROOM)]);
        this.#isNamed = true;
      } catch (thrown) {
        this.#fault = asReadWriteError(thrown, 'cannot sync', this.path);
        throw this.#fault;
      }
    });
  }

  finish(mode: number, mtimeMs: number): Promise<void> {
    return this.#act('cannot finish', async () => {
      await calls.fchmod(this.#descriptor, mode & 0o777);
      await calls.futimes(this.#descriptor, secondsOf(mtimeMs), secondsOf(mtimeMs));
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#writing.then(() => calls.close(this.#descriptor));
    return this.#closed;
  }

  async #act<Result>(doing: string, act: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) throw new MeshError('failed', `${quote(this.path)} was closed already`);
    if (this.#fault !== undefined) throw this.#fault;
    try {
      return await act();
    } catch (thrown) {
      throw asReadWriteError(thrown, doing, this.path);
    }
  }
}
