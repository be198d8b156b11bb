import { asMeshError } from '../core/errors.ts';
import type { Timer } from '../platform/clock.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Digest } from '../platform/hasher.ts';
import type { Aside } from './act.ts';
import type { Room } from './room.ts';
import { isSameFile } from './stats.ts';

/** Asides looked at in one turn: a turn stays short, the rest comes at once after. */
const TURN_ASIDES_MAX = 256;

/** Makes a version of an aside that was written to; ends the row `key`, if given, in the same act. */
export type Recover = (aside: Aside, digest: Digest, stat: FileStat, key: string | undefined) => Promise<void>;

interface Watched {
  readonly key: string;
  readonly aside: Aside;
  dueMs: number;
  /** As of the last look, of one that is not what was replaced. */
  last: FileStat | undefined;
}

/**
 * Files that were replaced or buried while a program may still have had them open. Each is looked at again after the
 * settle time: unchanged, its intent ends; changed, its bytes become a version beside what replaced them. One timer.
 */
export class Asides {
  readonly #room: Room;
  readonly #recover: Recover;
  /** By place, in the order in which they are due. */
  readonly #watched = new Map<DiskPath, Watched>();
  #timer: Timer | undefined;
  #isTurning = false;

  constructor(room: Room, recover: Recover) {
    this.#room = room;
    this.#recover = recover;
  }

  /** `key`: the row that ends when all of them are seen unchanged. */
  watch(key: string, asides: readonly Aside[]): void {
    const dueMs = this.#dueMs();
    for (const aside of asides) this.#watched.set(aside.disk, { key, aside, dueMs, last: undefined });
    this.#arm();
  }

  /** True for a place that may not be purged yet. */
  isWatched(place: DiskPath): boolean {
    return this.#watched.has(place);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #dueMs(): number {
    return this.#room.options.clock.now() + this.#room.options.config.settleMs;
  }

  #arm(): void {
    const first = this.#watched.values().next().value;
    if (first === undefined || this.#isTurning || this.#timer !== undefined || this.#room.isStopped) return;
    const { clock } = this.#room.options;
    this.#timer = clock.after(Math.max(0, first.dueMs - clock.now()), () => {
      this.#timer = undefined;
      this.#room.spawn('looking at replaced files', () => this.#turn());
    });
  }

  async #turn(): Promise<void> {
    this.#isTurning = true;
    try {
      const nowMs = this.#room.options.clock.now();
      const due: Watched[] = [];
      for (const watched of this.#watched.values()) {
        if (watched.dueMs > nowMs || due.length >= TURN_ASIDES_MAX) break;
        due.push(watched);
      }
      const ended = (await Promise.all(due.map((watched) => this.#look(watched)))).filter((one) => one !== undefined);
      await this.#end(ended);
    } finally {
      this.#isTurning = false;
      this.#arm();
    }
  }

  /** Returns it when there is nothing more to watch. */
  async #look(watched: Watched): Promise<Watched | undefined> {
    const { disk, log } = this.#room.options;
    const { aside, key } = watched;
    try {
      let stat = await disk.stat(aside.disk);
      if (stat === undefined) {
        // Of a folder that went away nothing is there, and nothing is over.
        if (!(await this.#room.belief.check())) return this.#again(watched, undefined);
        stat = await disk.stat(aside.disk);
      }
      if (stat === undefined || (aside.replaces !== undefined && isSameFile(stat, aside.replaces))) return watched;
      const isQuiet = watched.last !== undefined && isSameFile(stat, watched.last);
      if (!isQuiet || this.#room.belief.paused !== undefined) return this.#again(watched, stat);
      const digest = await this.#digest(aside.disk);
      if (aside.base.some((version) => version.hash === digest.hash)) return watched;
      const isLast = ![...this.#watched.values()].some((other) => other.key === key && other.aside.disk !== aside.disk);
      await this.#recover(aside, digest, stat, isLast ? key : undefined);
      this.#watched.delete(aside.disk);
    } catch (thrown) {
      log.warn('a replaced file could not be looked at', { path: aside.path, reason: asMeshError(thrown).message });
      return this.#again(watched, undefined);
    }
    return undefined;
  }

  #again(watched: Watched, last: FileStat | undefined): undefined {
    this.#watched.delete(watched.aside.disk);
    this.#watched.set(watched.aside.disk, { ...watched, last, dueMs: this.#dueMs() });
  }

  async #digest(place: DiskPath): Promise<Digest> {
    const file = await this.#room.options.disk.open(place);
    try {
      return await this.#room.options.hasher.digest(file);
    } finally {
      await file.close();
    }
  }

  /** A row ends when none of its asides is watched any more. */
  async #end(ended: readonly Watched[]): Promise<void> {
    if (ended.length === 0) return;
    for (const { aside } of ended) this.#watched.delete(aside.disk);
    const open = new Set([...this.#watched.values()].map((watched) => watched.key));
    const keys = [...new Set(ended.map((watched) => watched.key))].filter((key) => !open.has(key));
    await this.#room.queue.write(keys.map((key) => ({ key, value: undefined })));
  }
}
