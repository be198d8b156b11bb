import type { ChunkKey, ChunkList } from '../core/chunk-list.ts';
import type { Range } from '../core/range.ts';
import type { Lender } from './lenders.ts';

/** Chunks looked at in one turn of the event loop: some ms. 1,000…50,000. */
const TURN_CHUNKS_MAX = 10_000;

/** A chunk of the wanted content, by its index, that lies at `from` of another. */
export interface Lent {
  readonly chunk: number;
  readonly from: number;
}

/** What is still missing of a content, by chunks. */
export class WantedChunks {
  readonly chunks: ChunkList;
  readonly #isMissing: Uint8Array;
  #count: number;

  /** `missing`: ranges of whole chunks, in order. */
  constructor(chunks: ChunkList, missing: readonly Range[]) {
    this.chunks = chunks;
    this.#isMissing = new Uint8Array(chunks.count);
    this.#count = 0;
    let at = 0;
    for (let index = 0; index < chunks.count; index++) {
      while (endOf(missing[at]) <= chunks.offset(index)) at += 1;
      if ((missing[at]?.offset ?? Number.POSITIVE_INFINITY) >= chunks.offset(index + 1)) continue;
      this.#isMissing[index] = 1;
      this.#count += 1;
    }
  }

  /** Chunks that are missing. */
  get count(): number {
    return this.#count;
  }

  /** Of those that are missing. */
  keys(): Int32Array {
    const keys = new Int32Array(this.#count);
    let at = 0;
    for (let index = 0; index < this.chunks.count; index++) if (this.#isMissing[index] === 1) keys[at++] = this.chunks.key(index);
    return keys;
  }

  /** These are there. */
  take(lent: readonly Lent[]): void {
    for (const { chunk } of lent) {
      this.#count -= this.#isMissing[chunk] ?? 0;
      this.#isMissing[chunk] = 0;
    }
  }

  /**
   * Where missing chunks seem to lie in another content, in the order of the wanted one, by as many as have `bytesMax`: drawn up
   * as they are asked for, since there may be 500,000. `pause`: lets others have their turn.
   */
  async *lentBy(
    other: ChunkList,
    { has }: Pick<Lender, 'has'>,
    bytesMax: number,
    pause: () => Promise<void>,
  ): AsyncIterable<Lent[]> {
    const known = new Map<ChunkKey, number>();
    for (let index = 0; index < other.count; index++) {
      if (has(other.offset(index), other.length(index))) known.set(other.key(index), index);
      if ((index + 1) % TURN_CHUNKS_MAX === 0) await pause();
    }
    let some: Lent[] = [];
    let bytes = 0;
    for (let chunk = 0; chunk < this.chunks.count; chunk++) {
      if ((chunk + 1) % TURN_CHUNKS_MAX === 0) await pause();
      const there = this.#isMissing[chunk] === 1 ? known.get(this.chunks.key(chunk)) : undefined;
      if (there === undefined || !this.chunks.isSame(chunk, other, there)) continue;
      if (some.length > 0 && bytes + this.chunks.length(chunk) > bytesMax) {
        yield some;
        [some, bytes] = [[], 0];
      }
      some.push({ chunk, from: other.offset(there) });
      bytes += this.chunks.length(chunk);
    }
    if (some.length > 0) yield some;
  }
}

function endOf(range: Range | undefined): number {
  return range === undefined ? Number.POSITIVE_INFINITY : range.offset + range.length;
}
