import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { FileStat, OpenFile } from '../platform/disk.ts';
import type { Digest, Likeness } from '../platform/hasher.ts';
import type { Room } from './room.ts';
import { isSameStat } from './stats.ts';

/** A file so large is hashed while it settles: by the end of that time it is known. In bytes. */
const AHEAD_BYTES_MIN = 8 * 1024 * 1024;
/**
 * It must have lain unchanged for so long before: a write within the same tick of the disk's clock as the one before does not
 * show in the stat. 50…1,000 ms.
 */
const AHEAD_AFTER_MS = 60;
/** Files read so at once. 1…4. */
const AHEAD_MAX = 2;
/** Files of which that is remembered: one that is gone before it has settled is asked for by nobody. */
const REMEMBERED_MAX = 100;

interface Ahead {
  readonly stat: FileStat;
  readonly digest: Promise<Digest | undefined>;
  /** Its bytes are being read, or were. */
  isRead: boolean;
}

/** What files hash to, each durable when that is told. Large ones are read while their settle time runs. */
export class Digesting {
  readonly #room: Room;
  /** By path; the oldest first. */
  readonly #ahead = new Map<FilePath, Ahead>();
  #reading = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** A file rests, as it seems. One that is changed after it was read is not read a second time before it has settled. */
  begin(path: FilePath, stat: FileStat): void {
    if (stat.size < AHEAD_BYTES_MIN || this.#reading >= AHEAD_MAX || this.#ahead.get(path)?.isRead === true) return;
    // Of a disk that counts in seconds the stat tells too little too soon.
    if (isOfWholeSeconds(stat)) return;
    for (const oldest of this.#ahead.keys()) if (this.#ahead.size >= REMEMBERED_MAX) this.#ahead.delete(oldest);
    this.#reading += 1;
    const ahead: Ahead = { stat, isRead: false, digest: this.#begin(path, stat, () => (ahead.isRead = true)) };
    this.#ahead.set(path, ahead);
    this.#room.spawn('reading a file ahead', async () => void (await ahead.digest));
  }

  async #begin(path: FilePath, stat: FileStat, reads: () => void): Promise<Digest | undefined> {
    try {
      return await this.#readAhead(path, stat, reads);
    } catch (thrown) {
      this.#room.options.log.debug('a file could not be read ahead', { path, reason: asMeshError(thrown).message });
      return undefined;
    } finally {
      this.#reading -= 1;
    }
  }

  /** Of an open file that has settled: of its bytes as of its stat now, durable. */
  async of(path: FilePath, file: OpenFile): Promise<Digest> {
    const ahead = this.#ahead.get(path);
    this.#ahead.delete(path);
    const known = ahead !== undefined && isSameStat(ahead.stat, file.stat) ? await ahead.digest : undefined;
    // It was read a while ago: what was read since may have taken the place of its manifest.
    return known === undefined ? await this.#read(path, file) : this.#room.manifests.note(known);
  }

  async #readAhead(path: FilePath, stat: FileStat, reads: () => void): Promise<Digest | undefined> {
    const { clock, disk } = this.#room.options;
    await new Promise<void>((resolve) => clock.after(AHEAD_AFTER_MS, resolve));
    if (this.#room.isStopped || this.#room.belief.paused !== undefined) return undefined;
    const file = await disk.open(path);
    try {
      if (!isSameStat(file.stat, stat)) return undefined;
      reads();
      return await this.#read(path, file);
    } finally {
      await file.close();
    }
  }

  async #read(path: FilePath, file: OpenFile): Promise<Digest> {
    // Whoever saved it need not have synced it: what is announced must survive a power cut. Before it is hashed: a store into a
    // mapped page that is dirty already shows in no stat, and only the sync makes the next one show. A file under a new name
    // is hashed as any other: who edits one and puts its mtime back leaves no other trace than a rename does.
    await file.sync();
    return await this.#room.options.hasher.digest(file, await this.#likely(path, file.stat));
  }

  /** What was held under that name so far. */
  async #likely(path: FilePath, { size }: FileStat): Promise<Likeness | undefined> {
    const before = size < AHEAD_BYTES_MIN ? undefined : this.#room.held.copies(path).find(({ disk }) => disk === path);
    const manifest = before && (await this.#room.kept.of(before.hash));
    return manifest && { manifest, size: before.stat.size };
  }
}

function isOfWholeSeconds({ mtimeMs, ctimeMs }: FileStat): boolean {
  return mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0;
}
