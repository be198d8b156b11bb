import type { ChunkList } from '../core/chunk-list.ts';
import type { Range } from '../core/range.ts';
import type { InOrder } from './in-order.ts';
import type { RunningHash, Sink } from './transfer.ts';

/** Read at a time from what an earlier try left. */
const RESUME_BYTES = 1024 * 1024;

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

type CutChunks = Pick<ChunkList, 'count' | 'ends' | 'offset' | 'length' | 'hash'>;

/** Holds pieces that come in any order until their chunks are proved, and passes them on in order. */
export class ByChunks {
  readonly #order: InOrder;
  readonly #chunks: CutChunks;
  readonly #newHash: () => RunningHash;
  /** Where each chunk ends, in bytes. */
  readonly ends: ArrayLike<number>;
  /** In order; the fetch bounds how far ahead they may be. */
  #held: Piece[] = [];
  /** Of what is held. */
  readonly #proved = new Set<number>();
  /** The first chunk that was not passed on. */
  #next: number;
  /** The first behind those that are wanted. */
  readonly #end: number;

  /** `span`: the chunks that are wanted, from the first to before the end, of which `order` begins with the first; absent: all. */
  constructor(order: InOrder, chunks: CutChunks, newHash: () => RunningHash, span = { first: 0, end: chunks.count }) {
    this.#order = order;
    this.#next = span.first;
    this.#end = span.end;
    this.#chunks = chunks;
    this.#newHash = newHash;
    this.ends = chunks.ends;
  }

  /**
   * Begins behind what an earlier try left in the sink, as far as it is right. `each`: told of the bytes read so far; what it
   * throws ends it.
   */
  async resume({ left }: Sink, each: (bytes: number) => void): Promise<void> {
    while (left !== undefined && (this.ends[this.#next] ?? Number.POSITIVE_INFINITY) <= left.bytes) {
      const { offset, length } = this.#rangeOf(this.#next);
      const pieces: Uint8Array[] = [];
      for (let done = 0; done < length; ) {
        const bytes = await left.read(offset + done, Math.min(RESUME_BYTES, length - done));
        if (bytes.length === 0) return;
        pieces.push(bytes);
        done += bytes.length;
        each(offset + done);
      }
      if (!this.#isHash(this.#next, pieces)) return;
      for (const bytes of pieces) this.#order.adopt(bytes);
      this.#next++;
    }
  }

  /** Resolves at once: the piece is held until its chunks are checked. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    const at = this.#held.findIndex((piece) => piece.offset > offset);
    this.#held.splice(at < 0 ? this.#held.length : at, 0, { offset, bytes });
    return Promise.resolve();
  }

  /** Gives the wrong ones, whose bytes are forgotten. Resolves when what could be passed on is in the sink. */
  async check(chunks: readonly number[]): Promise<readonly number[]> {
    const wrong = chunks.filter((chunk) => !this.#isHash(chunk, this.#bytesOf(this.#rangeOf(chunk))));
    for (const chunk of chunks) this.#proved.add(chunk);
    for (const chunk of wrong) {
      this.#proved.delete(chunk);
      this.#forget(this.#rangeOf(chunk));
    }
    await this.#passOn();
    return wrong;
  }

  /** What is to be fetched, in order: all behind what was passed on but proved chunks that are held. What else is held is forgotten. */
  missing(): Range[] {
    const ranges: Range[] = [];
    for (let chunk = this.#next; chunk < this.#end; chunk++) {
      if (this.#proved.has(chunk)) continue;
      const { offset, length } = this.#rangeOf(chunk);
      const last = ranges.at(-1);
      if (last !== undefined && last.offset + last.length === offset)
        ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
      else ranges.push({ offset, length });
    }
    for (const range of ranges) this.#forget(range);
    return ranges;
  }

  /** Resolves when all that was passed on is in the sink; rejects as the sink did. Call once, at the end. */
  async end(): Promise<void> {
    await this.#order.finish();
  }

  /** Whole pieces, however their chunks lie in them: most have many. */
  async #passOn(): Promise<void> {
    while (this.#proved.delete(this.#next)) this.#next++;
    const end = this.ends[this.#next - 1] ?? 0;
    let writing: Promise<void> | undefined;
    for (let first = this.#held[0]; first !== undefined && first.offset < end; first = this.#held[0]) {
      const { offset, bytes } = first;
      const length = Math.min(bytes.length, end - offset);
      const isWhole = length === bytes.length;
      // As it came: its memory is used again once it is written.
      writing = this.#order.write(offset, isWhole ? bytes : bytes.subarray(0, length));
      if (isWhole) this.#held.shift();
      else this.#held[0] = { offset: end, bytes: bytes.subarray(length) };
    }
    await writing;
  }

  #rangeOf(chunk: number): Range {
    return { offset: this.#chunks.offset(chunk), length: this.#chunks.length(chunk) };
  }

  #bytesOf({ offset, length }: Range): Uint8Array[] {
    return this.#held
      .map((piece) => piece.bytes.subarray(Math.max(0, offset - piece.offset), Math.max(0, offset + length - piece.offset)))
      .filter((bytes) => bytes.length > 0);
  }

  #isHash(chunk: number, pieces: readonly Uint8Array[]): boolean {
    const hash = this.#newHash();
    for (const bytes of pieces) hash.update(bytes);
    return hash.hex() === Buffer.from(this.#chunks.hash(chunk)).toString('hex');
  }

  #forget({ offset, length }: Range): void {
    const end = offset + length;
    this.#held = this.#held
      .flatMap((piece) => {
        const from = Math.max(0, end - piece.offset);
        const before = { offset: piece.offset, bytes: piece.bytes.subarray(0, Math.max(0, offset - piece.offset)) };
        const behind = { offset: piece.offset + from, bytes: piece.bytes.subarray(from) };
        if (piece.offset >= end || piece.offset + piece.bytes.length <= offset) return [piece];
        return [before, behind];
      })
      .filter((piece) => piece.bytes.length > 0);
  }
}
