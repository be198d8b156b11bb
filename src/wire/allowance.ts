import type { RateLimit } from './rate-limit.ts';

/** What one fetch may ask for now, under the limit of what its peer takes in. Without a limit: all it wants. */
export class Allowance {
  readonly #limit: RateLimit | undefined;
  readonly #transfer: string;
  readonly #granted: () => void;
  #bytes = 0;
  #asked = false;
  #ended = false;

  /** `granted`: called when more may be asked for than before. */
  constructor(limit: RateLimit | undefined, transfer: string, granted: () => void) {
    this.#limit = limit;
    this.#transfer = transfer;
    this.#granted = granted;
  }

  /**
   * Bytes that may be asked for, `bytesMin` ≤ `bytesMax` of them at least; 0: not so many now, `granted` tells when there are
   * more. What was granted so far is kept for then, so that nobody asks for less than he can use.
   */
  take(bytesMin: number, bytesMax: number): number {
    if (this.#limit === undefined) return bytesMax;
    if (this.#bytes < bytesMin) {
      this.#wait(this.#limit, bytesMin - this.#bytes);
      return 0;
    }
    const bytes = Math.min(this.#bytes, bytesMax);
    this.#bytes -= bytes;
    return bytes;
  }

  /** Bytes that are asked for a second time. */
  spend(bytes: number): void {
    this.#limit?.spend(bytes);
  }

  /** Bytes that were asked for and did not come, or were not asked for. */
  giveBack(bytes: number): void {
    if (this.#ended) this.#limit?.giveBack(bytes);
    else this.#bytes += bytes;
  }

  /** The fetch is over. */
  end(): void {
    this.#ended = true;
    this.#limit?.giveBack(this.#bytes);
    this.#bytes = 0;
  }

  #wait(limit: RateLimit, bytesMax: number): void {
    if (this.#asked || this.#ended) return;
    this.#asked = true;
    const act = (bytes: number): void => {
      this.#asked = false;
      this.giveBack(bytes);
      if (!this.#ended) this.#granted();
    };
    limit.grant(this.#transfer, bytesMax).then(act, () => undefined);
  }
}
