import type { CallName } from '../wire/calls.ts';
import type { Answerer } from '../wire/switchboard.ts';

/** Lets answerers run one after the other, of whatever calls: each decides by what the one before has made durable. */
export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  of<N extends CallName>(answerer: Answerer<N>): Answerer<N> {
    return (ask, from, tail) => {
      const turn = this.#last.then(() => answerer(ask, from, tail));
      this.#last = turn.catch(() => undefined);
      return turn;
    };
  }
}
