import { createHash } from 'node:crypto';
import type { Random } from '../../src/platform/random.ts';

/**
 * Chance from a seed: sfc32 (Doty-Humphrey, PractRand), its state drawn from the seed's text. A fork is named, not
 * drawn: it depends on (seed, label, how often this label was forked here) alone, so a draw or a fork more in one stream
 * shifts no other. That is what lets a fault be taken out of a failing seed while the rest stays as it was.
 */
export class SimRandom implements Random {
  readonly #seed: string;
  readonly #forks = new Map<string, number>();
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#seed = seed;
    const digest = createHash('sha256').update(seed).digest();
    this.#state = Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  }

  /** The next 32 bits, as an unsigned integer. */
  bits(): number {
    const state = this.#state;
    const a = state[0] as number;
    const b = state[1] as number;
    const c = state[2] as number;
    const counter = state[3] as number;
    const result = (a + b + counter) >>> 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    return result;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; ) {
      for (let word = this.bits(), last = Math.min(count, index + 4); index < last; word >>>= 8) bytes[index++] = word & 0xff;
    }
    return bytes;
  }

  integer(below: number): number {
    if (!(below >= 1 && below <= 2 ** 48)) throw new RangeError(`no integer below ${below}`);
    return Math.floor(this.fraction() * below);
  }

  fork(room: string): SimRandom {
    const ordinal = (this.#forks.get(room) ?? 0) + 1;
    this.#forks.set(room, ordinal);
    return new SimRandom(ordinal === 1 ? `${this.#seed}/${room}` : `${this.#seed}/${room}~${ordinal}`);
  }

  /** 0 ≤ x < 1, with 53 bits. */
  fraction(): number {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53;
  }

  /** True `rate` of the time. Draws whatever the rate is, so that turning a fault off shifts nothing in this stream. */
  chance(rate: number): boolean {
    return this.fraction() < rate;
  }

  /** `min` ≤ x < `max`. */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError('nothing to pick from');
    return choices[this.integer(choices.length)] as T;
  }

  /** A copy in random order (Fisher–Yates). */
  shuffled<T>(items: Iterable<T>): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const held = shuffled[last] as T;
      shuffled[last] = shuffled[other] as T;
      shuffled[other] = held;
    }
    return shuffled;
  }
}
