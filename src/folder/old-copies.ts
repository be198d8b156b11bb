import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import { MultiMap } from '../core/multi-map.ts';
import { nextTurn } from '../platform/clock.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { StoreWrite } from '../platform/store.ts';
import type { Belief } from './belief.ts';
import { isTooMany } from './brake.ts';
import type { Calendar } from './calendar.ts';
import type { FolderOptions, OldCopy } from './face.ts';
import { MASS_WINDOW_MS, MassBrake } from './mass-brake.ts';
import { decodeRow, encodeRow, OLD_KEYS, oldKey, TRASH_HELD_KEY, VERSIONS_HELD_KEY } from './rows.ts';
import { rowsOf, type StoreQueue } from './store-queue.ts';

/** What is set aside is kept so long. */
export const KEEP_MS = 30 * 24 * 3_600_000;
/** Versions and trash together take at most this share of what the folder has room for. 0…1. */
export const KEEP_SHARE = 0.1;
const TRASH = '.filemesh/trash/';
/** Rows looked at in one turn of a purge: some 5 ms. Range 1,000–20,000. */
const ROWS_A_TURN = 5_000;

/** What it needs of the room. */
interface Slice {
  readonly options: FolderOptions;
  readonly queue: StoreQueue;
  readonly belief: Belief;
  readonly calendar: Calendar;
  readonly tell: () => void;
}

/** The row of a brake that holds. */
interface BrakeRow {
  /** Wall ms. */
  readonly sinceMs: number;
}

/** One content set aside, as the store has it. */
export interface OldRow extends OldCopy {
  readonly disk: DiskPath;
  /** Another peer's deletion, or version, had it set aside: it counts in the brake. */
  readonly byOthers?: true;
}

/**
 * Versions and trash: contents that are no copies of the mesh any more, kept for `history` and `restore`. In memory one
 * small object each, oldest first.
 */
