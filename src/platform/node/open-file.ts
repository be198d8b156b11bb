import { close, closeSync, constants, fstatSync, open, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { invariant, MeshError } from '../../core/errors.ts';
import { folderOf, quote } from '../../core/path.ts';
import type { DiskPath, FileStat, OpenFile } from '../disk.ts';
import type { DirectorySync } from './directory-sync.ts';
import { calls } from './file-calls.ts';
import { isMissing, withParent } from './safe-path.ts';
import { asDiskError, asReadWriteError, systemCode } from './system-error.ts';

const openDescriptor = promisify(open);
const readDescriptor = promisify(read);
const closeDescriptor = promisify(close);

/** What one `read` may ask for, in bytes. */
const READ_BYTES_MAX = 1024 * 1024;
/**
 * A stat or a close of a file that is open for reading does not wait for the disk, and the way through a thread would cost ten times
 * what they do. But a file that nobody but us has open may have lost its name meanwhile: then its close gives its room back, some
 * 100 ms for 1 GiB. That of one with more bytes than this is left to a thread. 1…64 MiB.
 */
const CLOSED_AT_ONCE_BYTES_MAX = 8 * 1024 * 1024;
// O_NONBLOCK: opening a FIFO would wait for its other end for ever. It changes nothing for a regular file.
export const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function fileStatOf(stats: Stats): FileStat {
  return { size: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs, inode: stats.ino, mode: stats.mode & 0o777 };
}

/** An open file whose descriptor a worker thread may read from. */
export class NodeOpenFile implements OpenFile {
  readonly stat: FileStat;
  readonly #path: DiskPath;
  readonly #descriptor: number;
  readonly #directories: DirectorySync;
  /** Users of the descriptor that are not done: it is closed after the last one, for its number is used again at once. */
  #users = 0;
  #closing = false;
  #closed = () => {};

  constructor(path: DiskPath, descriptor: number, stats: Stats, directories: DirectorySync) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#directories = directories;
    this.stat = fileStatOf(stats);
  }

  /** Lends the descriptor for the length of `use`. */
  async lend<Result>(use: (descriptor: number) => Promise<Result>): Promise<Result> {
    if (this.#closing) throw new MeshError('failed', `${quote(this.#path)} was closed already`);
    this.#users++;
    try {
      return await use(this.#descriptor);
    } finally {
      this.#users--;
      if (this.#users === 0) this.#closed();
    }
  }

  restat(): Promise<FileStat> {
    return this.lend(async (descriptor) => fileStatOf(fstatSync(descriptor)));
  }

  async sync(): Promise<void> {
    try {
      await this.lend((descriptor) => calls.fsync(descriptor));
      await this.#directories.syncWithParents(folderOf(this.#path));
    } catch (thrown) {
      throw asReadWriteError(thrown, 'cannot make durable', this.#path);
    }
  }

  read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array> {
    invariant(length <= READ_BYTES_MAX, 'a read asks for 1 MiB at most');
    return this.lend(async (descriptor) => {
      const bytes = memory ?? new Uint8Array(length);
      let filled = 0;
      try {
        while (filled < length) {
          const { bytesRead } = await readDescriptor(descriptor, bytes, filled, length - filled, offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
      } catch (thrown) {
        throw asReadWriteError(thrown, 'cannot read', this.#path);
      }
      return filled === length ? bytes : bytes.subarray(0, filled);
    });
  }

  /** Waits for reads under way. Once or more often. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#closed = resolve));
    if (this.stat.size > CLOSED_AT_ONCE_BYTES_MAX) await closeDescriptor(this.#descriptor);
    else closeSync(this.#descriptor);
  }
}

/** Opens the regular file at `path`; `gone` when there is none, be it that something else lies there. */
export async function openFile(root: string, path: DiskPath, directories: DirectorySync): Promise<NodeOpenFile> {
  try {
    return await withParent(root, path, async (folder, leaf) => {
      const descriptor = await openDescriptor(folder.at(leaf), READ);
      try {
        const stats = fstatSync(descriptor);
        if (stats.isFile() && stats.dev === folder.device) return new NodeOpenFile(path, descriptor, stats, directories);
      } catch (thrown) {
        closeSync(descriptor);
        throw thrown;
      }
      closeSync(descriptor);
      throw new MeshError('gone', `${quote(path)} is not a regular file`);
    });
  } catch (thrown) {
    // ENXIO: a socket lies there.
    const missing = isMissing(thrown) || systemCode(thrown) === 'ENXIO';
    if (missing) throw new MeshError('gone', `there is no file ${quote(path)}`, { cause: thrown });
    throw asDiskError(thrown, 'cannot open', path);
  }
}
