import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import type { Range } from '../../core/range.ts';
import { buffer, fill, isHashAt } from './hash-buffer.ts';

/** What came before its turn and is read once more in one order, at most: another file's turn comes soon. In bytes. */
export const AHEAD_BYTES_MAX = 8 * 1024 * 1024;

/** A file whose chunks are checked as they come: most come in order, and are read once for their own hash and the whole one. */
export class Proof {
  readonly #descriptor: number;
  readonly #whole = new Blake3Hasher();
  readonly #part = new Blake3Hasher();
  /** Right ranges beyond `#offset`: where each begins, and its length. */
  readonly #ahead = new Map<number, number>();
  /** Bytes that went into the whole hash. */
  #offset = 0;
  /** Wrong bytes went into it. */
  #isSpoilt = false;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  check(chunks: readonly Range[], hashes: Uint8Array): number[] {
    const wrong: number[] = [];
    for (const [at, { offset, length }] of chunks.entries()) {
      const isNext = offset === this.#offset;
      const hash = length <= buffer.length ? this.#hashOfSmall(offset, length) : this.#hashOf(offset, length, isNext);
      const isRight = hash !== undefined && isHashAt(hashes, at, hash);
      if (!isRight) wrong.push(at);
      if (!isNext && isRight) this.#ahead.set(offset, length);
      if (!isNext) continue;
      if (length > buffer.length) this.#isSpoilt ||= !isRight;
      else if (isRight) this.#whole.update(buffer.subarray(0, length));
      if (isRight) this.#offset += length;
    }
    this.goOn(AHEAD_BYTES_MAX);
    return wrong;
  }

  trust({ offset, length }: Range): void {
    if (length > 0) this.#ahead.set(offset, length);
  }

  finish(size: number): string | undefined {
    this.goOn(Number.POSITIVE_INFINITY);
    return this.#offset === size && !this.#isSpoilt ? this.#whole.digest('hex') : undefined;
  }

  /** Takes into the whole hash what came before its turn. True: there is more of it. */
  goOn(bytesMax: number): boolean {
    let left = bytesMax;
    for (let length = this.#ahead.get(this.#offset); length !== undefined && left > 0; length = this.#ahead.get(this.#offset)) {
      this.#ahead.delete(this.#offset);
      const count = fill(this.#descriptor, this.#offset, Math.min(buffer.length, length));
      // Shorter than it was: the whole hash will tell.
      if (count === 0) return false;
      this.#whole.update(buffer.subarray(0, count));
      this.#offset += count;
      left -= count;
      if (count < length) this.#ahead.set(this.#offset, length - count);
    }
    return this.#ahead.has(this.#offset);
  }

  /** Of what is in the buffer then; undefined when the file ends before. */
  #hashOfSmall(offset: number, length: number): Uint8Array | undefined {
    return fill(this.#descriptor, offset, length) === length ? blake3(buffer.subarray(0, length)) : undefined;
  }

  #hashOf(offset: number, length: number, isNext: boolean): Uint8Array {
    this.#part.reset();
    for (let done = 0; done < length; ) {
      const count = fill(this.#descriptor, offset + done, Math.min(buffer.length, length - done));
      if (count === 0) break;
      this.#part.update(buffer.subarray(0, count));
      if (isNext) this.#whole.update(buffer.subarray(0, count));
      done += count;
    }
    return this.#part.digestBuffer();
  }
}
