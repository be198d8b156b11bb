import { chunkAt } from '../core/chunking.ts';
import type { Range } from '../core/range.ts';
import type { Source } from './fetch-parts.ts';

interface Growing<Giver> {
  /** Bytes of it that are not there yet. */
  left: number;
  readonly givers: Set<Giver>;
}

/** Which chunks of a content under way are there, and who gave their bytes. */
export class ChunkWatch<Giver = Source> {
  readonly #ends: ArrayLike<number>;
  readonly #growing = new Map<number, Growing<Giver>>();

  /** `ends`: of all chunks, in bytes. What is fetched is made of whole chunks. */
  constructor(ends: ArrayLike<number>) {
    this.#ends = ends;
  }

  rangeOf(chunk: number): Range {
    const offset = chunk === 0 ? 0 : (this.#ends[chunk - 1] ?? 0);
    return { offset, length: (this.#ends[chunk] ?? offset) - offset };
  }

  /** At most `lengthMax`, but to the end of a chunk where one lies in it: then one source gives all of a chunk. */
  lengthFrom(offset: number, lengthMax: number): number {
    const last = chunkAt(this.#ends, offset + lengthMax) - 1;
    const end = this.#ends[last] ?? 0;
    return end > offset ? end - offset : lengthMax;
  }

  /** From there to the end of its chunk. */
  lengthLeft(offset: number): number {
    return (this.#ends[chunkAt(this.#ends, offset)] ?? offset) - offset;
  }

  /** Bytes that `giver` gave are in the sink; the chunks that are there with them. */
  wrote({ offset, length }: Range, giver: Giver): number[] {
    const whole: number[] = [];
    for (let chunk = chunkAt(this.#ends, offset); chunk < this.#ends.length; chunk++) {
      const range = this.rangeOf(chunk);
      if (range.offset >= offset + length) break;
      const growing = this.#growing.get(chunk) ?? { left: range.length, givers: new Set<Giver>() };
      growing.left -= Math.min(offset + length, range.offset + range.length) - Math.max(offset, range.offset);
      growing.givers.add(giver);
      this.#growing.set(chunk, growing);
      if (growing.left === 0) whole.push(chunk);
    }
    return whole;
  }

  /** The chunk was looked at: it is done, or begins anew. Gives who gave its bytes. */
  end(chunk: number): ReadonlySet<Giver> {
    const { givers } = this.#growing.get(chunk) ?? { givers: new Set<Giver>() };
    this.#growing.delete(chunk);
    return givers;
  }
}
