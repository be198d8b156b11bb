import type { Clock } from '../platform/clock.ts';

/** Paths changed in one turn: at some 50 µs each it stays near 10 ms. Range 50–1,000. */
const CHANGES_A_TURN = 200;
/** Paths merely looked at. Range 200–5,000. */
export const LOOKS_A_TURN = 1_000;

/** Cuts long work into short turns of the event loop. */
export class Pauses {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `act` with `aTurn` of `all` at a time, in order. Not a single pause when they are few. */
  async each<Item>(all: Iterable<Item>, act: (some: readonly Item[]) => void, aTurn = CHANGES_A_TURN): Promise<void> {
    let some: Item[] = [];
    for (const item of all) {
      if (some.length === aTurn) {
        act(some);
        some = [];
        await this.turn();
      }
      some.push(item);
    }
    if (some.length > 0) act(some);
  }

  /** Resolves in a later turn. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(1, resolve));
  }
}
