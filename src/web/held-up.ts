import { WebFailure } from './failures.ts';

/** Names and addresses remembered of each kind. Range 1,000–100,000: some 100 bytes each. */
const REMEMBERED_MAX = 10_000;
/** What the peers said is believed for so long: somebody may be let in again sooner than they said. In ms. Range 10–60 s. */
const BELIEVED_MS_MAX = 30_000;

/** Until when somebody is held up, and how long that is believed. */
interface Hold {
  readonly untilMs: number;
  readonly believedMs: number;
}

/**
 * Whom the peers told to wait: until then their passwords are not even hashed here, which takes a core and 19 MiB. Where several
 * names of one address were told so, it is the address that guesses: then names that never were right there wait too.
 */
export class HeldUp {
  /** By name and address. */
  readonly #names = new Map<string, Hold>();
  readonly #places = new Map<string, { user: string; hold?: Hold }>();
  /** Where a name was right once. */
  readonly #welcome = new Map<string, true>();

  /** Throws 429 while a name is held up for that address. */
  check(user: string, place: string): void {
    const key = keyOf(user, place);
    const holds = [this.#names.get(key), this.#welcome.has(key) ? undefined : this.#places.get(place)?.hold];
    const nowMs = performance.now();
    for (const hold of holds)
      if (hold !== undefined && hold.believedMs > nowMs) throw heldUp(Math.ceil((hold.untilMs - nowMs) / 1000));
  }

  /** The peers said that this one is to wait for so long. */
  note(user: string, place: string, seconds: number): void {
    const nowMs = performance.now();
    const ms = seconds * 1000;
    const hold = { untilMs: nowMs + ms, believedMs: nowMs + Math.min(ms, BELIEVED_MS_MAX) };
    remember(this.#names, keyOf(user, place), hold);
    const before = this.#places.get(place)?.user ?? user;
    remember(this.#places, place, before === user ? { user } : { user, hold });
  }

  /** True where that name was right once. */
  isWelcome(user: string, place: string): boolean {
    return this.#welcome.has(keyOf(user, place));
  }

  /** This one was right. */
  forgive(user: string, place: string): void {
    this.#names.delete(keyOf(user, place));
    remember(this.#welcome, keyOf(user, place), true);
  }
}

function keyOf(user: string, place: string): string {
  return JSON.stringify([user, place]);
}

/** The oldest makes room. */
function remember<T>(all: Map<string, T>, key: string, value: T): void {
  all.delete(key);
  all.set(key, value);
  const oldest = all.size > REMEMBERED_MAX ? all.keys().next().value : undefined;
  if (oldest !== undefined) all.delete(oldest);
}

export function heldUp(seconds: number): WebFailure {
  const message = `there were too many wrong passwords; try again in ${seconds} s`;
  return new WebFailure(429, 'busy', message, { 'retry-after': String(seconds) });
}
