import { MeshError } from '../core/errors.ts';

interface Waiting {
  readonly weight: number;
  enter(): void;
}

/** Lets a bounded weight of things go on at once; the others wait in the order of their coming, a bounded number too. */
export class Gate {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #waiting: Waiting[] = [];
  #inside = 0;

  constructor(insideMax: number, waitingMax: number) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
  }

  /**
   * Does `act` when it is its turn; what weighs more than all that may go on at once goes on alone. Rejects with `busy` when too
   * many wait, else as `act` does.
   */
  async pass<T>(act: () => Promise<T>, weight = 1): Promise<T> {
    if (this.#waiting.length > 0 || !this.#hasRoom(weight)) {
      if (this.#waiting.length >= this.#waitingMax)
        throw new MeshError('busy', 'too much of this is under way here: try again in a moment');
      // Whoever leaves hands its place over: nobody comes in between.
      await new Promise<void>((enter) => this.#waiting.push({ weight, enter }));
    } else this.#inside += weight;
    try {
      return await act();
    } finally {
      this.#inside -= weight;
      this.#letIn();
    }
  }

  #hasRoom(weight: number): boolean {
    return this.#inside === 0 || this.#inside + weight <= this.#insideMax;
  }

  #letIn(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoom(next.weight); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#inside += next.weight;
      next.enter();
    }
  }
}
