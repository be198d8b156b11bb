import { MeshError } from '../core/errors.ts';

/**
 * Ranges written ahead of the first gap. 16,000…65,536: a manifest has 29,000 chunks at most, so an older content gives at
 * most half as many runs with a gap before each; holders deliver a few reads ahead of each other besides.
 */
const RANGES_MAX = 16_384;

/** Bytes `from` ≤ offset < `to`. */
interface Written {
  from: number;
  to: number;
}

/** How far a file is written without a gap from its start, whatever the order of the writes. */
export class Gapless {
  #have: number;
  /** Beyond the first gap, in order; they do not touch. */
  readonly #ahead: Written[] = [];

  constructor(have: number) {
    this.#have = have;
  }

  get have(): number {
    return this.#have;
  }

  add(offset: number, length: number): void {
    const [from, to] = [offset, offset + length];
    if (from <= this.#have) this.#have = Math.max(this.#have, to);
    else this.#insert({ from, to });
    for (let first = this.#ahead[0]; first !== undefined && first.from <= this.#have; first = this.#ahead[0]) {
      this.#have = Math.max(this.#have, first.to);
      this.#ahead.shift();
    }
  }

  #insert(added: Written): void {
    let at = this.#placeOf(added.from);
    const before = this.#ahead[at - 1];
    if (before !== undefined && before.to >= added.from) {
      before.to = Math.max(before.to, added.to);
      at -= 1;
    } else {
      if (this.#ahead.length >= RANGES_MAX) throw new MeshError('failed', 'too many ranges were written ahead of a gap');
      this.#ahead.splice(at, 0, added);
    }
    const grown = this.#ahead[at] as Written;
    for (let next = this.#ahead[at + 1]; next !== undefined && next.from <= grown.to; next = this.#ahead[at + 1]) {
      grown.to = Math.max(grown.to, next.to);
      this.#ahead.splice(at + 1, 1);
    }
  }

  /** The first that begins after `offset`. */
  #placeOf(offset: number): number {
    let [at, end] = [0, this.#ahead.length];
    while (at < end) {
      const middle = (at + end) >> 1;
      if ((this.#ahead[middle] as Written).from > offset) end = middle;
      else at = middle + 1;
    }
    return at;
  }
}
