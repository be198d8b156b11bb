import { invariant } from '../../src/core/errors.ts';
import { EventHeap, type SimEvent } from './event-heap.ts';
import { Incarnation } from './incarnation.ts';
import { SimRandom } from './sim-random.ts';
import { Trace } from './trace.ts';

/** Virtual time `settle` waits before it says that a promise hangs. */
const SETTLE_MS_MAX = 3_600_000;

/** Taken before any tripwire stands: the loop itself is the one place that may use it. */
const realSetImmediate = setImmediate;

interface Goal {
  readonly isReached: () => boolean;
  readonly deadlineMs: number;
  readonly resolve: (reached: boolean) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The event loop of virtual time: take the earliest event, call it, let every microtask and nextTick that follows run
 * out (one real `setImmediate`), take the next. Promises are resolved by events only, so one seed is one history. An
 * event that throws and a rejection that nobody handles fail the seed: whoever waits for this loop gets that error.
 */
export class Scheduler {
  readonly seed: string;
  readonly trace: Trace;
  /** Root of all chance. */
  readonly random: SimRandom;
  /** Kernels, cables and the nemesis: never dead, never stopped. */
  readonly outside: Incarnation;
  readonly #heap = new EventHeap();
  readonly #goals: Goal[] = [];
  #nowMs = 0;
  #sequence = 0;
  #eventCount = 0;
  #isLooping = false;
  #failure: { readonly reason: unknown } | undefined;
  #release: (() => void) | undefined;

  constructor(seed: string, options: { keepAllLines?: boolean } = {}) {
    this.seed = seed;
    this.random = new SimRandom(seed);
    this.trace = new Trace({ keepAll: options.keepAllLines ?? false });
    this.outside = new Incarnation(this, 'outside', this.random.fork('ties/outside'));
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that happened so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** What failed this seed; undefined while nothing did. */
  get failure(): unknown {
    return this.#failure?.reason;
  }

  /** For incarnations; anybody else calls `Incarnation.after`. */
  schedule(owner: Incarnation, delayMs: number, tie: number, act: () => void): SimEvent {
    invariant(Number.isFinite(delayMs), `${owner.name} asks for a time: ${delayMs}`);
    const timeMs = this.#nowMs + Math.max(0, delayMs);
    this.#sequence += 1;
    const event: SimEvent = { timeMs, tie, sequence: this.#sequence, owner, act, cancelled: false };
    if (!owner.isDead) this.#heap.push(event);
    return event;
  }

  /** Puts back an event that a stopped incarnation held: due now, before all else, after those put back earlier. */
  reschedule(event: SimEvent): void {
    this.#sequence += 1;
    event.timeMs = this.#nowMs;
    event.tie = -1;
    event.sequence = this.#sequence;
    this.#heap.push(event);
  }

  /** Fails the seed; the first reason counts. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
  }

  /** Runs until `isReached` (true) or until `limitMs` of virtual time have passed (false). Several may wait at once. */
  runUntil(isReached: () => boolean, limitMs: number): Promise<boolean> {
    const result = new Promise<boolean>((resolve, reject) => {
      this.#goals.push({ isReached, deadlineMs: this.#nowMs + limitMs, resolve, reject });
    });
    if (!this.#isLooping) this.#loop().catch((thrown: unknown) => this.#abandon(thrown));
    return result;
  }

  /**
   * Runs on by itself until the function returned is called: for acceptance suites, which await plain calls and know
   * nothing of virtual time. With nothing to do it waits for the next call.
   */
  pump(): () => Promise<void> {
    let isOver = false;
    const ended = this.runUntil(() => isOver, Number.POSITIVE_INFINITY);
    // Whoever stops the pump is told; a failure before that must not count as unhandled.
    ended.catch(() => {});
    return async () => {
      isOver = true;
      await ended;
    };
  }

  async runFor(ms: number): Promise<void> {
    await this.runUntil(() => false, ms);
  }

  /** Runs until `promise` is settled and hands on how; the driver for tests that await. Rejects when it hangs for an hour of virtual time. */
  async settle<T>(promise: Promise<T>, limitMs: number = SETTLE_MS_MAX): Promise<T> {
    let isSettled = false;
    const mark = () => {
      isSettled = true;
    };
    promise.then(mark, mark);
    if (!(await this.runUntil(() => isSettled, limitMs))) throw new Error(`still waiting after ${limitMs} virtual ms`);
    return promise;
  }

  async #loop(): Promise<void> {
    this.#isLooping = true;
    try {
      this.#guard();
      await drained();
      while (this.#goals.length > 0) {
        this.#guard();
        if (this.#failure !== undefined) this.#abandon(this.#failure.reason);
        else if (this.#takeGoal()) await drained();
        else await this.#step();
      }
    } finally {
      this.#isLooping = false;
      this.#unguard();
    }
  }

  /** Ends a wait. Whoever waited goes on outside the simulation, so with the last one the guard goes first. */
  #endGoal(goal: Goal, end: () => void): void {
    this.#goals.splice(this.#goals.indexOf(goal), 1);
    if (this.#goals.length === 0) this.#unguard();
    end();
  }

  #abandon(reason: unknown): void {
    for (const goal of [...this.#goals]) this.#endGoal(goal, () => goal.reject(reason));
  }

  /** Ends one goal that is reached or cannot be reached in time, the nearest deadline first; false: take an event. */
  #takeGoal(): boolean {
    const reached = this.#goals.find((goal) => goal.isReached());
    if (reached !== undefined) {
      this.#endGoal(reached, () => reached.resolve(true));
      return true;
    }
    const nearest = this.#goals.reduce((a, b) => (b.deadlineMs < a.deadlineMs ? b : a));
    this.#skipVoid();
    const next = this.#heap.first;
    if (next !== undefined && next.timeMs <= nearest.deadlineMs) return false;
    // Without a deadline and without events nothing can happen until somebody outside calls.
    if (nearest.deadlineMs === Number.POSITIVE_INFINITY) return true;
    this.#nowMs = Math.max(this.#nowMs, nearest.deadlineMs);
    this.#endGoal(nearest, () => nearest.resolve(false));
    return true;
  }

  /** Drops what is called off or dead from the head of the heap. */
  #skipVoid(): void {
    for (let event = this.#heap.first; event !== undefined; event = this.#heap.first) {
      if (!event.cancelled && !event.owner.isDead) return;
      this.#heap.pop();
    }
  }

  /** While somebody waits for the loop, a rejection that nobody handles is the seed's and not the test runner's. */
  #guard(): void {
    if (this.#release !== undefined) return;
    const take = (reason: unknown) => this.fail(reason);
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', take);
    this.#release = () => {
      process.off('unhandledRejection', take);
      for (const other of others) process.on('unhandledRejection', other);
    };
  }

  #unguard(): void {
    this.#release?.();
    this.#release = undefined;
  }

  async #step(): Promise<void> {
    const event = this.#heap.pop();
    if (event === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, event.timeMs);
    if (event.owner.isStopped) {
      event.owner.hold(event);
      return;
    }
    this.#eventCount += 1;
    this.trace.mix(event.sequence);
    try {
      event.act();
    } catch (thrown) {
      this.fail(thrown);
    }
    await drained();
  }
}

/** All microtasks and nextTicks have run out when it resolves: the check phase comes after them. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    realSetImmediate(resolve);
  });
}
