import { MeshError } from '../core/errors.ts';

/** Lets a bounded number do something at once; the others wait in the order of their coming, a bounded number too. */
export class Gate {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(insideMax: number, waitingMax: number) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
  }

  /** Does `act` when it is its turn. Rejects with `busy` when too many wait, else as `act` does. */
  async pass<T>(act: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#insideMax) {
      if (this.#waiting.length >= this.#waitingMax)
        throw new MeshError('busy', 'too much of this is under way here: try again in a moment');
      // Whoever leaves hands its place over: nobody comes in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#inside++;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside--;
      else next();
    }
  }
}
