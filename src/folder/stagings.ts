import { asMeshError, MeshError } from '../core/errors.ts';
import type { Load } from '../core/placement.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Staging } from './face.ts';
import { KEEP_SHARE } from './old-copies.ts';
import type { Room } from './room.ts';
import { decodeRow, STAGING_KEYS, stagingKey } from './rows.ts';
import { SMALL_BYTES_MAX, SMALL_PREFIX, SmallStaging } from './small-staging.ts';
import type { Reservations, Staged } from './staged.ts';
import { StagingFile } from './staging.ts';
import type { StagingRow } from './staging-row.ts';
import { rowsOf } from './store-queue.ts';

/** A staging nobody writes or reads gives its room back after so long. Longer than whoever has one waits for anything. */
const IDLE_MS = 30 * 60_000;
/** Its bytes are removed after so long: whoever sent half of a file may come back next week. */
const STALE_MS = 7 * 24 * 3_600_000;
/** After so long only what all of them together take beyond KEEP_SHARE of the room, the oldest first. */
const CROWDED_MS = 24 * 3_600_000;
/** Of the names of stagings that nobody goes on with once their opener is gone: what they are for is sent, or made, anew. */
export const ONCE_PREFIX = 'once-';
/**
 * One of those goes when at a second look, so much later, nobody is at it still: a peer that started anew is come back to at once.
 * Others too, which are too old besides: a clock that is ahead for a moment removes nothing. 10 s – 1 h.
 */
export const ONCE_MS = 10 * 60_000;
/** Share of the disk that the default capacity leaves free. 0…1. */
const FREE_SHARE = 0.1;
/** What is placed here never takes the disk's last bytes: this much, or a tenth of a small disk. */
const FLOOR_BYTES_MAX = 100 * 1024 * 1024;
/** Stagings at once: uploads, fetches, copies. */
const STAGINGS_MAX = 1_000;
/** Small ones in memory, in all; beyond that they go to the disk at once. 1…64 MiB. */
const SMALL_BYTES_ALL = 16 * 1024 * 1024;
/** What the disk said is free is good for so long: what is staged meanwhile is counted. 0…10,000 ms. */
const FREE_FRESH_MS = 1_000;
/** Names of stagings come from other rooms: they become file names. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$/;

/** All that is on its way in, and the room there is for it. */
export class Stagings implements Reservations {
  readonly #room: Room;
  readonly #open = new Map<string, Staged>();
  readonly #opening = new Map<string, Promise<Staged>>();
  #reserved = 0;
  /** Files that are put down in batches, beside those that are open. */
  #many = 0;
  /** Those found with nobody at them, or too old, by name: when first, by the clock that nobody sets. */
  readonly #over = new Map<string, { readonly sinceMs: number; readonly ctimeMs: number }>();
  /** Of the small ones: they are in memory. */
  #smallBytes = 0;
  #disk = { free: 0, total: 0 };
  /** When the disk was asked last. */
  #freeMs = Number.NEGATIVE_INFINITY;

  constructor(room: Room) {
    this.#room = room;
  }

