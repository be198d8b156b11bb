import { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';

/** Misses that cost nothing: people mistype. Range 3–10. */
export const FREE_MISSES = 5;
/** What the first one after these costs; each further one twice as much, up to the longest. In ms. */
export const DELAY_MS_MIN = 1_000;
export const DELAY_MS_MAX = 900_000;
/** Misses are forgotten after so long without another: in that time a steady guesser is let have as many. In ms. */
const FORGET_MS = 6 * 3_600_000;
/** Accounts and addresses remembered of each kind, the latest used. Range 1,000–100,000: some 200 bytes each. */
const REMEMBERED_MAX = 10_000;
/** Of so many of the least used the first that holds up nobody is forgotten. Range 10–1,000: looked at in microseconds. */
const FORGET_LOOKS_MAX = 100;

/** Who tries. */
export interface Attempt {
  /** The name that was given, whether there is such an account or not. */
  readonly user: string;
  /** What tells this person's program from others: its key; absent where many people's come through one. */
  readonly identity?: PeerId | undefined;
  /** Host of the address it comes from. */
  readonly host: string;
}

interface Bucket {
  misses: number;
  lastMissMs: number;
  /** Tries that are being looked at. */
  pending: number;
}

/**
 * Slows guessing, per account and per address. Where somebody logged in before, by the same program or from the same
 * address, their tries are counted apart: they are not held up by what others miss.
 */
export class Guessing {
  readonly #clock: Clock;
  /** Which of those who had that name has it now. */
  readonly #lifeOf: (user: string) => number;
  readonly #buckets = new Map<string, Bucket>();
  /** Where somebody was right once, the latest used last. */
  readonly #trusted = new Set<string>();

  constructor(clock: Clock, lifeOf: (user: string) => number) {
    this.#clock = clock;
    this.#lifeOf = lifeOf;
  }

  /** True when that person was here before: their tries go first. */
  isKnown(attempt: Attempt): boolean {
    return this.#placesOf(attempt).some((place) => this.#trusted.has(place));
  }

  /** Whole seconds until a try may be looked at; 0: at once. */
  waitOf(attempt: Attempt): number {
    const waits = this.#bucketsOf(attempt).map((key) => waitMs(this.#buckets.get(key), this.#clock.now()));
    return Math.ceil(Math.max(...waits) / 1000);
  }

  /**
   * Looks at one try: `isRight` tells whether the password was. Rejects with `busy` when as many are being looked at as may
   * be missed: they are the same as misses until they are over. Call it when there is nothing to wait for.
   */
  async judge(attempt: Attempt, isRight: () => Promise<boolean>): Promise<boolean> {
    const buckets = this.#bucketsOf(attempt).map((key) => this.#bucket(key));
    if (buckets.some(({ misses, pending }) => pending > 0 && misses + pending >= FREE_MISSES))
      throw new MeshError('busy', 'others try at the same time: try again');
    for (const bucket of buckets) bucket.pending++;
    try {
      const right = await isRight();
      if (right) this.#trust(attempt);
      else this.missed(attempt);
      return right;
    } finally {
      for (const bucket of buckets) bucket.pending--;
    }
  }

  /** A try was wrong. */
  missed(attempt: Attempt): void {
    const now = this.#clock.now();
    for (const bucket of this.#bucketsOf(attempt).map((key) => this.#bucket(key))) {
      if (now - bucket.lastMissMs > FORGET_MS) bucket.misses = 0;
      bucket.misses++;
      bucket.lastMissMs = now;
    }
  }

  #trust(attempt: Attempt): void {
    // An address stays as suspect as it was: else who has an account could guess at those of others for ever.
    for (const key of this.#bucketsOf(attempt)) if (key !== keyOf('at', attempt.host)) this.#buckets.delete(key);
    for (const place of this.#placesOf(attempt)) {
      this.#trusted.delete(place);
      this.#trusted.add(place);
    }
    const oldest = this.#trusted.size > REMEMBERED_MAX ? this.#trusted.keys().next().value : undefined;
    if (oldest !== undefined) this.#trusted.delete(oldest);
  }

  /** Who had the name before is a stranger to who has it now. */
  #placesOf({ user, identity, host }: Attempt): string[] {
    const who = `${user}.${this.#lifeOf(user)}`;
    return [...(identity === undefined ? [] : [keyOf('by', who, identity)]), keyOf('here', who, host)];
  }

  #bucketsOf(attempt: Attempt): string[] {
    const known = this.#placesOf(attempt).find((place) => this.#trusted.has(place));
    return known === undefined ? [keyOf('user', attempt.user), keyOf('at', attempt.host)] : [known];
  }

  #bucket(key: string): Bucket {
    const bucket = this.#buckets.get(key) ?? { misses: 0, lastMissMs: 0, pending: 0 };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forgetOne();
    return bucket;
  }

  /** Of the least used one that holds up nobody: else made-up names would push out the name that is guessed at. */
  #forgetOne(): void {
    if (this.#buckets.size <= REMEMBERED_MAX) return;
    const now = this.#clock.now();
    let looked = 0;
    let first: string | undefined;
    for (const [key, bucket] of this.#buckets) {
      if (bucket.pending > 0) continue;
      first ??= key;
      if (waitMs(bucket, now) === 0) {
        this.#buckets.delete(key);
        return;
      }
      if (++looked >= FORGET_LOOKS_MAX) break;
    }
    if (first !== undefined) this.#buckets.delete(first);
  }
}

/** Nobody names one thing so that it is the key of another. */
function keyOf(kind: 'user' | 'at' | 'by' | 'here', ...parts: string[]): string {
  return JSON.stringify([kind, ...parts]);
}

function waitMs(bucket: Bucket | undefined, nowMs: number): number {
  if (bucket === undefined || bucket.misses < FREE_MISSES) return 0;
  const delayMs = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** (bucket.misses - FREE_MISSES));
  return Math.max(0, bucket.lastMissMs + delayMs - nowMs);
}
