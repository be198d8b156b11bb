import { asMeshError, invariant, MeshError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { DiskPath, FileStat, StageFile } from '../platform/disk.ts';
import type { Digest } from '../platform/hasher.ts';
import type { Copy, Cut } from './face.ts';
import { Gapless } from './gapless.ts';
import type { Room } from './room.ts';
import { encodeRow, stagingKey } from './rows.ts';
import type { Reservations, Staged } from './staged.ts';
import { StagedChunks } from './staged-chunks.ts';
import { digestWhole, StagedDigest } from './staged-digest.ts';
import { StagingNotes } from './staging-notes.ts';
import { notedChunks, rowOf, type StagingRow } from './staging-row.ts';
import { isSameFile } from './stats.ts';
import type { Lent } from './wanted-chunks.ts';

/** A staging of unknown size reserves so much at a time. */
const RESERVE_STEP_BYTES = 16 * 1024 * 1024;
/** Larger ones are hashed while they come in; a smaller one is hashed in no time. In bytes. */
const FOLLOW_BYTES_MIN = 1024 * 1024;

/** A file on its way in. Writes come one after another or at once, in any order of offsets. */
export class StagingFile implements Staged {
  readonly name: string;
  /** The end told at its opening; undefined: as far as it is written. */
  readonly size: number | undefined;
  readonly #room: Room;
  readonly #reservations: Reservations;
  readonly #written: Gapless;
  readonly #row: StagingRow;
  #file: StageFile | undefined;
  #reserved = 0;
  readonly #notes: StagingNotes;
  #notedChunks = 0;
  #following: StagedDigest | undefined;
  #chunks: StagedChunks | undefined;
  #digest: Promise<Digest> | undefined;
  /** Of the file that was hashed. */
  #digested: FileStat | undefined;
  #isDigesting = false;
  #usedMs: number;
  /** A sync failed. The kernel may take the lost bytes for clean from then on, so that a second sync would prove nothing. */
  #fault: MeshError | undefined;
  #isOver = false;

  /** `row`: what is known of the bytes in `file`. */
  constructor(room: Room, reservations: Reservations, name: string, size: number | undefined, file: StageFile, row: StagingRow) {
    this.#room = room;
    this.#reservations = reservations;
    this.name = name;
    this.size = size;
    this.#file = file;
    this.#row = row;
    this.#written = new Gapless(row.have);
    this.#usedMs = room.options.clock.now();
    this.#notes = new StagingNotes(room.options.log, (noted) => this.#note(noted));
  }

  get place(): DiskPath {
    return `.filemesh/stage/${this.name}`;
  }

  get have(): number {
    return this.#chunks?.have ?? this.#written.have;
  }

  async cut(cut: Cut): Promise<void> {
    if (this.#chunks?.cut.manifestHash === cut.manifestHash) return;
    invariant(this.#chunks === undefined, 'a content is cut in one way');
    // What was written since it was opened may lie over what was noted then.
    const noted = this.#notes.writtenBytes === 0 ? notedChunks(this.#row, cut.manifestHash) : undefined;
    const chunks = new StagedChunks(this.#room, this.place, cut, noted);
    this.#notedChunks = chunks.rightCount;
    this.#chunks = chunks;
    const following = this.#following;
    this.#following = undefined;
    await following?.drop();
    // Of what came before anybody knew how it is cut.
    await this.check(chunks.uncheckedBefore(this.#written.have));
  }

  async check(chunks: readonly number[]): Promise<readonly number[]> {
    invariant(this.#chunks !== undefined, 'the staging is cut');
    this.touch();
    return await this.#chunks.check(chunks);
  }

  missing(): Range[] {
    if (this.#chunks !== undefined) return this.#chunks.missing();
    return [{ offset: this.have, length: Math.max(0, (this.size ?? this.have) - this.have) }];
  }

  get idleSinceMs(): number | undefined {
    return this.#isDigesting ? undefined : this.#usedMs;
  }

  touch(): void {
    this.#usedMs = this.#room.options.clock.now();
  }

  async takeFrom(source: Copy, lent: readonly Lent[]): Promise<readonly number[]> {
    invariant(this.#chunks !== undefined, 'the staging is cut');
    const file = this.#toWrite();
    this.#reserveUpTo(this.size ?? 0);
    const wrong = await this.#chunks.takeFrom(source, file, lent);
    await this.#notes.wrote(file, this.#chunks.bytesOf(lent));
    return wrong;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const file = this.#toWrite();
    this.#reserveUpTo(offset + bytes.length);
    if ((this.size ?? 0) >= FOLLOW_BYTES_MIN && this.#chunks === undefined)
      this.#following ??= new StagedDigest(this.#room, this.place, this.size ?? 0);
    this.#touched(offset, bytes.length);
    try {
      await file.write(offset, bytes);
    } finally {
      // Also of a write that failed: part of it may be there.
      this.#touched(offset, bytes.length);
    }
    if (this.#chunks === undefined) this.#written.add(offset, bytes.length);
    this.#following?.reach(this.have);
    await this.#notes.wrote(file, bytes.length);
  }

  #toWrite(): StageFile {
    if (this.#isOver) throw new MeshError('gone', 'this staging was let go: begin it again');
    this.#assertSound();
    this.touch();
    if (this.#file === undefined || this.#digest !== undefined)
      throw new MeshError('failed', 'the staging is closed for writing');
    return this.#file;
  }

  #touched(offset: number, length: number): void {
    this.#following?.touched(offset);
    this.#chunks?.touched(offset, length);
  }

  get isBroken(): boolean {
    return this.#fault !== undefined;
  }

  digest(): Promise<Digest> {
    this.#digest ??= this.#digestNow().catch((thrown) => {
      this.#digest = undefined;
      throw thrown;
    });
    return this.#digest;
  }

  async finish(mode: number, modifiedMs: number): Promise<void> {
    await this.#close();
    const digested = await this.#assertDigested();
    const file = await this.#room.options.disk.stage(this.name);
    try {
      await file.finish(mode, modifiedMs);
      await this.#sync(file);
    } finally {
      await file.close();
    }
    const finished = await this.#room.options.disk.stat(this.place);
    if (finished?.inode === digested.inode && finished.size === digested.size) this.#digested = finished;
  }

  /** Opening a stage makes one where there is none: with another disk mounted meanwhile, an empty one. Gives its stat. */
  async #assertDigested(): Promise<FileStat> {
    const there = await this.#room.options.disk.stat(this.place);
    const digested = this.#digested;
    if (there !== undefined && digested !== undefined && isSameFile(there, digested)) return there;
    this.#fault = new MeshError('failed', 'what was staged is not there any more');
    throw this.#fault;
  }

  async discard(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#dropDigest();
      // A note that came after the end of this staging would be told of the next one of its name.
      await this.#notes.settled();
      await this.#file?.close();
      if (!this.#room.pinned.has(this.place)) await this.#room.options.disk.remove(this.place);
    } finally {
      // Whatever became of the file: what was known of its bytes is not true of the next one of this name.
      await this.forget();
    }
  }

  async leave(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reservations.release(this);
    await this.#dropDigest();
    const file = this.#file;
    try {
      await this.#notes.settled();
      const isNews = this.#notes.isBehind || (this.#chunks?.rightCount ?? 0) > this.#notedChunks;
      if (file !== undefined && isNews) await this.#notes.note(file);
    } finally {
      await this.#close();
    }
  }

  async #dropDigest(): Promise<void> {
    await this.#following?.drop();
    await this.#chunks?.drop();
  }

  async forget(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reservations.release(this);
    await this.#room.queue.write([{ key: stagingKey(this.name), value: undefined }]);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get reserved(): number {
    return this.#reserved;
  }

  /** Reserves what is known to come. Throws `full`. */
  begin(): void {
    this.#reserveUpTo(this.size ?? this.have);
  }

  #reserveUpTo(end: number): void {
    if (end <= this.#reserved) return;
    const wanted =
      this.size !== undefined && end <= this.size ? this.size : Math.ceil(end / RESERVE_STEP_BYTES) * RESERVE_STEP_BYTES;
    this.#reservations.reserve(this, wanted);
    this.#reserved = wanted;
  }

  async #digestNow(): Promise<Digest> {
    this.#isDigesting = true;
    try {
      const size = this.size ?? this.have;
      const [followed] = await Promise.all([this.#chunks?.finish(size) ?? this.#following?.finish(), this.#close()]);
      this.#assertSound();
      // A write that was under way when the digest was asked for has ended since, perhaps on bytes that were hashed before.
      const isTrue = followed !== undefined && (this.#chunks ?? this.#following)?.isSpoilt === false;
      const isWhole = isTrue && followed.digest.size === this.size && this.have === this.size;
      const { digest, stat } = isWhole ? followed : await digestWhole(this.#room, this.place);
      this.#digested = stat;
      return digest;
    } finally {
      this.#isDigesting = false;
      this.touch();
    }
  }

  async #note(file: StageFile): Promise<void> {
    this.#notedChunks = this.#chunks?.rightCount ?? 0;
    // As of before the sync: what comes meanwhile may not be on the disk after it.
    const row = rowOf(this.have, this.#chunks);
    await this.#sync(file);
    await this.#room.queue.write([{ key: stagingKey(this.name), value: encodeRow(row) }]);
  }

  async #close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    await this.#notes.settled();
    try {
      await this.#sync(file);
    } finally {
      await file.close();
    }
  }

  async #sync(file: StageFile): Promise<void> {
    this.#assertSound();
    try {
      await file.sync();
    } catch (thrown) {
      this.#fault = asMeshError(thrown);
      throw thrown;
    }
  }

  #assertSound(): void {
    if (this.#fault !== undefined) throw new MeshError('failed', 'the disk did not take what was staged', { cause: this.#fault });
  }
}
