import { invariant, MeshError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Digest } from '../platform/hasher.ts';
import { Gapless } from './gapless.ts';
import type { Room } from './room.ts';
import type { Reservations, Staged } from './staged.ts';
import { digestOfWhole } from './whole-digest.ts';

/** A larger content is staged on the disk, where an interrupted one stays. 4–1,024 KiB: hashed in well below a millisecond. */
export const SMALL_BYTES_MAX = 256 * 1024;
/** Of the names of small files on the disk. */
export const SMALL_PREFIX = 'whole-';

/**
 * A small file on its way in, in memory until it is whole and verified: then it is written and synced at once. Most files
 * are small, and one on the disk from its first byte would be opened twice and synced three times.
 */
export class SmallStaging implements Staged {
  readonly name: string;
  readonly size: number;
  readonly #room: Room;
  readonly #reservations: Reservations;
  readonly #bytes: Uint8Array;
  readonly #written = new Gapless(0);
  /** Where it was last put on the disk. A name of its own each time: what a crash leaves is nobody's. */
  #place: DiskPath | undefined;
  #reserved = 0;
  #usedMs: number;
  /** It was hashed: its bytes stay what they are. */
  #isClosed = false;
  #isOver = false;

  constructor(room: Room, reservations: Reservations, name: string, size: number) {
    invariant(size <= SMALL_BYTES_MAX, 'only a small content is staged in memory');
    this.#room = room;
    this.#reservations = reservations;
    this.name = name;
    this.size = size;
    this.#bytes = new Uint8Array(size);
    this.#usedMs = room.options.clock.now();
  }

  get have(): number {
    return this.#written.have;
  }

  get place(): DiskPath {
    invariant(this.#place !== undefined, 'a staging has a place once it is finished');
    return this.#place;
  }

  /** Where its file is, or was when an act took it. */
  get placed(): DiskPath | undefined {
    return this.#place;
  }

  get idleSinceMs(): number {
    return this.#usedMs;
  }

  touch(): void {
    this.#usedMs = this.#room.options.clock.now();
  }

  /** Nothing is on the disk yet that could be broken. */
  readonly isBroken = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  get reserved(): number {
    return this.#reserved;
  }

  /** Reserves what is to come. Throws `full`. */
  begin(): void {
    this.#reservations.reserve(this, this.size);
    this.#reserved = this.size;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#assertLive();
    if (this.#isClosed) throw new MeshError('failed', 'the staging is closed for writing');
    this.touch();
    // Whoever sends more than announced is told at the digest: it is another content.
    if (offset + bytes.length > this.size) throw new MeshError('corrupt', 'more came than was announced');
    this.#bytes.set(bytes, offset);
    this.#written.add(offset, bytes.length);
  }

  async cut(): Promise<void> {
    throw new MeshError('failed', 'a small content comes in one piece');
  }

  check(): Promise<readonly number[]> {
    return Promise.reject(new MeshError('failed', 'a small content has no chunks of its own'));
  }

  takeFrom(): Promise<readonly number[]> {
    return this.check();
  }

  missing(): Range[] {
    return [{ offset: this.have, length: this.size - this.have }];
  }

  async digest(): Promise<Digest> {
    this.#assertLive();
    this.#isClosed = true;
    return digestOfWhole(this.#room.options.hasher, this.#bytes.subarray(0, this.have));
  }

  async finish(mode: number, mtimeMs: number): Promise<void> {
    this.#assertLive();
    await this.#unplace();
    const name = `${SMALL_PREFIX}${this.#room.freshName()}`;
    this.#place = `.filemesh/stage/${name}`;
    const { disk } = this.#room.options;
    await this.#room.belief.orPaused(() => disk.stageWhole({ name, bytes: this.#bytes.subarray(0, this.have), mode, mtimeMs }));
  }

  async forget(): Promise<void> {
    if (this.#isOver) return;
    this.#reservations.release(this);
    this.#isOver = true;
  }

  async discard(): Promise<void> {
    if (this.#isOver) return;
    await this.forget();
    await this.#unplace();
  }

  leave(): Promise<void> {
    return this.discard();
  }

  async #unplace(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    if (place !== undefined && !this.#room.pinned.has(place)) await this.#room.options.disk.remove(place);
  }

  #assertLive(): void {
    if (this.#isOver) throw new MeshError('gone', 'this staging was let go: begin it again');
  }
}
