import { asMeshError, MeshError } from '../core/errors.ts';
import type { DiskPath, FileStat, OpenFile } from '../platform/disk.ts';
import type { Copy, Staging } from './face.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** Bytes read at once: the most a file gives. */
const PIECE_BYTES = 1024 * 1024;

/** Opens a file that must be as it was noted; `changed` when it is not. Without a stat any file will do. */
export async function openNoted(room: Room, { disk, stat }: { disk: DiskPath; stat?: FileStat }): Promise<Copy> {
  const file = await room.options.disk.open(disk);
  if (stat !== undefined && !isSameStat(stat, file.stat)) {
    await file.close();
    throw new MeshError('changed', `${disk} is not the file that was hashed`);
  }
  const asNoted = async <Result>(use: Promise<Result>): Promise<Result> => {
    const used = await use;
    // After it: a writer that came before it shows in the stat.
    if (isSameFile(file.stat, await file.restat())) return used;
    throw new MeshError('changed', `${disk} was changed while it was read`);
  };
  return {
    size: file.stat.size,
    read: (...asked) => asNoted(file.read(...asked)),
    copyTo: (...asked) => asNoted(room.options.hasher.copy(file, ...asked)),
    close: () => file.close(),
  };
}

/** Undefined: a file lies there and cannot be opened, tried twice. Rejects with `gone`, and with `paused` while the folder is not believed. */
export async function openUnlessBad(room: Room, place: DiskPath): Promise<OpenFile | undefined> {
  const { disk } = room.options;
  const orUndefined = (thrown: unknown): undefined => {
    if (asMeshError(thrown).code !== 'failed') throw thrown;
  };
  const file = await disk.open(place).catch(orUndefined);
  if (file !== undefined) return file;
  // Another folder, or a process out of descriptors, says the same of every file, the marker among them.
  if (!(await room.belief.check())) room.belief.assert();
  return await disk.open(place).catch(orUndefined);
}

/** Reads all of it: false when the disk cannot. */
export async function canBeRead(file: OpenFile): Promise<boolean> {
  const memory = new Uint8Array(Math.min(PIECE_BYTES, file.stat.size));
  try {
    for (let at = 0; at < file.stat.size; at += PIECE_BYTES)
      await file.read(at, Math.min(PIECE_BYTES, file.stat.size - at), memory.subarray(0, file.stat.size - at));
    return true;
  } catch {
    return false;
  }
}

/** Copies a whole file into a staging. Bytes are never shared: an edit in place would change both. */
export async function copyBytes(source: Copy, staging: Staging): Promise<void> {
  await copyRange(source, staging, { from: staging.have, offset: staging.have, length: source.size - staging.have });
}

/** Copies `length` bytes at `from` of one to `offset` of the other. The next piece is read while one is written. */
async function copyRange(
  source: Copy,
  staging: Staging,
  { from, offset, length }: { from: number; offset: number; length: number },
): Promise<void> {
  const memories = [new Uint8Array(Math.min(PIECE_BYTES, length)), new Uint8Array(Math.min(PIECE_BYTES, length))];
  let writing = Promise.resolve();
  try {
    for (let done = 0, piece = 0; done < length; piece++) {
      const count = Math.min(PIECE_BYTES, length - done);
      const bytes = await source.read(from + done, count, memories[piece % 2]?.subarray(0, count));
      if (bytes.length === 0) throw new MeshError('changed', 'the source became shorter while it was copied');
      await writing;
      writing = staging.write(offset + done, bytes);
      // Awaited a read later. Until then a full disk must not look like a failure nobody listens for, which ends the process.
      writing.catch(() => undefined);
      done += bytes.length;
    }
  } finally {
    await writing;
  }
}
