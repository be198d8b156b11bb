import type { ChunkList } from '../core/chunk-list.ts';
import { chunkAt } from '../core/chunking.ts';
import type { Range } from '../core/range.ts';

/** Some of the chunks of one content: a bit a chunk, so that 700 GB take 11 KB. */
export class ChunkSet {
  /** Where each chunk ends, in bytes. */
  readonly #ends: Float64Array;
  readonly #bits: Uint8Array;
  #count = 0;
  /** No chunk before this one is missing. */
  #full = 0;

  /** `bits`: as `bitmap` gave them; others are none. */
  constructor({ ends, count }: ChunkList, bits?: Uint8Array) {
    this.#ends = ends;
    const bytes = Math.ceil(count / 8);
    this.#bits = bits?.length === bytes ? bits.slice() : new Uint8Array(bytes);
    for (let chunk = 0; chunk < count; chunk++) if (this.has(chunk)) this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  /** Where the first missing chunk begins. */
  get firstGap(): number {
    while (this.#full < this.#ends.length && this.has(this.#full)) this.#full++;
    return this.#startOf(this.#full);
  }

  bitmap(): Uint8Array {
    return this.#bits.slice();
  }

  has(chunk: number): boolean {
    return ((this.#bits[chunk >> 3] ?? 0) & (1 << (chunk & 7))) !== 0;
  }

  add(chunk: number): void {
    if (this.has(chunk)) return;
    this.#bits[chunk >> 3] = (this.#bits[chunk >> 3] ?? 0) | (1 << (chunk & 7));
    this.#count++;
  }

  /** False when it was not in it. */
  remove(chunk: number): boolean {
    if (!this.has(chunk)) return false;
    this.#bits[chunk >> 3] = (this.#bits[chunk >> 3] ?? 0) & ~(1 << (chunk & 7));
    this.#count--;
    this.#full = Math.min(this.#full, chunk);
    return true;
  }

  /** Chunks, in this set or not, that have a byte of the range. */
  touching({ offset, length }: Range): number[] {
    const chunks: number[] = [];
    for (let chunk = chunkAt(this.#ends, offset); chunk < this.#ends.length && this.#startOf(chunk) < offset + length; chunk++)
      chunks.push(chunk);
    return chunks;
  }

  rangeOf(chunk: number): Range {
    const offset = this.#startOf(chunk);
    return { offset, length: (this.#ends[chunk] ?? offset) - offset };
  }

  /** Chunks, in this set or not, that lie in the range with all their bytes. */
  wholeIn({ offset, length }: Range): number[] {
    const chunks: number[] = [];
    for (
      let chunk = chunkAt(this.#ends, offset);
      chunk < this.#ends.length && (this.#ends[chunk] ?? 0) <= offset + length;
      chunk++
    )
      if (this.#startOf(chunk) >= offset) chunks.push(chunk);
    return chunks;
  }

  /** The bytes of those in it, in order; none touches another. */
  ranges(): Range[] {
    return this.#rangesOf(0, true);
  }

  /** The bytes of those that are not, in order; none touches another. */
  missing(): Range[] {
    return this.#rangesOf(this.#full, false);
  }

  /** There may be 500,000 chunks: an object for each would take longer than a turn of the event loop should. */
  #rangesOf(first: number, isIn: boolean): Range[] {
    const ranges: Range[] = [];
    for (let chunk = first; chunk < this.#ends.length; chunk++) {
      if (this.has(chunk) !== isIn) continue;
      const offset = this.#startOf(chunk);
      while (chunk + 1 < this.#ends.length && this.has(chunk + 1) === isIn) chunk++;
      ranges.push({ offset, length: (this.#ends[chunk] ?? offset) - offset });
    }
    return ranges;
  }

  #startOf(chunk: number): number {
    return chunk === 0 ? 0 : (this.#ends[chunk - 1] ?? 0);
  }
}
