import type { Clock, Timer } from '../../src/platform/clock.ts';
import type { Incarnation } from './incarnation.ts';

/** Wall time at virtual time 0: 2026-01-01T00:00:00Z. */
const EPOCH_MS = 1_767_225_600_000;

/**
 * No timer fires to the dot. Without it the sums of floating point would let some fire a hair too early, and whoever
 * then waits for the rest would wait for ever at one instant.
 */
const LATE_MS = 0.001;

/** What one machine believes the time is: jumps with `offsetMs`, survives restarts of its processes. */
export interface WallClock {
  offsetMs: number;
}

/** Unix ms on that machine. */
export function wallMs(clock: WallClock, virtualMs: number): number {
  return EPOCH_MS + virtualMs + clock.offsetMs;
}

/** Virtual time as one incarnation sees it: monotonic from its own start. */
export class SimClock implements Clock {
  readonly #incarnation: Incarnation;
  readonly #wall: WallClock;
  readonly #startMs: number;

  constructor(incarnation: Incarnation, wall: WallClock) {
    this.#incarnation = incarnation;
    this.#wall = wall;
    this.#startMs = incarnation.nowMs;
  }

  now(): number {
    return this.#incarnation.nowMs - this.#startMs;
  }

  wall(): number {
    return Math.floor(wallMs(this.#wall, this.#incarnation.nowMs));
  }

  after(ms: number, act: () => void): Timer {
    return this.#incarnation.after(ms + LATE_MS, act);
  }
}