export class OldCopies {
  readonly #slice: Slice;
  readonly #rows = new Map<string, OldRow>();
  readonly #byHash = new MultiMap<ContentHash, OldRow>();
  readonly #byPath = new MultiMap<FilePath, OldRow>();
  readonly #bytes = { trash: 0, versions: 0 };
  readonly #brakes = {
    trash: new MassBrake(TRASH_HELD_KEY, 'other peers deleted many files at once; the trash keeps them all'),
    versions: new MassBrake(
      VERSIONS_HELD_KEY,
      'other peers replaced many files at once, or while this machine was away; what they were is all kept for 30 days, or',
    ),
  };

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  async load(): Promise<void> {
    const { store, clock } = this.#slice.options;
    const rows: OldRow[] = [];
    for await (const page of rowsOf(store, OLD_KEYS)) for (const { value } of page) rows.push(decodeRow<OldRow>(value));
    rows.sort((a, b) => a.asideMs - b.asideMs);
    for (const row of rows) this.add(row);
    for (const brake of Object.values(this.#brakes)) {
      const row = await store.get(brake.key);
      if (row !== undefined) brake.heldSinceMs = decodeRow<BrakeRow>(row).sinceMs;
    }
    // A restart in the middle of many deletions does not begin to count anew.
    const oldestMs = clock.wall() - MASS_WINDOW_MS;
    const late = rows.filter((row) => row.asideMs >= oldestMs && row.byOthers === true);
    for (const { path, disk } of late) this.#brakes[kindOf(disk)].note(path, clock.now());
  }

  /** For a person, while what others had set aside is not purged. */
  warnings(): (string | undefined)[] {
    return Object.values(this.#brakes).map((brake) => brake.warning);
  }

  /** The row of a content that goes to `disk`; the last component names it. */
  rowFor(disk: DiskPath, facts: Omit<OldRow, 'copy' | 'disk' | 'asideMs'>): OldRow {
    const { path, hash, size, modifiedMs, mode, origin } = facts;
    const copy = disk.slice(disk.lastIndexOf('/') + 1);
    return { copy, disk, path, hash, size, modifiedMs, mode, origin, asideMs: this.#slice.calendar.stampMs };
  }

  write(row: OldRow): StoreWrite {
    return { key: oldKey(row.copy), value: encodeRow(row) };
  }

  /** Takes a recorded row in. */
  add(row: OldRow): void {
    if (this.#rows.has(row.copy)) return;
    this.#rows.set(row.copy, row);
    this.#byHash.add(row.hash, row);
    this.#byPath.add(row.path, row);
    this.#count(row, row.size);
  }

  /** Forgets a content: its file is gone or has become something else. */
  async forget(copy: string): Promise<void> {
    await this.#slice.queue.write([{ key: oldKey(copy), value: undefined }]);
    this.drop(copy);
  }

  /** Forgets it in memory, once the row is gone. */
  drop(copy: string): void {
    const row = this.#rows.get(copy);
    if (row === undefined) return;
    this.#rows.delete(copy);
    this.#byHash.delete(row.hash, row);
    this.#byPath.delete(row.path, row);
    this.#count(row, -row.size);
  }

  #count({ disk }: OldRow, bytes: number): void {
    this.#bytes[kindOf(disk)] += bytes;
  }

  hasHash(hash: ContentHash): boolean {
    return this.#byHash.has(hash);
  }

  withHash(hash: ContentHash): OldRow[] {
    return [...this.#byHash.of(hash)];
  }

  /** Newest first. */
  of(path: FilePath): OldRow[] {
    return [...this.#byPath.of(path)].reverse();
  }

  find(path: FilePath, hash: ContentHash): OldRow {
    const row = this.withHash(hash).find((one) => one.path === path);
    if (row === undefined) throw new MeshError('gone', `no older content of ${path} with that hash is kept here`);
    return row;
  }

  row(copy: string): OldRow | undefined {
    return this.#rows.get(copy);
  }

  /** Another peer had it set aside: many at once hold all of its kind until a person speaks. `files`: held here now. */
  async noteByOthers({ path, disk }: OldRow, files: number): Promise<void> {
    const kind = kindOf(disk);
    const brake = this.#brakes[kind];
    const count = brake.note(path, this.#slice.options.clock.now());
    // What was deleted is held no more.
    if (brake.isHolding || !isTooMany(count, kind === 'trash' ? files + count : files)) return;
    const sinceMs = this.#slice.calendar.stampMs;
    brake.heldSinceMs = sinceMs;
    await this.#slice.queue.write([{ key: brake.key, value: encodeRow({ sinceMs } satisfies BrakeRow) }]);
    this.#slice.tell();
  }

  /** A person has spoken. */
  release(): Promise<void> {
    return this.#release(Object.values(this.#brakes).filter((brake) => brake.isHolding));
  }

  async #release(holding: readonly MassBrake[]): Promise<void> {
    if (holding.length === 0) return;
    await this.#slice.queue.write(holding.map(({ key }) => ({ key, value: undefined })));
    for (const brake of holding) brake.release();
  }

  /**
   * Purges what is too old or too much, oldest first; files the store does not know of too. Of trash and versions what is held
   * stays, and takes nothing from the other's share.
   *
   * @param room bytes the folder has room for.
   * @param isInUse asked of each place when its turn comes: others are put away meanwhile.
   */
  async purge(room: number, isInUse: (place: DiskPath) => boolean): Promise<void> {
    if (this.#slice.belief.paused !== undefined) return;
    const oldestMs = this.#slice.calendar.todayMs - KEEP_MS;
    const { versions } = this.#brakes;
    // Much work of others looks the same, to who was away above all: if nobody speaks, it ends by itself.
    if ((versions.heldSinceMs ?? oldestMs) < oldestMs) await this.#release([versions]);
    let looked = 0;
    // What is put away meanwhile comes last, and waits for the next time.
    let isOver = true;
    for (const row of this.#rows.values()) {
      if (++looked % ROWS_A_TURN === 0) await nextTurn(this.#slice.options.clock);
      if (this.#brakes[kindOf(row.disk)].isHolding) continue;
      isOver &&= this.#purgeableBytes > room * KEEP_SHARE;
      // By age each for itself: one that was put away while the clock was ahead may stand before the others.
      if (!isOver && row.asideMs >= oldestMs) continue;
      if (isInUse(row.disk) || !(await this.#removeOld(row, isInUse))) continue;
      await this.forget(row.copy);
    }
    for (const folder of ['versions', 'trash']) await this.#purgeUnknown(folder, oldestMs, isInUse);
  }

  get #purgeableBytes(): number {
    const { trash, versions } = this.#brakes;
    return (trash.isHolding ? 0 : this.#bytes.trash) + (versions.isHolding ? 0 : this.#bytes.versions);
  }

  /** A program that had it open wrote to it later: nobody else has these bytes, so they stay for as long again. */
  async #removeOld({ disk: place, path, size }: OldRow, isInUse: (place: DiskPath) => boolean): Promise<boolean> {
    const { disk, log } = this.#slice.options;
    try {
      const stat = await disk.stat(place);
      if (isInUse(place)) return false;
      if (stat === undefined || stat.size === size) return await this.#removeFile(place);
      const name = place.lastIndexOf('/') + 1;
      const late: DiskPath = `${place.slice(0, name)}late-${place.slice(name)}`;
      await disk.move(place, late);
      log.warn('a program wrote to a file after it was deleted or replaced: that is kept for 30 days more', {
        path,
        place: late,
      });
      return true;
    } catch (thrown) {
      log.warn('an old file could not be purged', { path, place, reason: asMeshError(thrown).message });
      return false;
    }
  }

  /** False when it cannot be removed now: one bad file must not keep all others on a full disk. */
  async #removeFile(place: DiskPath): Promise<boolean> {
    try {
      await this.#slice.options.disk.remove(place);
      return true;
    } catch (thrown) {
      this.#slice.options.log.warn('an old file could not be purged', { place, reason: asMeshError(thrown).message });
      return false;
    }
  }

  /** Bad bytes, and what a crash left without a row. A rename gave them their ctime. */
  async #purgeUnknown(folder: string, oldestMs: number, isInUse: (place: DiskPath) => boolean): Promise<void> {
    for (const { name, stat } of await this.#slice.options.disk.list(folder)) {
      const place = `.filemesh/${folder}/${name}`;
      if (this.#rows.has(name) || isInUse(place) || stat.ctimeMs >= oldestMs) continue;
      await this.#removeFile(place);
    }
  }
}

function kindOf(disk: DiskPath): 'trash' | 'versions' {
  return disk.startsWith(TRASH) ? 'trash' : 'versions';
}

/** What the rest of the mesh is told of a row. */
export function shownOldCopy({ disk: _, byOthers: __, ...shown }: OldRow): OldCopy {
  return shown;
}

/** Of a version whose record is gone: who still has that tells of a later time, and its facts are shown. */
export function unknownFacts(self: PeerId): Pick<OldRow, 'modifiedMs' | 'mode' | 'origin'> {
  return { modifiedMs: 0, mode: 0o644, origin: self };
}

/** Facts of a content for its row: of the version that was held, or of nobody's. */
export function oldFacts(
  path: FilePath,
  hash: ContentHash,
  stat: FileStat,
  version: { readonly modifiedMs: number; readonly origin: PeerId } | undefined,
  self: PeerId,
): Omit<OldRow, 'copy' | 'disk' | 'asideMs'> {
  const { size, mode } = stat;
  return { path, hash, size, mode, modifiedMs: version?.modifiedMs ?? 0, origin: version?.origin ?? self };
}
