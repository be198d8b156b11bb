import { asMeshError } from '../core/errors.ts';
import type { DiskPath, FileStat, OpenFile } from '../platform/disk.ts';
import type { Digest, Following } from '../platform/hasher.ts';
import type { Room } from './room.ts';

/** The digest of a staged file, and the stat of the file that has it. */
export interface Digested {
  readonly digest: Digest;
  readonly stat: FileStat;
}

/** Of a staged file that was not hashed while it came. */
export async function digestWhole(room: Room, place: DiskPath): Promise<Digested> {
  const file = await room.options.disk.open(place);
  try {
    return { digest: await room.options.hasher.digest(file), stat: file.stat };
  } finally {
    await file.close();
  }
}

/**
 * Hashes a staged file while it comes in, so that nothing is left to read at its end. Whenever that cannot be, the file is
 * hashed as a whole instead: this is a shortcut and nothing more.
 */
export class StagedDigest {
  readonly #room: Room;
  readonly #place: DiskPath;
  readonly #opening: Promise<void>;
  #file: OpenFile | undefined;
  #following: Following | undefined;
  /** Bytes from the first on that are there: they were hashed, or will be before anything is written anew. */
  #have = 0;
  /** Bytes were written that may have been hashed already. */
  #isSpoilt = false;
  #isOver = false;

  /** `size`: what the file will have, in bytes. */
  constructor(room: Room, place: DiskPath, size: number) {
    this.#room = room;
    this.#place = place;
    this.#opening = this.#open(size);
  }

  /** Call before and after a write at `offset`. */
  touched(offset: number): void {
    if (offset < this.#have) this.#isSpoilt = true;
  }

  /** True: what was hashed is not what lies there. */
  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  reach(have: number): void {
    this.#have = have;
    if (!this.#isSpoilt) this.#following?.reach(have);
  }

  /** After the last write. Undefined: it did not come to that. */
  async finish(): Promise<Digested | undefined> {
    await this.#opening;
    const [file, following] = [this.#file, this.#following];
    if (file === undefined || following === undefined || this.#isSpoilt || this.#isOver) {
      await this.drop();
      return undefined;
    }
    this.#isOver = true;
    try {
      const digest = await following.finish();
      return { digest, stat: await file.restat() };
    } catch (thrown) {
      this.#skip(thrown);
      return undefined;
    } finally {
      await file.close();
    }
  }

  async drop(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#opening;
    this.#following?.drop();
    await this.#file?.close();
  }

  async #open(size: number): Promise<void> {
    try {
      this.#file = await this.#room.options.disk.open(this.#place);
      this.#following = this.#room.options.hasher.follow(this.#file, size);
      if (this.#have > 0) this.#following.reach(this.#have);
    } catch (thrown) {
      this.#skip(thrown);
    }
  }

  #skip(thrown: unknown): void {
    this.#room.options.log.debug('a staging is hashed at its end', { place: this.#place, reason: asMeshError(thrown).message });
  }
}
