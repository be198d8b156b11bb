import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { FileStat, OpenFile } from '../platform/disk.ts';
import type { Digest, Likeness } from '../platform/hasher.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** Renamed files at least so large are not hashed again: below, a hash costs less than the doubt about a reused inode. */
const RENAME_UNHASHED_BYTES_MIN = 64 * 1024 * 1024;
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
    const same = this.#room.held.withInode(stat.inode);
    // Renamed, perhaps: then it needs no reading. And of a disk that counts in seconds the stat tells too little too soon.
    if ((same !== undefined && isSameFile(same.stat, stat)) || isOfWholeSeconds(stat)) return;
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
    const hash = async () => {
      const renamed = await this.#ofRenamed(path, file.stat);
      return renamed ?? (await this.#room.options.hasher.digest(file, await this.#likely(path, file.stat)));
    };
    // Whoever saved it need not have synced it: what is announced must survive a power cut. The disk writes while the hasher
    // reads: whatever is changed meanwhile shows in the stat.
    const [digest] = await Promise.all([hash(), file.sync()]);
    return digest;
  }

  /** What was held under that name so far. */
  async #likely(path: FilePath, { size }: FileStat): Promise<Likeness | undefined> {
    const before = size < AHEAD_BYTES_MIN ? undefined : this.#room.held.copies(path).find(({ disk }) => disk === path);
    const manifest = before && (await this.#room.kept.of(before.hash));
    return manifest && { manifest, size: before.stat.size };
  }

  /** A large file that is the same inode, size and time as one held under a name where nothing lies now. */
  async #ofRenamed(path: FilePath, stat: FileStat): Promise<Digest | undefined> {
    if (stat.size < RENAME_UNHASHED_BYTES_MIN) return undefined;
    const source = this.#room.held.withInode(stat.inode);
    if (source === undefined || source.path === path || !isSameFile(source.stat, stat)) return undefined;
    // What the disk refuses to look at is not known to be gone.
    if ((await this.#room.options.disk.stat(source.path).catch(() => 'unknown')) !== undefined) return undefined;
    const version = (await this.#room.versionsOf(source))[0];
    return version && { hash: version.hash, size: version.size, manifest: version.manifest };
  }
}

function isOfWholeSeconds({ mtimeMs, ctimeMs }: FileStat): boolean {
  return mtimeMs % 1000 === 0 && ctimeMs % 1000 === 0;
}
