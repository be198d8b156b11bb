import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { Source } from '../client/transfer.ts';
import { type Claim, Claims } from './claims.ts';
import { WebFailure } from './failures.ts';
import { PACE_MS } from './time-limits.ts';
import { Turns } from './turns.ts';

/** Room that is left on the disk at least, in bytes. Range 16 MiB – 1 GiB. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** Bytes for which room is set aside at once, of a body that does not say how long it is. Range 1–64 MiB. */
const STEP_BYTES = 16 * 1024 * 1024;
/** A body must bring so many bytes in PACE_MS. Range 1–64 KiB. */
const PACE_BYTES = 16 * 1024;
/** Bodies taken in at once, and those of one address or account; none waits. Range 2–64. */
const BODIES_MAX = 16;
const BODIES_OF_ONE_MAX = 8;

/** Where a body is put. */
export interface SpoolPlace {
  readonly handle: FileHandle;
  readonly offset: number;
  /** Its bytes, as was said; undefined: until it ends. */
  readonly size: number | undefined;
  /** Whose it is: see `Turns`. */
  readonly owners: readonly string[];
  /** The room it has. */
  readonly claim: Claim;
  /** Told after each piece that is in the file. */
  readonly onBytes?: (count: number) => void;
}

/** A new file without a name, and the room it has. */
export interface SpoolFile {
  readonly handle: FileHandle;
  readonly claim: Claim;
  /** Nothing of it stays. */
  end(): Promise<void>;
}

/** Where bodies wait on the disk until the mesh has them: private, and bounded by the room there is. */
export class Spool {
  readonly #directory: string;
  readonly #turns = new Turns({ atOnce: BODIES_MAX, ofOne: BODIES_OF_ONE_MAX, waiting: 0, waitingOfOne: 0 });
  readonly #claims = new Claims();
  /** Gives up what only lies here to be read again. */
  #spare: () => Promise<boolean> = () => Promise.resolve(false);

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `spare` is run when there is no room: it tells whether it made some. */
  onFull(spare: () => Promise<boolean>): void {
    this.#spare = spare;
  }

  /** Whatever ends the peer, nothing of it stays. */
  async #open(): Promise<FileHandle> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const file = join(this.#directory, `body-${randomBytes(8).toString('hex')}`);
    const handle = await open(file, 'wx+', 0o600);
    await unlink(file);
    return handle;
  }

  /**
   * Writes a body behind `offset`, as it comes; resolves with the bytes that came. Rejects with 507 (no room), 408 (too slow),
   * 413 (longer than said), 503 (too many), or when its sender goes; what came is in the file. The sender's connection is left
   * to be answered, whatever is still to come.
   */
  take(body: Readable, place: SpoolPlace): Promise<number> {
    return this.#turns.run(place.owners, async () => {
      let bytes = 0;
      const came = (count: number): void => {
        bytes += count;
        place.claim.came(count);
        place.onBytes?.(count);
      };
      const pace = new Pace(() => bytes);
      try {
        await this.#write(body, place, pace, came);
        return bytes;
      } catch (thrown) {
        throw whyFull(thrown);
      } finally {
        pace.end();
      }
    });
  }

  async #write(body: Readable, place: SpoolPlace, pace: Pace, came: (count: number) => void): Promise<void> {
    const { handle, offset, size, claim } = place;
    // Whoever sends too much or too slowly is told so: the end of this does not end the connection.
    const pieces: AsyncIterator<Buffer> = body.iterator({ destroyOnReturn: false });
    try {
      for (let bytes = 0; ; ) {
        const { done, value: piece } = await pace.within(pieces.next());
        if (done === true) return;
        if (size !== undefined && bytes + piece.length > size)
          throw new WebFailure(413, 'usage', 'more bytes came than were said');
        while (claim.left < piece.length) await this.#grow(claim, STEP_BYTES);
        await writeAll(handle, piece, offset + bytes);
        bytes += piece.length;
        came(piece.length);
      }
    } finally {
      // Not waited for: of a body that stands still that would be until it goes on.
      pieces.return?.().catch(() => undefined);
    }
  }

  /** Runs `work` with such a file: for so many bytes, or for some where nobody knows. Rejects with 507. */
  async lend<T>(
    owner: string | undefined,
    size: number | undefined,
    work: (handle: FileHandle, claim: Claim) => Promise<T>,
  ): Promise<T> {
    const { handle, claim, end } = await this.file(owner, size ?? STEP_BYTES);
    try {
      return await work(handle, claim);
    } catch (thrown) {
      throw whyFull(thrown);
    } finally {
      await end();
    }
  }

  /** A file for so many bytes of that account. Rejects with 507. The caller ends it. */
  async file(owner: string | undefined, size: number): Promise<SpoolFile> {
    const claim = await this.claim(owner, size);
    try {
      const handle = await this.#open();
      return { handle, claim, end: () => handle.close().finally(() => claim.end()) };
    } catch (thrown) {
      claim.end();
      throw whyFull(thrown);
    }
  }

  /** Sets room aside, where there is as much: nobody is refused for what was asked in vain. Rejects with 507. */
  claim(owner: string | undefined, size: number): Promise<Claim> {
    return this.#withRoom(owner, size, () => this.#claims.hold(owner, size));
  }

  /** Sets room aside that was promised before. */
  hold(owner: string | undefined, size: number, came: number): Claim {
    return this.#claims.hold(owner, size, came);
  }

  #grow(claim: Claim, count: number): Promise<void> {
    return this.#withRoom(claim.owner, count, () => claim.grow(count));
  }

  async #withRoom<T>(owner: string | undefined, more: number, take: () => T): Promise<T> {
    for (let tries = 0; ; tries++) {
      const space = await this.#space();
      try {
        // Nothing is waited for between the look and the deed.
        this.#check(owner, more, space - this.#claims.coming);
        return take();
      } catch (thrown) {
        if (tries > 0 || !(await this.#spare())) throw thrown;
      }
    }
  }

  /** Bytes that may be taken in beside those for which room was set aside. */
  async room(): Promise<number> {
    return (await this.#space()) - this.#claims.coming;
  }

  async #space(): Promise<number> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(this.#directory);
    return bavail * bsize - RESERVE_BYTES;
  }

  #check(owner: string | undefined, more: number, free: number): void {
    if (free < more) throw noRoom();
    if (!this.#claims.isBeyondHalf(owner, more, free)) return;
    const words = 'that and what you have under way here would take more than half of the room this peer has for it';
    throw new WebFailure(507, 'full', `${words}; finish some, or go to another peer`);
  }
}

