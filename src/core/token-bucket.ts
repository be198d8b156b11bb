/** A block lasts so long at most: whoever waits behind one waits no longer. In seconds. */
const BLOCK_SECONDS = 1 / 8;
/** No message of file data is larger. In bytes. */
const BLOCK_BYTES_MAX = 1024 * 1024;

/**
 * A rate as tokens, one a byte, that fill up as time goes by: at most `rate` bytes in any second, and `burstBytes` more.
 * May be overdrawn; what follows then waits longer. Knows no clock: every call says the ms of now, which never go back.
 */
export class TokenBucket {
  /** Taken at a time by whoever has more to move: what the others wait for. */
  readonly blockBytes: number;
  /** Moved at once after a rest. */
  readonly burstBytes: number;
  readonly #bytesPerMs: number;
  #tokens: number;
  #filledMs: number;

  /** `rate`: bytes per second, ≥ 1. Begins full. */
  constructor(rate: number, nowMs: number) {
    const bytes = Math.ceil(rate * BLOCK_SECONDS);
    this.blockBytes = Math.min(BLOCK_BYTES_MAX, bytes);
    this.burstBytes = bytes;
    this.#bytesPerMs = rate / 1000;
    this.#tokens = this.burstBytes;
    this.#filledMs = nowMs;
  }

  /** Ms until `bytes` ≤ `burstBytes` can be taken without debt; 0: now. */
  waitMs(bytes: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (bytes - this.#tokens) / this.#bytesPerMs);
  }

  take(bytes: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= bytes;
  }

  /** What was taken, and then not moved. */
  giveBack(bytes: number): void {
    this.#tokens = Math.min(this.burstBytes, this.#tokens + bytes);
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.burstBytes, this.#tokens + (nowMs - this.#filledMs) * this.#bytesPerMs);
    this.#filledMs = nowMs;
  }
}
