import { asMeshError, type MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { type ActFault, type FileStat, WHOLE_BYTES_ALL } from '../platform/disk.ts';
import type { Digest } from '../platform/hasher.ts';
import type { Settled } from './candidate.ts';
import type { Digesting } from './digesting.ts';
import { errorOf, isFault } from './faults.ts';
import { Queue } from './queue.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';
import { digestOfWhole } from './whole-digest.ts';

/** Files read at once, one by one. 1…64. */
const READING_MAX = 16;
/** Of them files that take the disk for long: a small one never waits behind all of them. 1…8. */
const LARGE_READING_MAX = 4;
const LARGE_BYTES_MIN = 8 * 1024 * 1024;
/** Files up to so many bytes are read many at once, and hashed here: 1–256 KiB, a batch of them is hashed in 5 ms. */
const SMALL_BYTES_MAX = 64 * 1024;
/** Files of one batch, and batches at once: one is recorded while the next is read. 1…512 and 1…4. */
const BATCH_FILES_MAX = 128;
const BATCHES_MAX = 2;
/** A settled file with its digest, and its stat as of the reading. */
export interface Read {
  readonly path: FilePath;
  readonly stat: FileStat;
  readonly digest: Digest;
}

export interface ReadingEvents {
  /** False: there is nothing to read, and whoever needs to know has been told. */
  isWanted(settled: Settled): boolean;
  read(read: Read): void;
  /** It changed since it settled (no error), or cannot be read. */
  failed(path: FilePath, error: MeshError | undefined): void;
  /** Something ended: more may be recorded now. */
  went(): void;
}

/** Reads and hashes what settled, and makes it durable: whoever saved it need not have synced it. */
export class Reading {
  readonly #room: Room;
  readonly #digesting: Digesting;
  readonly #events: ReadingEvents;
  readonly #small = new Queue<Settled>();
  readonly #middle = new Queue<Settled>();
  readonly #large = new Queue<Settled>();
  #reading = 0;
  #largeReading = 0;
  #batches = 0;

  constructor(room: Room, digesting: Digesting, events: ReadingEvents) {
    this.#room = room;
    this.#digesting = digesting;
    this.#events = events;
  }

  /** Nothing is read, and nothing waits. */
  get isIdle(): boolean {
    return this.#reading + this.#batches + this.#small.length + this.#middle.length + this.#large.length === 0;
  }

  take(settled: Settled): void {
    const size = settled.stat?.size ?? 0;
    (size <= SMALL_BYTES_MAX ? this.#small : size < LARGE_BYTES_MIN ? this.#middle : this.#large).push(settled);
    this.#pump();
  }

  #pump(): void {
    if (this.#room.isStopped) return;
    while (this.#batches < BATCHES_MAX && this.#small.length > 0) this.#beginBatch();
    while (this.#reading < READING_MAX) {
      const isOpen = this.#largeReading < LARGE_READING_MAX;
      const large = isOpen ? this.#large.shift() : undefined;
      const settled = large ?? this.#middle.shift();
      if (settled === undefined) return;
      this.#begin(settled, large !== undefined);
    }
  }

  #begin(settled: Settled, isLarge: boolean): void {
    this.#reading += 1;
    if (isLarge) this.#largeReading += 1;
    this.#room.spawn('taking in a file', async () => {
      try {
        if (this.#events.isWanted(settled)) await this.#readOne(settled.path, settled.stat as FileStat);
      } finally {
        this.#reading -= 1;
        if (isLarge) this.#largeReading -= 1;
        this.#pump();
        this.#events.went();
      }
    });
  }

  #beginBatch(): void {
    this.#batches += 1;
    this.#room.spawn('taking in files', async () => {
      // What settles in the same turn is one batch.
      await Promise.resolve();
      try {
        await this.#readBatch(this.#nextBatch());
      } finally {
        this.#batches -= 1;
        this.#pump();
        this.#events.went();
      }
    });
  }

  #nextBatch(): { path: FilePath; stat: FileStat }[] {
    const batch: { path: FilePath; stat: FileStat }[] = [];
    let bytes = 0;
    while (batch.length < BATCH_FILES_MAX && bytes + SMALL_BYTES_MAX <= WHOLE_BYTES_ALL) {
      const settled = this.#small.shift();
      if (settled === undefined) break;
      if (!this.#events.isWanted(settled)) continue;
      batch.push({ path: settled.path, stat: settled.stat as FileStat });
      bytes += batch.at(-1)?.stat.size ?? 0;
    }
    return batch;
  }

  async #readBatch(batch: readonly { path: FilePath; stat: FileStat }[]): Promise<void> {
    if (batch.length === 0) return;
    const { disk, hasher } = this.#room.options;
    const paths = batch.map(({ path }) => path);
    try {
      const files = await disk.readMany(paths, { sync: true });
      for (const [index, { path, stat }] of batch.entries()) {
        const file = files[index];
        if (file === undefined || isFault(file)) this.#events.failed(path, file && faultOf(file));
        else if (!isSameFile(file.stat, stat) || !isSameStat(file.stat, file.after) || file.bytes.length !== stat.size)
          this.#events.failed(path, undefined);
        else this.#events.read({ path, stat: file.stat, digest: digestOfWhole(hasher, file.bytes) });
      }
    } catch (thrown) {
      for (const path of paths) this.#events.failed(path, asMeshError(thrown));
    }
  }

  async #readOne(path: FilePath, stat: FileStat): Promise<void> {
    try {
      const read = await this.#readFile(path, stat);
      if (read === undefined) this.#events.failed(path, undefined);
      else this.#events.read(read);
    } catch (thrown) {
      this.#events.failed(path, asMeshError(thrown));
    }
  }

  /** Undefined when the file changed since it settled. */
  async #readFile(path: FilePath, stat: FileStat): Promise<Read | undefined> {
    const file = await this.#room.options.disk.open(path);
    try {
      if (!isSameFile(file.stat, stat)) return undefined;
      const digest = await this.#digesting.of(path, file);
      const isSame = isSameStat(file.stat, await file.restat()) && digest.size === stat.size;
      return isSame ? { path, stat: file.stat, digest } : undefined;
    } finally {
      await file.close();
    }
  }
}

/** Undefined when it only changed: it has grown beyond what is read with others, and can be read. */
function faultOf(fault: ActFault): MeshError | undefined {
  return fault.code === 'changed' ? undefined : errorOf(fault);
}
