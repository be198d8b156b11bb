import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { Incoming, Sink, Source } from '../client/transfer.ts';
import { MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import { quote } from '../core/path.ts';
import { modifiedMsOf } from '../core/version.ts';
import type { FileCutter } from './file-cutter.ts';
import { makeFolders } from './make-folders.ts';
import { claimPartial, LEFT_BYTES_MIN, type PartialDownload } from './partial-download.ts';
import { systemReason } from './system-reason.ts';

/** Permission bits a file is created with at most, before its own are given. */
const PRIVATE_MODE = 0o600;
/** What an earlier try left; nobody may have put a link there. */
const GO_ON = constants.O_RDWR | constants.O_NOFOLLOW;

/** A local file to be uploaded. */
export class FileSource implements Source {
  readonly size: number;
  readonly mode?: number;
  readonly modifiedMs?: number;
  readonly key?: string;
  readonly cut?: NonNullable<Source['cut']>;
  readonly #handle: FileHandle;
  readonly #shown: string;
  readonly #mtimeMs: number;

  private constructor(
    handle: FileHandle,
    shown: string,
    size: number,
    mtimeMs: number,
    facts: { mode?: number; modifiedMs?: number; key?: string; cutter?: FileCutter },
  ) {
    this.#handle = handle;
    this.#shown = shown;
    this.#mtimeMs = mtimeMs;
    this.size = size;
    if (facts.mode !== undefined) this.mode = facts.mode;
    if (facts.modifiedMs !== undefined) this.modifiedMs = facts.modifiedMs;
    if (facts.key !== undefined) this.key = facts.key;
    const { cutter } = facts;
    // A smaller one is sent sooner than it is asked for.
    if (cutter !== undefined && size >= MANIFEST_FILE_BYTES_MIN) this.cut = (options) => cutter.cut(handle.fd, size, options);
  }

  /** Opens a regular file, which can be sent by its chunks. Rejects with `usage` when it is none, or cannot be read. */
  static async open(file: string, cutter: FileCutter): Promise<FileSource> {
    let handle: FileHandle;
    try {
      // A FIFO would block for ever: it is opened without waiting, and refused below.
      handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new MeshError('usage', `${quote(file)} cannot be read: ${systemReason(cause)}`, { cause });
    }
    const facts = await handle.stat();
    if (!facts.isFile()) {
      await handle.close();
      const what = facts.isDirectory() ? 'is a folder: "filemesh upload" stores folders' : 'is no regular file';
      throw new MeshError('usage', `${quote(file)} ${what}`);
    }
    const key = [hostname(), facts.dev, facts.ino, facts.size, facts.mtimeMs, facts.ctimeMs].join();
    const { size, mtimeMs, mode } = facts;
    return new FileSource(handle, file, size, mtimeMs, { mode: mode & 0o777, modifiedMs: modifiedMsOf(mtimeMs), key, cutter });
  }

  /** What was spooled from standard input: it has no name, mode or time of its own. Takes the handle over. */
  static async spooled(handle: FileHandle): Promise<FileSource> {
    const facts = await handle.stat();
    return new FileSource(handle, 'standard input', facts.size, facts.mtimeMs, {});
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  async check(): Promise<void> {
    const now = await this.#handle.stat();
    if (now.size === this.size && now.mtimeMs === this.#mtimeMs) return;
    throw new MeshError('changed', `${quote(this.#shown)} changed while it was read; nothing was stored, try again`);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** How a disk says that it has no more room for it. */
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Where one content is saved: staged beside, verified by the client, then given its name at once. */
export class FileSink implements Sink {
  readonly #file: string;
  readonly #staged: PartialDownload;
  readonly #handle: FileHandle;
  readonly #incoming: Incoming;
  readonly #replace: boolean;
  readonly left: NonNullable<Sink['left']>;
  #over = false;
  #bytes = 0;
  /** No later try may go on with what came: the disk failed, or may have. */
  #isDoubtful = false;

  private constructor(file: string, staged: PartialDownload, handle: FileHandle, incoming: Incoming, replace: boolean) {
    this.#file = file;
    this.#staged = staged;
    this.left = { bytes: Math.min(staged.have, incoming.size), read: (offset, length) => this.#read(offset, length) };
    this.#handle = handle;
    this.#incoming = incoming;
    this.#replace = replace;
  }

  /** Stages beside `file`; folders above it are made. Rejects with `exists` when it is there and may not be replaced. */
  static async open(file: string, incoming: Incoming, replace: boolean): Promise<FileSink> {
    const there = await stat(file).catch(() => undefined);
    if (there?.isDirectory() === true)
      throw new MeshError('exists', `there is a folder ${quote(file)} here; --to names another place`);
    if (there !== undefined && !there.isFile())
      throw new MeshError('exists', `what is at ${quote(file)} is no file, and is not replaced; --to names another place`);
    if (there !== undefined && !replace) throw exists(file);
    await makeFolders(dirname(file)).catch((cause: unknown) => {
      throw cannotSave(dirname(file), cause);
    });
    const cannot = (cause: unknown): never => {
      throw cannotSave(dirname(file), cause);
    };
    const staged = await claimPartial(file, incoming).catch(cannot);
    const handle = await open(staged.file, staged.have > 0 ? GO_ON : 'wx+', PRIVATE_MODE).catch((cause: unknown) => {
      staged.forget();
      return cannot(cause);
    });
    return new FileSink(file, staged, handle, incoming, replace);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const from = offset + written;
      const act = this.#handle.write(bytes, written, bytes.length - written, from);
      act.catch((cause: NodeJS.ErrnoException) => {
        this.#isDoubtful ||= !FULL.includes(cause.code ?? '');
      });
      written += (await this.#acted(act)).bytesWritten;
    }
    this.#bytes = offset + bytes.length;
  }

  async finish(): Promise<string> {
    await this.#acted(this.#place());
    this.#over = true;
    this.#staged.forget();
    return this.#file;
  }

  /** Makes it whole and durable, and gives it its name. */
  async #place(): Promise<void> {
    // After a failed sync the cache may say what the disk has not, and the sync of another try find nothing to do.
    this.#isDoubtful = true;
    await this.#handle.truncate(this.#incoming.size);
    await this.#handle.chmod(this.#incoming.mode & 0o777 & ~process.umask());
    const modified = new Date(this.#incoming.modifiedMs);
    await this.#handle.utimes(modified, modified);
    await this.#handle.sync();
    await this.#handle.close();
    if (this.#replace) await rename(this.#staged.file, this.#file);
    else await placeNew(this.#staged.file, this.#file);
  }

  /** `act`, or why this disk refuses it. */
  async #acted<Result>(act: Promise<Result>): Promise<Result> {
    return await act.catch((cause: unknown) => {
      throw cause instanceof MeshError ? cause : cannotSave(dirname(this.#file), cause);
    });
  }

  async leave(): Promise<boolean> {
    const isLittle = Math.max(this.#bytes, this.#staged.have) < LEFT_BYTES_MIN;
    if (this.#over || this.#isDoubtful || isLittle) return false;
    await this.#handle.close();
    await this.#staged.leave();
    this.#over = true;
    return true;
  }

  async discard(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#handle.close().catch(() => undefined);
    this.#staged.forget();
    await rm(this.#staged.file, { force: true });
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }
}

function cannotSave(place: string, cause: unknown): MeshError {
  return new MeshError('failed', `nothing can be saved in ${quote(place)}: ${systemReason(cause)}`, { cause });
}

/** Gives a staged file its name unless that is taken meanwhile. */
async function placeNew(staged: string, file: string): Promise<void> {
  try {
    await link(staged, file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') throw exists(file);
    // A file system without hard links: the name was free a moment ago.
    if ((await stat(file).catch(() => undefined)) !== undefined) throw exists(file);
    return await rename(staged, file);
  }
  await unlink(staged);
}

function exists(file: string): MeshError {
  return new MeshError('exists', `there is a file ${quote(file)} here already; --force replaces it, --to names another place`);
}