/** What lies in the spool, as the mesh takes it. `modifiedMs`: of the file at its owner's, where that was told. */
export function spooledSource(handle: FileHandle, size: number, modifiedMs?: number): Source {
  return {
    size,
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
    read: (offset, length) => readSpooled(handle, offset, length),
    check: async () => {},
  };
}

/** Bytes of a file in the spool; fewer than `length` where it ends before. */
export async function readSpooled(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}

/** Looks now and then whether enough comes. */
class Pace {
  readonly #looking: NodeJS.Timeout;
  #giveUp: ((why: WebFailure) => void) | undefined;

  constructor(bytes: () => number) {
    let before = 0;
    this.#looking = setInterval(() => {
      if (bytes() - before < PACE_BYTES)
        this.#giveUp?.(new WebFailure(408, 'timeout', 'the bytes came too slowly; send them again'));
      before = bytes();
    }, PACE_MS);
  }

  /**
   * The next piece; rejects with 408 once too little came. No race with a promise that lives as long as the body: such a
   * promise remembers all that ever raced with it, and so each piece of the body.
   */
  within<T>(piece: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      piece.then(resolve, reject);
    });
  }

  end(): void {
    clearInterval(this.#looking);
  }
}

/** A full disk, in the words of this door; anything else as it is. */
export function whyFull(thrown: unknown): unknown {
  return (thrown as NodeJS.ErrnoException).code === 'ENOSPC' ? noRoom() : thrown;
}

function noRoom(): WebFailure {
  return new WebFailure(507, 'full', 'this peer has no room on its disk for it; free some, or go to another peer');
}

/** The bytes of a request, as they come: throws 415 where they are not those of the file. A body without a kind was not looked for by the server below: it is there all the same. */
export function requestBody(request: FastifyRequest): Readable {
  const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer = 'chunked' } = request.headers;
  if (content.toLowerCase() !== 'identity' || transfer.toLowerCase() !== 'chunked')
    throw new WebFailure(415, 'usage', 'the bytes are to come as they are, not encoded');
  return (request.body as Readable | undefined) ?? request.raw;
}
