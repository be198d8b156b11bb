import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Source } from '../client/transfer.ts';
import { WebFailure } from './failures.ts';

/** Room that is left on the disk at least, in bytes. Range 16 MiB – 1 GiB. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** Bytes taken before the room is looked at again, of a body that does not say how long it is. */
const LOOK_BYTES = 64 * 1024 * 1024;
/** A body must bring so many bytes in so long: less is a connection that only holds its place. */
const PACE_BYTES = 16 * 1024;
const PACE_MS = 30_000;
/** Bodies taken in at once. Range 2–64. */
const BODIES_MAX = 16;

/** Where bodies wait on the disk until the mesh has them: private, and bounded by the room there is. */
export class Spool {
  readonly #directory: string;
  #bodies = 0;
  /** Bytes that bodies under way said they have, and not brought yet. */
  #promised = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new file without a name: whatever ends the peer, nothing of it stays. The caller closes it. */
  async open(): Promise<FileHandle> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = join(this.#directory, `body-${randomBytes(8).toString('hex')}`);
    const handle = await open(file, 'wx+', 0o600);
    await unlink(file);
    return handle;
  }

  /**
   * Writes a body behind `offset`, as it comes; resolves with the bytes that came. `size`: as it was said, else undefined. Rejects
   * with 507 (no room), 408 (too slow), 413 (longer than said), 503 (too many), or when its sender goes; what came is in the file.
   */
  async take(body: Readable, handle: FileHandle, offset: number, size: number | undefined): Promise<number> {
    if (this.#bodies >= BODIES_MAX) {
      throw new WebFailure(503, 'busy', 'too many uploads are under way at this peer; try again in a moment', {
        'retry-after': '5',
      });
    }
    this.#bodies++;
    this.#promised += size ?? 0;
    let bytes = 0;
    const pace = paced(body, () => bytes);
    try {
      await this.checkRoom(0);
      let looked = 0;
      for await (const piece of body as AsyncIterable<Buffer>) {
        if (size !== undefined && bytes + piece.length > size)
          throw new WebFailure(413, 'usage', 'more bytes came than were said');
        await writeAll(handle, piece, offset + bytes);
        bytes += piece.length;
        if (size !== undefined) this.#promised -= piece.length;
        if (bytes - looked < LOOK_BYTES) continue;
        looked = bytes;
        if (size === undefined) await this.checkRoom(LOOK_BYTES);
      }
      return bytes;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') throw noRoom();
      throw body.errored instanceof WebFailure ? body.errored : thrown;
    } finally {
      clearInterval(pace);
      this.#bodies--;
      if (size !== undefined) this.#promised -= size - bytes;
    }
  }

  /** Rejects with 507 where so many more bytes leave too little room. */
  async checkRoom(more: number): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(this.#directory);
    if (bavail * bsize - this.#promised - more < RESERVE_BYTES) throw noRoom();
  }
}

/** What lies in the spool, as the mesh takes it. `modifiedMs`: of the file at its owner's, where that was told. */
export function spooledSource(handle: FileHandle, size: number, modifiedMs?: number): Source {
  return {
    size,
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
    check: async () => {},
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}

function paced(body: Readable, bytes: () => number): NodeJS.Timeout {
  let before = 0;
  return setInterval(() => {
    if (bytes() - before < PACE_BYTES) body.destroy(new WebFailure(408, 'timeout', 'the bytes came too slowly; send them again'));
    before = bytes();
  }, PACE_MS);
}

function noRoom(): WebFailure {
  return new WebFailure(507, 'full', 'this peer has no room on its disk for the upload; free some, or upload at another peer');
}

/** A body without a kind was not looked for by the server below: it is there all the same. */
export function requestBody(request: FastifyRequest): Readable {
  return (request.body as Readable | undefined) ?? request.raw;
}