  /** See Folder.load. */
  get load(): Load {
    const { bytes, held, runs } = this.#room;
    const incomingFiles = this.#open.size + this.#many;
    return { bytes, capacity: this.capacity, files: held.files + runs.files, incomingBytes: this.#reserved, incomingFiles };
  }

  /** Bytes offered to the mesh. */
  get capacity(): number {
    const { capacity } = this.#room.options.config;
    if (capacity === undefined)
      return Math.max(0, Math.floor(this.#room.bytes + this.#disk.free - this.#disk.total * FREE_SHARE));
    return Math.floor('bytes' in capacity ? capacity.bytes : capacity.share * this.#disk.total);
  }

  /** Bytes the folder has room for: the capacity a person named, else what it holds and what is free, however full the disk is. */
  get room(): number {
    return this.#room.options.config.capacity === undefined ? this.#room.bytes + this.#disk.free : this.capacity;
  }

  /** Asks the disk how much is free. */
  async refresh(): Promise<void> {
    this.#disk = await this.#room.options.disk.free();
    this.#freeMs = this.#room.options.clock.now();
  }

  /** Opens a staging, new or as it was left, here or by a crash. */
  async open(name: string, size: number | undefined): Promise<Staged> {
    if (!NAME.test(name)) throw new MeshError('failed', 'a staging has a plain name');
    const open = this.#open.get(name);
    if (open !== undefined && !open.isBroken) {
      open.touch();
      return open;
    }
    const opening = this.#opening.get(name) ?? this.#openNew(name, size).finally(() => this.#opening.delete(name));
    this.#opening.set(name, opening);
    return opening;
  }

  async #openNew(name: string, size: number | undefined): Promise<Staged> {
    await this.#open.get(name)?.discard();
    if (this.#room.pinned.has(`.filemesh/stage/${name}`))
      throw new MeshError('busy', 'what was staged under this name is still in use');
    if (this.#open.size + this.#opening.size >= STAGINGS_MAX) throw new MeshError('busy', 'too many files are on their way in');
    if (this.#room.options.clock.now() - this.#freeMs >= FREE_FRESH_MS) await this.refresh();
    if (size !== undefined && this.#isSmall(size)) return this.#openSmall(name, size);
    const { store, disk } = this.#room.options;
    const value = await store.get(stagingKey(name));
    const file = await this.#room.belief.orPaused(() => disk.stage(name));
    try {
      const noted = value === undefined ? { have: 0 } : decodeRow<StagingRow>(value);
      const row = { ...noted, have: Math.min(noted.have, (await disk.stat(file.path))?.size ?? 0) };
      // What was written beyond the note may have gaps, or never have reached the disk; of a cut one the chunks tell.
      await file.truncate(row.cut === undefined ? row.have : (size ?? row.have));
      const staging = new StagingFile(this.#room, this, name, size, file, row);
      staging.begin();
      this.#open.set(name, staging);
      return staging;
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** As it is now: a small one may have been put on the disk since it was listed. */
  #isOpen(name: string, place: DiskPath): boolean {
    if (this.#open.has(name) || this.#opening.has(name)) return true;
    return [...this.#open.values()].some((staging) => staging instanceof SmallStaging && staging.placed === place);
  }

  #isSmall(size: number): boolean {
    const { smallBytesMax = SMALL_BYTES_MAX } = this.#room.options.config;
    return size <= Math.min(smallBytesMax, SMALL_BYTES_MAX) && this.#smallBytes + size <= SMALL_BYTES_ALL;
  }

  #openSmall(name: string, size: number): Staged {
    const staging = new SmallStaging(this.#room, this, name, size);
    staging.begin();
    this.#smallBytes += size;
    this.#open.set(name, staging);
    return staging;
  }

  /** The staging of this room behind the face. */
  own(staging: Staging): Staged {
    const isOurs = staging instanceof StagingFile || staging instanceof SmallStaging;
    if (!isOurs || staging.isOver) throw new MeshError('failed', 'the staging is over');
    return staging;
  }

  /** Reserves room for many files that are put down at once; throws `full`. What it gives ends that. */
  async reserveMany(bytes: number, files: number): Promise<() => void> {
    if (this.#room.options.clock.now() - this.#freeMs >= FREE_FRESH_MS) await this.refresh();
    this.#take(bytes);
    this.#many += files;
    this.#room.tell();
    return () => {
      this.#reserved -= bytes;
      this.#many -= files;
      this.#room.tell();
    };
  }

  reserve(staging: Staged, bytes: number): void {
    this.#take(bytes - staging.reserved);
    this.#room.tell();
  }

  #take(more: number): void {
    if (this.#room.bytes + this.#reserved + more > this.capacity)
      throw new MeshError('full', 'this peer has used the room it offers');
    const floor = Math.min(FLOOR_BYTES_MAX, this.#disk.total * FREE_SHARE);
    if (this.#disk.free - more < floor) throw new MeshError('full', 'the disk of this peer is nearly full');
    this.#reserved += more;
    this.#disk = { ...this.#disk, free: this.#disk.free - more };
  }

  release(staging: Staged): void {
    if (this.#open.get(staging.name) !== staging) return;
    this.#open.delete(staging.name);
    this.#reserved -= staging.reserved;
    if (staging instanceof SmallStaging) this.#smallBytes -= staging.size;
    this.#room.tell();
  }

  /** Gives back what stagings hold that nobody goes on with: a client that left, a content that is no longer wanted. */
  async leaveIdle(): Promise<void> {
    const { clock, log } = this.#room.options;
    const oldestMs = clock.now() - IDLE_MS;
    for (const staging of [...this.#open.values()]) {
      if ((staging.idleSinceMs ?? Number.POSITIVE_INFINITY) > oldestMs) continue;
      await staging.leave().catch((thrown) => {
        log.warn('a staging could not be left in order', { name: staging.name, reason: asMeshError(thrown).message });
      });
    }
  }

  /** Removes the bytes of stagings nobody goes on with, intents being finished. `inUse`: places that are not to be touched. */
  async sweep(inUse: ReadonlySet<DiskPath>): Promise<void> {
    const { disk, store } = this.#room.options;
    const nowMs = this.#room.calendar.todayMs;
    const names = new Set<string>();
    let bytes = 0;
    // ctime: the mtime may already be that of the content. The newest first.
    const listed = (await disk.list('stage')).sort((a, b) => b.stat.ctimeMs - a.stat.ctimeMs);
    for (const { name, stat } of listed) {
      const place = `.filemesh/stage/${name}`;
      const isKept = this.#isOpen(name, place) || inUse.has(place);
      if (!isKept) bytes += stat.size;
      const staleMs = bytes > this.room * KEEP_SHARE ? CROWDED_MS : STALE_MS;
      // A small one is found again by nobody; but once acts run, it may be one's that has just begun, or is tried again.
      const isNobodys = name.startsWith(SMALL_PREFIX) && !this.#room.isOpen;
      const isOld = !isKept && (name.startsWith(ONCE_PREFIX) || stat.ctimeMs < nowMs - staleMs);
      const isOver = (isOld && this.#isOverStill(name, stat.ctimeMs)) || isNobodys;
      if (!isOld) this.#over.delete(name);
      if (isOver && !isKept && (await this.#isRemoved(place))) continue;
      names.add(name);
    }
    for (const name of this.#over.keys()) if (!names.has(name)) this.#over.delete(name);
    for await (const page of rowsOf(store, STAGING_KEYS)) {
      const gone = page.filter(({ key }) => !names.has(key.slice(STAGING_KEYS.from.length)));
      await this.#room.queue.write(gone.map(({ key }) => ({ key, value: undefined })));
    }
  }

  /** At this look as at one long enough before, and not written to between. */
  #isOverStill(name: string, ctimeMs: number): boolean {
    const nowMs = this.#room.options.clock.now();
    const known = this.#over.get(name);
    if (known?.ctimeMs === ctimeMs) return nowMs - known.sinceMs >= ONCE_MS;
    this.#over.set(name, { sinceMs: nowMs, ctimeMs });
    return false;
  }

  /** One that cannot be removed stays, and nothing else waits for it. */
  async #isRemoved(place: DiskPath): Promise<boolean> {
    const { disk, log } = this.#room.options;
    try {
      await disk.remove(place);
      return true;
    } catch (thrown) {
      log.warn('a stray staged file stays', { place, reason: asMeshError(thrown).message });
      return false;
    }
  }
}
