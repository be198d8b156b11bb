import type { Clock, Timer } from '../platform/clock.ts';

/** Things visited in one turn: at some 60 µs each a turn stays near 10 ms. Range 50–500. */
export const VISITS_MAX = 200;

interface Slice<Thing> {
  readonly clock: Clock;
  /** What a round visits: all that is there when it begins. */
  readonly all: () => readonly Thing[];
  readonly visit: (thing: Thing) => void;
  /** A round is over, and no other follows at once. */
  readonly ended?: () => void;
}

/** Goes round many things, some in each turn, so that nothing else waits long; asked for again meanwhile, it goes round once more. */
export class Rounds<Thing> {
  readonly #slice: Slice<Thing>;
  #timer: Timer | undefined;
  #underWay = false;
  #anew = false;
  #stopped = false;

  constructor(slice: Slice<Thing>) {
    this.#slice = slice;
  }

  get isUnderWay(): boolean {
    return this.#underWay;
  }

  /** The first visits are made before this returns. */
  begin(): void {
    if (this.#underWay) {
      this.#anew = true;
      return;
    }
    this.#underWay = true;
    this.#step(this.#slice.all(), 0);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #step(things: readonly Thing[], from: number): void {
    if (this.#stopped) return;
    const end = Math.min(things.length, from + VISITS_MAX);
    for (const thing of things.slice(from, end)) this.#slice.visit(thing);
    if (end < things.length) this.#later(() => this.#step(things, end));
    else if (this.#anew) {
      this.#anew = false;
      this.#later(() => this.#step(this.#slice.all(), 0));
    } else {
      this.#underWay = false;
      this.#slice.ended?.();
    }
  }

  #later(act: () => void): void {
    this.#timer = this.#slice.clock.after(1, act);
  }
}
