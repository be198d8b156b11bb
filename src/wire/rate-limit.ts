import { TokenBucket } from '../core/token-bucket.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** Transfers whose last turn is remembered although they wait for nothing just now. Range 64–4,096. */
const RESTING_MAX = 256;
/** Never asked for less, or a turn would come to nothing for the rounding of a time. In ms. */
const WAIT_MS_MIN = 1;

/** The limits of one peer, in what it sends and in what it takes in of file data; an absent one is none. */
export interface RateLimits {
  readonly up?: RateLimit | undefined;
  readonly down?: RateLimit | undefined;
}

interface Waiter {
  readonly bytesMax: number;
  /** Answered with nothing then. */
  readonly dueMs: number;
  resolve(bytes: number): void;
}

/**
 * Bytes per second, shared by all transfers of one direction. Who wants to move some asks for a grant; the next goes to the
 * transfer that got none for longest, so a transfer with many requests gets no more than one with few. One timer while
 * somebody waits, none else.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  /** Those who wait, by transfer; the transfer served last is the last one. */
  readonly #transfers = new Map<string, Waiter[]>();
  #timer: Timer | undefined;

  /** `rate`: bytes per second. */
  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rate, clock.now());
  }

  /** The most of one grant. */
  get blockBytes(): number {
    return this.#bucket.blockBytes;
  }

  /**
   * Resolves with the bytes that may be moved now, at most `bytesMax`; with 0 when `waitMs` are over before. What is not
   * moved in the end is to be given back.
   */
  grant(transfer: string, bytesMax: number, waitMs: number = Number.POSITIVE_INFINITY): Promise<number> {
    if (bytesMax <= 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      const waiters = this.#transfers.get(transfer) ?? [];
      waiters.push({ bytesMax, dueMs: this.#clock.now() + waitMs, resolve });
      this.#transfers.set(transfer, waiters);
      this.#serve();
    });
  }

  /** Resolves when so many bytes that came already are paid for. */
  async pass(transfer: string, bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) left -= await this.grant(transfer, left);
  }

  /** Bytes that are moved without asking: the others wait for them. */
  spend(bytes: number): void {
    this.#bucket.take(bytes, this.#clock.now());
  }

  giveBack(bytes: number): void {
    if (bytes <= 0) return;
    this.#bucket.giveBack(bytes);
    this.#serve();
  }

  #serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const waitMs = this.#serveAll(nowMs);
    // After the turns: one that comes at the last moment counts.
    this.#sendAway(nowMs);
    const restMs = Math.min(waitMs, this.#firstDueMs() - nowMs);
    if (this.#next() !== undefined)
      this.#timer = this.#clock.after(Math.max(WAIT_MS_MIN, Math.ceil(restMs)), () => this.#serve());
    this.#forget();
  }

  /** Ms until the next turn; 0 when nobody waits for one. */
  #serveAll(nowMs: number): number {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const [transfer, waiters, waiter] = next;
      const bytes = Math.min(waiter.bytesMax, this.blockBytes);
      const waitMs = this.#bucket.waitMs(bytes, nowMs);
      if (waitMs > 0) return waitMs;
      this.#bucket.take(bytes, nowMs);
      waiters.shift();
      this.#transfers.delete(transfer);
      this.#transfers.set(transfer, waiters);
      waiter.resolve(bytes);
    }
    return 0;
  }

  /** Of the transfers that wait, the one whose last turn is longest ago. */
  #next(): [string, Waiter[], Waiter] | undefined {
    for (const [transfer, waiters] of this.#transfers) {
      const [first] = waiters;
      if (first !== undefined) return [transfer, waiters, first];
    }
    return undefined;
  }

  /** Who waited long enough gets nothing, and its transfer keeps its place. */
  #sendAway(nowMs: number): void {
    for (const waiters of this.#transfers.values()) {
      for (const waiter of waiters.filter(({ dueMs }) => dueMs <= nowMs)) {
        waiters.splice(waiters.indexOf(waiter), 1);
        waiter.resolve(0);
      }
    }
  }

  #firstDueMs(): number {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const waiters of this.#transfers.values()) for (const { dueMs } of waiters) firstMs = Math.min(firstMs, dueMs);
    return firstMs;
  }

  /** A transfer that asks again a moment later is still to find its place; one that ended is not. */
  #forget(): void {
    if (this.#transfers.size <= RESTING_MAX) return;
    for (const [transfer, waiters] of this.#transfers) {
      if (this.#transfers.size <= RESTING_MAX) return;
      if (waiters.length === 0) this.#transfers.delete(transfer);
    }
  }
}
