import type { Timer } from '../../src/platform/clock.ts';
import type { SimEvent } from './event-heap.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimRandom } from './sim-random.ts';

/**
 * One life of one simulated process, from start to kill. Timers and I/O answers belong to it: when it is dead they are
 * dropped, so its promises never resume; while it is stopped (SIGSTOP) they are held back.
 */
export class Incarnation {
  /** `alpha#2`: the second life on machine alpha. */
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #ties: SimRandom;
  readonly #ends: (() => void)[] = [];
  #life: 'running' | 'stopped' | 'dead' = 'running';
  #held: SimEvent[] = [];

  /** @param ties a stream of its own: what others schedule does not reorder what this one schedules. */
  constructor(scheduler: Scheduler, name: string, ties: SimRandom) {
    this.#scheduler = scheduler;
    this.name = name;
    this.#ties = ties;
  }

  get isDead(): boolean {
    return this.#life === 'dead';
  }

  get isStopped(): boolean {
    return this.#life === 'stopped';
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  /** Calls `act` once, `delayMs` from now, unless this incarnation is dead by then. */
  after(delayMs: number, act: () => void): Timer {
    const event = this.#scheduler.schedule(this, delayMs, this.#ties.bits(), act);
    return {
      cancel() {
        event.cancelled = true;
      },
    };
  }

  /**
   * One call to the outside, answered after `latencyMs`. Its effect takes place at once (`early`) or with the answer: so
   * a kill in between finds it done or not done, and what happens in between comes after it or before it.
   */
  perform<T>(latencyMs: number, early: boolean, act: () => T): Promise<T> {
    if (this.isDead) return new Promise<T>(() => {});
    const known = early ? attempt(act) : undefined;
    return new Promise<T>((resolve, reject) => {
      this.after(latencyMs, () => {
        const outcome = known ?? attempt(act);
        if ('thrown' in outcome) reject(outcome.thrown);
        else resolve(outcome.value);
      });
    });
  }

  /** Writes a line of the trace; the dead are silent. */
  tell(what: string): void {
    if (!this.isDead) this.#scheduler.trace.line(this.#scheduler.nowMs, this.name, what);
  }

  /** Mixes a number into the trace's hash, without a line. */
  mix(value: number): void {
    this.#scheduler.trace.mix(value);
  }

  /** SIGSTOP: nothing of this incarnation happens until `cont`. */
  stop(): void {
    if (this.#life === 'running') this.#life = 'stopped';
  }

  /** SIGCONT: what became due meanwhile happens now, in the order in which it became due. */
  cont(): void {
    if (this.#life !== 'stopped') return;
    this.#life = 'running';
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#scheduler.reschedule(event);
  }

  /** The end: no event of this incarnation happens any more. Runs what `onEnd` was given, newest first. */
  end(): void {
    if (this.isDead) return;
    this.#life = 'dead';
    this.#held = [];
    for (const act of this.#ends.reverse()) act();
  }

  /** The outside's own cleaning up after a death (locks, open files): not the program's. */
  onEnd(act: () => void): void {
    this.#ends.push(act);
  }

  /** Keeps an event that became due while stopped; for the scheduler. */
  hold(event: SimEvent): void {
    this.#held.push(event);
  }
}

type Outcome<T> = { readonly value: T } | { readonly thrown: unknown };

function attempt<T>(act: () => T): Outcome<T> {
  try {
    return { value: act() };
  } catch (thrown) {
    return { thrown };
  }
}
