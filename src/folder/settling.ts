import { asMeshError, MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { Timer } from '../platform/clock.ts';
import type { FileStat } from '../platform/disk.ts';
import { type Candidate, type SettlingEvents, takeFirst } from './candidate.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** A hinted path is looked at so much later, together with what is hinted meanwhile: a file is made by several acts. */
const GATHER_MS = 40;
/** Stats asked for at once. 1…512. */
const STATS_MAX = 256;
/** Candidates in all. Beyond that a scan waits, and hints are left to the next scan. */
const CANDIDATES_MAX = 50_000;
/** Busy ones among them. Beyond that they are left to the next scan: a tree nobody may read must not keep out all others. */
const BUSY_MAX = 10_000;
/** A file that has not rested within so many settle times counts as busy. 2…10. */
const PATIENCE_SETTLES = 3;
/** A busy file is looked at after 2, 4, 8 … settle times (of at least so long each), at most so late. */
const BACK_OFF_MS_MIN = 100;
const BACK_OFF_MS_MAX = 300_000;

/**
 * Waits until files rest: a path named by a hint or a scan is looked at, and handed on when a settle time later size,
 * mtime and inode are the same. One timer for all; paths of one delay stand in the order in which they are due.
 */
export class Settling {
  readonly #room: Room;
  readonly #events: SettlingEvents;
  readonly #fresh = new Map<FilePath, Candidate>();
  readonly #waiting = new Map<FilePath, Candidate>();
  readonly #reading = new Map<FilePath, Candidate>();
  /** Waiting for longer than a settle time: few. */
  readonly #busy = new Map<FilePath, Candidate>();
  readonly #left = new Map<number, number>();
  #waiters: { generation: number; resolve: () => void }[] = [];
  #roomWaiters: (() => void)[] = [];
  #generation = 0;
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isTurning = false;

  constructor(room: Room, events: SettlingEvents) {
    this.#room = room;
    this.#events = events;
  }

  /** Names a path where something may have happened; `stat`: as just seen by a scan. False: there are too many already. */
  add(path: FilePath, stat?: FileStat): boolean {
    const waiting = this.#waiting.get(path);
    const reading = this.#reading.get(path);
    const seen = (waiting ?? reading)?.stat;
    // A scan that meets it as it was seen before tells nothing new.
    if (stat !== undefined && seen !== undefined && isSameStat(seen, stat)) return true;
    if (reading !== undefined) reading.isHinted = true;
    else if (waiting !== undefined) this.#renew(waiting);
    else if (!this.#fresh.has(path) && !this.#busy.has(path)) return this.#addNew(path, stat);
    return true;
  }

  /** As `add`, for a path somebody needs looked at: a busy one does not wait out its pause. */
  suspect(path: FilePath): boolean {
    const busy = this.#busy.get(path);
    if (busy === undefined) return this.add(path);
    this.#busy.delete(path);
    this.#renew(busy);
    return true;
  }

  #addNew(path: FilePath, stat: FileStat | undefined): boolean {
    if (this.size >= CANDIDATES_MAX) return false;
    const generation = this.#generation;
    this.#left.set(generation, (this.#left.get(generation) ?? 0) + 1);
    const nowMs = this.#room.options.clock.now();
    const candidate: Candidate = { path, phase: 'fresh', stat, dueMs: 0, sinceMs: nowMs, rounds: 0, isHinted: false, generation };
    if (stat === undefined) this.#renew(candidate);
    else {
      this.#wait(candidate, stat, nowMs);
      this.#arm(candidate.dueMs);
    }
    return true;
  }

  get size(): number {
    return this.#fresh.size + this.#waiting.size + this.#reading.size + this.#busy.size;
  }

  /** Files that do not rest. */
  busyPaths(): FilePath[] {
    return [...this.#busy.keys()];
  }

  /** The intake is done with a path. */
  done(path: FilePath): void {
    const candidate = this.#reading.get(path);
    if (candidate === undefined) return;
    this.#reading.delete(path);
    const sinceMs = this.#room.options.clock.now();
    if (candidate.isHinted) this.#renew({ ...candidate, stat: undefined, isHinted: false, rounds: 0, sinceMs });
    else this.#leave(candidate);
  }

  /** The intake could not take a path in: it was changed meanwhile, an act is under way there, or something failed. */
  again(path: FilePath): void {
    const candidate = this.#reading.get(path);
    if (candidate === undefined) return;
    this.#reading.delete(path);
    this.#retry({ ...candidate, stat: undefined, isHinted: false });
  }

  /** Looks at busy paths now: what kept them from being taken in is over. */
  wake(): void {
    for (const candidate of this.#busy.values()) this.#renew(candidate);
    this.#busy.clear();
  }

  /** Resolves when every path named before is done, but for busy ones; at once when the folder stops. */
  rested(): Promise<void> {
    if (this.#room.isStopped) return Promise.resolve();
    const generation = this.#generation;
    this.#generation += 1;
    return new Promise((resolve) => {
      this.#waiters.push({ generation, resolve });
      this.#wake();
    });
  }

  /** Resolves when there is room for more candidates. */
  async roomFor(count: number): Promise<void> {
    while (this.size + count > CANDIDATES_MAX && this.size > this.#busy.size && !this.#room.isStopped) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  stop(): void {
    this.#timer?.cancel();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  /** To be looked at soon. */
  #renew(candidate: Candidate): void {
    this.#waiting.delete(candidate.path);
    this.#fresh.set(candidate.path, candidate);
    candidate.phase = 'fresh';
    this.#arm(this.#room.options.clock.now() + GATHER_MS);
  }

  #wait(candidate: Candidate, stat: FileStat, fromMs: number): void {
    candidate.phase = 'waiting';
    candidate.stat = stat;
    candidate.dueMs = fromMs + this.#room.options.config.settleMs;
    this.#waiting.set(candidate.path, candidate);
    this.#events.settling(candidate.path, stat);
  }

  /** Not at rest: it starts over, and after a while with longer and longer pauses, which nobody waits for. */
  #retry(candidate: Candidate): void {
    const { clock, config } = this.#room.options;
    const nowMs = clock.now();
    if (nowMs - candidate.sinceMs < PATIENCE_SETTLES * config.settleMs) {
      if (candidate.stat === undefined) this.#renew(candidate);
      else this.#wait(candidate, candidate.stat, nowMs);
      return;
    }
    if (this.#busy.size >= BUSY_MAX) {
      this.#leave(candidate);
      return;
    }
    candidate.rounds += 1;
    candidate.phase = 'waiting';
    candidate.dueMs = nowMs + Math.min(BACK_OFF_MS_MAX, Math.max(BACK_OFF_MS_MIN, config.settleMs) * 2 ** candidate.rounds);
    this.#busy.set(candidate.path, candidate);
    this.#uncount(candidate);
    this.#arm(candidate.dueMs);
    this.#room.tell();
  }

  #leave(candidate: Candidate): void {
    this.#uncount(candidate);
    this.#wake();
  }

  #uncount(candidate: Candidate): void {
    const { generation } = candidate;
    if (generation === undefined) return;
    candidate.generation = undefined;
    const left = (this.#left.get(generation) ?? 1) - 1;
    if (left > 0) this.#left.set(generation, left);
    else this.#left.delete(generation);
    this.#wake();
  }

  #wake(): void {
    if (this.size < CANDIDATES_MAX) for (const resolve of this.#roomWaiters.splice(0)) resolve();
    if (this.#waiters.length === 0) return;
    const oldest = Math.min(Number.POSITIVE_INFINITY, ...this.#left.keys());
    const reached = this.#waiters.filter((waiter) => waiter.generation < oldest);
    if (reached.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.generation >= oldest);
    for (const { resolve } of reached) resolve();
  }

  #arm(atMs: number): void {
    if (this.#isTurning || atMs >= this.#timerMs || this.#room.isStopped) return;
    this.#timer?.cancel();
    this.#timerMs = atMs;
    const { clock } = this.#room.options;
    this.#timer = clock.after(Math.max(0, atMs - clock.now()), () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#room.spawn('settling', () => this.#turn());
    });
  }

  async #turn(): Promise<void> {
    this.#isTurning = true;
    try {
      await this.#lookAtAll(takeFirst(this.#fresh, () => true));
      const nowMs = this.#room.options.clock.now();
      for (const candidate of takeFirst(this.#waiting, ({ dueMs }) => dueMs <= nowMs)) this.#handOn(candidate);
      const busy = [...this.#busy.values()].filter((candidate) => candidate.dueMs <= nowMs);
      for (const { path } of busy) this.#busy.delete(path);
      await this.#lookAtAll(busy);
    } finally {
      this.#isTurning = false;
      this.#armNext();
    }
  }

  #armNext(): void {
    if (this.#fresh.size > 0) this.#arm(this.#room.options.clock.now() + GATHER_MS);
    const first = this.#waiting.values().next().value;
    if (first !== undefined) this.#arm(first.dueMs);
    for (const { dueMs } of this.#busy.values()) this.#arm(dueMs);
  }

  async #lookAtAll(candidates: Candidate[]): Promise<void> {
    for (const candidate of candidates) {
      this.#reading.set(candidate.path, candidate);
      candidate.phase = 'reading';
    }
    for (let from = 0; from < candidates.length; from += STATS_MAX)
      await this.#lookAtSome(candidates.slice(from, from + STATS_MAX));
  }

  async #lookAtSome(candidates: readonly Candidate[]): Promise<void> {
    const beganMs = this.#room.options.clock.now();
    const { disk, log } = this.#room.options;
    const stats = await disk.statMany(candidates.map(({ path }) => path)).catch(asMeshError);
    for (const [index, candidate] of candidates.entries()) {
      const stat = stats instanceof MeshError ? stats : stats[index];
      if (stat === undefined || !('code' in stat)) this.#judge(candidate, stat, beganMs);
      else {
        log.debug('a path could not be looked at', { path: candidate.path, reason: stat.message });
        this.again(candidate.path);
      }
    }
  }

  /** A settle time has passed since its look. Who opens it sees whether it is still the same: one look less a file. */
  #handOn(candidate: Candidate): void {
    const { path, stat } = candidate;
    candidate.phase = 'reading';
    this.#reading.set(path, candidate);
    if (this.#isTakenIn(path, stat)) this.done(path);
    else this.#events.settled({ path, stat });
  }

  #judge(candidate: Candidate, stat: FileStat | undefined, beganMs: number): void {
    const { path } = candidate;
    if (this.#isTakenIn(path, stat) && !candidate.isHinted) this.done(path);
    else if (stat === undefined) this.#events.settled({ path, stat });
    else if (candidate.stat !== undefined && isSameFile(candidate.stat, stat)) {
      const isDue = beganMs >= candidate.dueMs && candidate.dueMs > 0;
      if (isDue) this.#events.settled({ path, stat });
      // Hinted, and unchanged: it goes on waiting, in its turn.
      else this.#waitAgain(candidate, stat, candidate.dueMs - this.#room.options.config.settleMs);
    } else if (candidate.stat === undefined) this.#waitAgain(candidate, stat, beganMs);
    else {
      this.#reading.delete(path);
      candidate.stat = stat;
      this.#retry(candidate);
    }
  }

  #waitAgain(candidate: Candidate, stat: FileStat, fromMs: number): void {
    this.#reading.delete(candidate.path);
    this.#wait(candidate, stat, fromMs);
  }

  /** What the folder itself put there, or what was taken in before. */
  #isTakenIn(path: FilePath, stat: FileStat | undefined): boolean {
    const plain = this.#room.held.plain(path);
    if (plain === undefined || stat === undefined) return stat !== undefined && this.#room.lost.isLeft(path, stat);
    return isSameStat(plain.stat, stat);
  }
}
