import { WebFailure } from './failures.ts';

/** Lets so many do something at once; the others wait in line, and a line too long is not joined. */
export class Turns {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  readonly #line: (() => void)[] = [];
  #taken = 0;

  constructor(atOnce: number, waitingMax: number) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  /** Runs `work` when its turn has come. Rejects with 503 when too many wait. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#atOnce) this.#taken++;
    else {
      if (this.#line.length >= this.#waitingMax) {
        throw new WebFailure(503, 'busy', 'too much is under way at this peer; try again in a moment', { 'retry-after': '2' });
      }
      await new Promise<void>((resolve) => this.#line.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#taken--;
      else next();
    }
  }
}
