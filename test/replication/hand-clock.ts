import type { Clock, Timer } from '../../src/platform/clock.ts';

/** A clock turned by hand: each timer that is due is one turn of the event loop. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ dueMs: number; act: () => void }>();

  get waiting(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  after(ms: number, act: () => void): Timer {
    const timer = { dueMs: this.#nowMs + ms, act };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Lets time pass; `ended` is called after each turn. */
  async pass(ms: number, ended: () => void = () => {}): Promise<void> {
    const endMs = this.#nowMs + ms;
    await drained();
    for (;;) {
      const [next] = [...this.#timers].filter((one) => one.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = next.dueMs;
      next.act();
      await drained();
      ended();
    }
    this.#nowMs = endMs;
  }
}

/** What follows by promises alone, as far as any of ours goes. */
async function drained(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
