import type { Clock, Timer } from '../clock.ts';

/** The longest wait one system timer takes, in ms; longer ones are made of several. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's time. */
export class NodeClock implements Clock {
  now(): number {
    return performance.now();
  }

  wall(): number {
    return Date.now();
  }

  after(ms: number, act: () => void): Timer {
    const due = this.now() + ms;
    let timeout: NodeJS.Timeout;
    const wait = () => {
      // A system timer may fire up to 1 ms early by the monotonic clock: then it waits for the rest.
      const rest = due - this.now();
      if (rest <= 0) return act();
      timeout = setTimeout(wait, Math.min(Math.ceil(rest), TIMER_MS_MAX));
    };
    timeout = setTimeout(wait, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    return { cancel: () => clearTimeout(timeout) };
  }
}
