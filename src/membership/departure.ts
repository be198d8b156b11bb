import type { Clock } from '../platform/clock.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';

/** Time for a goodbye to be heard. Range 100 ms – 5 s: a stop waits for it. */
const GOODBYE_MS = 1_000;

/** Leaves on purpose: who hears a goodbye ends the link, so that none is cut before it was read. */
export class Departure {
  readonly #switchboard: Switchboard;
  readonly #clock: Clock;

  constructor(switchboard: Switchboard, clock: Clock) {
    this.#switchboard = switchboard;
    this.#clock = clock;
  }

  /** Says goodbye on every link. Resolves when all are closed, within GOODBYE_MS. */
  leave(): Promise<void> {
    const links = (): Link[] => [...this.#switchboard.peers(), ...this.#switchboard.clients()];
    if (links().length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(GOODBYE_MS, () => {
        for (const link of links()) this.#switchboard.remove(link, 'this peer stops');
        resolve();
      });
      this.#switchboard.onDown(() => {
        if (links().length > 0) return;
        timer.cancel();
        resolve();
      });
      for (const link of links()) link.note('goodbye', {});
    });
  }
}
