import { randomFillSync, randomInt } from 'node:crypto';
import { invariant } from '../../core/errors.ts';
import type { Random } from '../random.ts';

/** The system's cryptographic chance: no room can shift another's draws, so a fork is the same thing. */
export class NodeRandom implements Random {
  bytes(count: number): Uint8Array {
    return randomFillSync(new Uint8Array(count));
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
