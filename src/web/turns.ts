import { WebFailure } from './failures.ts';

/** How many do something at once, and how many wait for it; of one owner fewer, so that nobody takes all. */
export interface TurnBounds {
  readonly atOnce: number;
  readonly ofOne: number;
  readonly waiting: number;
  readonly waitingOfOne: number;
}

interface Waiting {
  readonly owners: readonly string[];
  begin(): void;
}

/** Lets so many do something at once; the others wait in line, and a line too long is not joined. */
export class Turns {
  readonly #bounds: TurnBounds;
  readonly #under = new Crowd();
  readonly #waiting = new Crowd();
  readonly #line: Waiting[] = [];

  constructor(bounds: TurnBounds) {
    this.#bounds = bounds;
  }

  /**
   * Runs `work` when its turn has come. `owners`: whose it is, in every respect that is bounded. Rejects with 503 when too many
   * wait, or when `signal` says that nobody waits for it any more.
   */
  async run<T>(owners: readonly string[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#mayBegin(owners)) this.#under.enter(owners);
    else await this.#wait(owners, signal);
    try {
      return await work();
    } finally {
      this.#under.leave(owners);
      this.#goOn();
    }
  }

  #mayBegin(owners: readonly string[]): boolean {
    return this.#under.size < this.#bounds.atOnce && this.#under.most(owners) < this.#bounds.ofOne;
  }

  #wait(owners: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const isFull = this.#waiting.size >= this.#bounds.waiting || this.#waiting.most(owners) >= this.#bounds.waitingOfOne;
    if (isFull || signal?.aborted === true) return Promise.reject(tooMuch());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        this.#waiting.leave(owners);
        signal?.removeEventListener('abort', giveUp);
      };
      const giveUp = (): void => {
        leave();
        reject(tooMuch());
      };
      const begin = (): void => {
        leave();
        this.#under.enter(owners);
        resolve();
      };
      const waiting = { owners, begin };
      this.#line.push(waiting);
      this.#waiting.enter(owners);
      signal?.addEventListener('abort', giveUp);
    });
  }

  /** Those in line whose owners have not as much under way as they may, the first first. */
  #goOn(): void {
    for (;;) {
      const next = this.#line.find(({ owners }) => this.#mayBegin(owners));
      if (next === undefined) return;
      next.begin();
    }
  }
}

/** Some of whom it is known whose they are. */
class Crowd {
  size = 0;
  readonly #of = new Map<string, number>();

  /** Of whichever of these has the most. */
  most(owners: readonly string[]): number {
    return Math.max(0, ...owners.map((owner) => this.#of.get(owner) ?? 0));
  }

  enter(owners: readonly string[]): void {
    this.size++;
    for (const owner of owners) this.#of.set(owner, (this.#of.get(owner) ?? 0) + 1);
  }

  leave(owners: readonly string[]): void {
    this.size--;
    for (const owner of owners) {
      const left = (this.#of.get(owner) ?? 1) - 1;
      if (left > 0) this.#of.set(owner, left);
      else this.#of.delete(owner);
    }
  }
}

function tooMuch(): WebFailure {
  return new WebFailure(503, 'busy', 'too much is under way at this peer; try again in a moment', { 'retry-after': '2' });
}
