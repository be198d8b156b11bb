import type { ErrorCode } from '../core/errors.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Declines } from './declines.ts';
import { keyOf, type Need } from './needs.ts';
import { Rounds } from './rounds.ts';

/** First and longest rest of a content that nobody could take. */
const REST_MS = 2_000;
const REST_MS_MAX = 60_000;
/** Reasons that the next try will meet again, unless a person does something. */
const LASTING: ReadonlySet<ErrorCode> = new Set(['full', 'bad-place', 'paused']);

interface Rest {
  readonly need: Need;
  readonly untilMs: number;
  readonly lengthMs: number;
  readonly declines: Declines;
}

interface Slice {
  readonly clock: Clock;
  /** A rest is over: queues the need again, or forgets it. */
  readonly retry: (need: Need) => void;
  /** Something changed that may help: `need` rests no more, and is looked at anew. */
  readonly look: (need: Need) => void;
}

/** Contents that nobody could take. There may be as many as there are files, so they are gone through in steps. */
export class Resting {
  readonly #slice: Slice;
  readonly #rests = new Map<string, Rest>();
  readonly #waking: Rounds<string>;
  readonly #retrying: Rounds<string>;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(slice: Slice) {
    this.#slice = slice;
    const { clock } = slice;
    const all = () => [...this.#rests.keys()];
    this.#waking = new Rounds({ clock, all, visit: (key) => this.#wakeOne(key) });
    this.#retrying = new Rounds({ clock, all, visit: (key) => this.#retryOne(key), ended: () => this.#arm() });
  }

  get isEmpty(): boolean {
    return this.#rests.size === 0;
  }

  has(need: Need): boolean {
    return this.#rests.has(keyOf(need));
  }

  delete(need: Need): void {
    this.#rests.delete(keyOf(need));
  }

  /** Who declined it; undefined while another try may well end otherwise. */
  declinesOf(need: Need): Declines | undefined {
    const rest = this.#rests.get(keyOf(need));
    if (rest === undefined || rest.declines.size === 0) return undefined;
    const isLasting = [...rest.declines.values()].every((reason) => LASTING.has(reason));
    return isLasting || rest.lengthMs > REST_MS ? rest.declines : undefined;
  }

  /** Each time longer than the last. */
  add(need: Need, declined: Declines): void {
    if (this.#stopped) return;
    const before = this.#rests.get(keyOf(need));
    const lengthMs = Math.min(REST_MS_MAX, (before?.lengthMs ?? REST_MS / 2) * 2);
    const declines = declined.size > 0 ? declined : (before?.declines ?? declined);
    this.#rests.set(keyOf(need), { need, lengthMs, declines, untilMs: this.#slice.clock.now() + lengthMs });
    this.#arm();
  }

  /** A peer came, or has room again: what rests is tried at once. */
  wake(): void {
    this.#waking.begin();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#waking.stop();
    this.#retrying.stop();
  }

  #arm(): void {
    if (this.#stopped || this.#rests.size === 0 || this.#retrying.isUnderWay) return;
    this.#timer ??= this.#slice.clock.after(REST_MS, () => {
      this.#timer = undefined;
      this.#retrying.begin();
    });
  }

  #wakeOne(key: string): void {
    const rest = this.#rests.get(key);
    if (rest === undefined) return;
    this.#rests.delete(key);
    this.#slice.look(rest.need);
  }

  #retryOne(key: string): void {
    const rest = this.#rests.get(key);
    if (rest !== undefined && rest.untilMs <= this.#slice.clock.now()) this.#slice.retry(rest.need);
  }
}
