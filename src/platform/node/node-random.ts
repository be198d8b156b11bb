import { randomFillSync, randomInt } from 'node:crypto';
import { invariant } from '../../core/errors.ts';
import type { Random } from '../random.ts';

/** Drawn from the system at a time: a call costs as much for a few bytes as for so many. */
const POOL_BYTES = 4096;

/** The system's cryptographic chance: no room can shift another's draws, so a fork is the same thing. */
export class NodeRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  bytes(count: number): Uint8Array {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
    if (this.#used + count > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const bytes = this.#pool.slice(this.#used, this.#used + count);
    // What was given may be a secret: it is nowhere else.
    this.#pool.fill(0, this.#used, this.#used + count);
    this.#used += count;
    return bytes;
  }

  integer(below: number): number {
    invariant(Number.isSafeInteger(below) && below >= 1 && below <= 2 ** 48, '1 ≤ below ≤ 2^48');
    // randomInt draws from at most 2^48 − 1 numbers.
    if (below === 2 ** 48) return randomInt(2 ** 24) * 2 ** 24 + randomInt(2 ** 24);
    return randomInt(below);
  }

  fork(_room: string): Random {
    return this;
  }
}
