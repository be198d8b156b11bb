import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { ChunkList } from '../../core/chunk-list.ts';
import { type ChunkBounds, Chunker, chunkBounds, type ManifestRow } from '../../core/chunking.ts';
import type { Likeness } from '../hasher.ts';
import { buffer, fill } from './hash-buffer.ts';

/** The chunker looks at so many bytes at once: a cut is looked for up to so far behind it in vain. 4…256 KiB. */
const SEARCH_BYTES = 16 * 1024;
/** Guesses that may fail in a row before a chunk of the other content is seen again. 1…8. */
const FAILURES_MAX = 2;

/**
 * One pass over a file that is probably much like a content whose chunks are known. A chunk ends where its own bytes say so: one
 * that begins like a known one and has the same bytes ends where that ended, and no end is looked for, which is half the work.
 */
export class LikePass {
  readonly rows: ManifestRow[] = [];
  readonly whole = new Blake3Hasher();
  readonly #descriptor: number;
  readonly #size: number;
  readonly #bounds: ChunkBounds;
  readonly #known: ChunkList;
  /** Where each known chunk is, by the first bytes of its hash. */
  readonly #places = new Map<number, number>();
  /** The known chunk that is to be expected; undefined: none. */
  #next: number | undefined = 0;
  #failures = 0;
  #offset = 0;
  /** What of the file is in the buffer: from `#begin`, so many bytes. Between two orders others use it. */
  #begin = 0;
  #filled = 0;

  /** Undefined when the other is cut by other bounds, or its chunks are too long for the buffer. Throws `corrupt` for no manifest. */
  static of(descriptor: number, size: number, { manifest, size: knownSize }: Likeness): LikePass | undefined {
    const [bounds, known] = [chunkBounds(size), chunkBounds(knownSize)];
    const isSame = bounds.min === known.min && bounds.average === known.average && bounds.max === known.max;
    if (!isSame || bounds.max > buffer.length) return undefined;
    return new LikePass(descriptor, size, ChunkList.of(manifest, knownSize));
  }

  private constructor(descriptor: number, size: number, known: ChunkList) {
    this.#descriptor = descriptor;
    this.#size = size;
    this.#bounds = chunkBounds(size);
    this.#known = known;
    for (let index = 0; index < this.#knownCount; index++) this.#places.set(known.key(index), index);
  }

  get offset(): number {
    return this.#offset;
  }

  /** The last one ended with its file, whatever its bytes say: it is never expected. */
  get #knownCount(): number {
    return this.#known.count - 1;
  }

  /** Called at the end of the file. */
  close(): void {
    if (this.rows.length === 0) this.rows.push({ length: 0, hash: blake3(buffer.subarray(0, 0)) });
  }

  /** Goes on to the end of the chunk that has `end`, or to the end of the file. */
  readTo(end: number): void {
    this.#filled = 0;
    while (this.#offset < end && (this.#guess() || this.#search())) {}
  }

  /** False: what comes is not the chunk that was expected. */
  #guess(): boolean {
    const next = this.#next;
    if (next === undefined || next >= this.#knownCount) return false;
    const length = this.#known.length(next);
    const bytes = this.#window(length).subarray(0, length);
    const hash = blake3(bytes);
    if (bytes.length < length || Buffer.compare(hash, this.#known.hash(next)) !== 0) {
      this.#failures += 1;
      return false;
    }
    this.#take(bytes, hash);
    this.#expect(next + 1);
    return true;
  }

  /** False at the end of the file. */
  #search(): boolean {
    const there = this.#window(this.#bounds.max);
    if (there.length === 0) return false;
    const chunker = new Chunker(this.#size);
    let cut: number | undefined;
    for (let at = 0; at < there.length && cut === undefined; at += SEARCH_BYTES) {
      [cut] = chunker.push(there.subarray(at, at + SEARCH_BYTES));
    }
    const bytes = there.subarray(0, cut);
    const hash = blake3(bytes);
    this.#take(bytes, hash);
    const place = this.#places.get(keyOf(hash));
    if (place !== undefined) this.#expect(place + 1);
    else if (this.#next !== undefined) this.#next = this.#failures < FAILURES_MAX ? this.#next + 1 : undefined;
    return true;
  }

  #expect(next: number): void {
    this.#next = next;
    this.#failures = 0;
  }

  #take(bytes: Uint8Array, hash: Uint8Array): void {
    this.rows.push({ length: bytes.length, hash });
    this.whole.update(bytes);
    this.#offset += bytes.length;
  }

  /** What comes now: `length` bytes or more; fewer only at the end of the file. */
  #window(length: number): Uint8Array {
    if (this.#offset + length > this.#begin + this.#filled) {
      this.#begin = this.#offset;
      this.#filled = fill(this.#descriptor, this.#offset, buffer.length);
    }
    return buffer.subarray(this.#offset - this.#begin, this.#filled);
  }
}

function keyOf(hash: Uint8Array): number {
  return new DataView(hash.buffer, hash.byteOffset).getInt32(0);
}
