import fs from 'node:fs';
import { promisify } from 'node:util';
import { systemCode } from './system-error.ts';

/**
 * `sync` as it can be had. Windows syncs a file by a writable descriptor alone, and a directory by none: there whoever wrote the
 * bytes has synced them, and the file system's own log keeps the names.
 */
export function syncOf(sync: (descriptor: number) => Promise<void>, isWindows: boolean): (descriptor: number) => Promise<void> {
  if (!isWindows) return sync;
  return async (descriptor) => {
    try {
      await sync(descriptor);
    } catch (thrown) {
      if (systemCode(thrown) !== 'EPERM') throw thrown;
    }
  };
}

/**
 * The calls to the file system that acts on names are made of. Each takes a way through a thread of the pool, which costs
 * ten times what most of them do; in a thread that does nothing else they are made at once.
 */
const inPool = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  stat: promisify(fs.stat),
  lstat: promisify(fs.lstat),
  fstat: promisify(fs.fstat),
  link: promisify(fs.link),
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  mkdir: promisify(fs.mkdir),
  rmdir: promisify(fs.rmdir),
  chmod: promisify(fs.chmod),
  fchmod: promisify(fs.fchmod),
  futimes: promisify(fs.futimes),
  /** Resolves with the bytes that were read. */
  read: async (descriptor: number, bytes: Uint8Array, from: number, length: number, at: number): Promise<number> =>
    (await readInPool(descriptor, bytes, from, length, at)).bytesRead,
  /** Resolves with the bytes that were written. */
  write: async (descriptor: number, bytes: Uint8Array, from: number, length: number, at: number): Promise<number> =>
    (await writeInPool(descriptor, bytes, from, length, at)).bytesWritten,
  /** Always through the pool: the disk does several at once for the price of one. */
  fsync: syncOf(promisify(fs.fsync), process.platform === 'win32'),
} as const;
const readInPool = promisify(fs.read);
const writeInPool = promisify(fs.write);

type Calls = { -readonly [Name in keyof typeof inPool]: (typeof inPool)[Name] };

export const calls: Calls = { ...inPool };

/** From now on these calls hold up this thread, all but `fsync`. For a thread of their own. */
export function blockThisThread(): void {
  const atOnce = {
    open: async (path: fs.PathLike, flags?: fs.OpenMode, mode?: fs.Mode | null) => fs.openSync(path, flags ?? 'r', mode),
    close: async (descriptor: number) => fs.closeSync(descriptor),
    stat: async (path: fs.PathLike) => fs.statSync(path),
    lstat: async (path: fs.PathLike) => fs.lstatSync(path),
    fstat: async (descriptor: number) => fs.fstatSync(descriptor),
    link: async (from: fs.PathLike, to: fs.PathLike) => fs.linkSync(from, to),
    rename: async (from: fs.PathLike, to: fs.PathLike) => fs.renameSync(from, to),
    unlink: async (path: fs.PathLike) => fs.unlinkSync(path),
    mkdir: async (path: fs.PathLike, mode?: fs.Mode) => void fs.mkdirSync(path, mode),
    rmdir: async (path: fs.PathLike) => fs.rmdirSync(path),
    chmod: async (path: fs.PathLike, mode: fs.Mode) => fs.chmodSync(path, mode),
    fchmod: async (descriptor: number, mode: fs.Mode) => fs.fchmodSync(descriptor, mode),
    futimes: async (descriptor: number, atime: number, mtime: number) => fs.futimesSync(descriptor, atime, mtime),
    read: async (...args: [number, Uint8Array, number, number, number]) => fs.readSync(...args),
    write: async (...args: [number, Uint8Array, number, number, number]) => fs.writeSync(...args),
  };
  Object.assign(calls, atOnce);
}
