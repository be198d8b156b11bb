import type { Range } from '../core/range.ts';
import type { ChunkKey, ChunkList } from './chunk-list.ts';
import type { Lender } from './lenders.ts';

/** Chunks that follow each other in both contents are copied at once up to so many bytes. */
const BLOCK_BYTES_MAX = 1024 * 1024;

/** The chunks from `first` to before `end` of the wanted content, at `offset` of it, that lie at `from` of another. */
export interface Block extends Range {
  readonly from: number;
  readonly first: number;
  readonly end: number;
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
  *keys(): Iterable<ChunkKey> {
    for (let index = 0; index < this.chunks.count; index++) if (this.#isMissing[index] === 1) yield this.chunks.key(index);
  }

  /** These are there. */
  take({ first, end }: Pick<Block, 'first' | 'end'>): void {
    for (let index = first; index < end; index++) {
      this.#count -= this.#isMissing[index] ?? 0;
      this.#isMissing[index] = 0;
    }
  }

  /**
   * Where missing chunks seem to lie in another content, in the order of the wanted one: drawn up as they are asked for, since
   * there may be 100,000.
   */
  *blocksIn(other: ChunkList, { has }: Pick<Lender, 'has'>): Iterable<Block> {
    const known = new Map<ChunkKey, number>();
    for (let index = 0; index < other.count; index++) {
      if (has(other.offset(index), other.length(index))) known.set(other.key(index), index);
    }
    let last: Block | undefined;
    for (let index = 0; index < this.chunks.count; index++) {
      const there = this.#isMissing[index] === 1 ? known.get(this.chunks.key(index)) : undefined;
      if (there === undefined || !this.chunks.isSame(index, other, there)) continue;
      const length = this.chunks.length(index);
      const from = other.offset(there);
      const isNext = last?.end === index && last.from + last.length === from && last.length + length <= BLOCK_BYTES_MAX;
      if (last !== undefined && isNext) {
        last = { ...last, length: last.length + length, end: index + 1 };
        continue;
      }
      if (last !== undefined) yield last;
      last = { offset: this.chunks.offset(index), from, length, first: index, end: index + 1 };
    }
    if (last !== undefined) yield last;
  }
}

function endOf(range: Range | undefined): number {
  return range === undefined ? Number.POSITIVE_INFINITY : range.offset + range.length;
}
