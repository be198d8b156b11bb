import type { Sink, Source } from '../../client/transfer.ts';
import { MeshError } from '../../core/errors.ts';
import { bodyKey, openChunk, PLAIN_CHUNK_BYTES, SEALED_CHUNK_BYTES, sealedBytes } from './age-body.ts';
import type { Opened } from './opening.ts';
import { SealedSource } from './sealed-source.ts';

/**
 * Takes the bytes of a sealed file and gives the plain ones to `inner`, each chunk proved before; `inner` shows nothing before
 * all of it is. What `inner` has of an earlier try is sealed again for whoever checks what came: the bytes are the same.
 */
export class OpeningSink implements Sink {
  readonly left?: NonNullable<Sink['left']>;
  readonly #inner: Sink;
  readonly #head: Buffer;
  readonly #key: Uint8Array;
  readonly #size: number;
  readonly #chunks: number;
  /** Where the next bytes belong. */
  #offset = 0;
  /** The begin of a chunk whose end is still to come. */
  readonly #open = Buffer.allocUnsafe(SEALED_CHUNK_BYTES);
  #openBytes = 0;
  /** Bytes came that nobody sealed so: if they are what was announced, there is no way to open it. */
  #isWrong = false;

  /** `inner`: for `opened.size` bytes. */
  constructor(opened: Opened, inner: Sink) {
    this.#inner = inner;
    this.#head = Buffer.concat([opened.header, opened.nonce]);
    this.#key = bodyKey(opened.fileKey, opened.nonce);
    this.#size = opened.size;
    this.#chunks = Math.max(1, Math.ceil(opened.size / PLAIN_CHUNK_BYTES));
    const { left } = inner;
    if (left === undefined || left.bytes < PLAIN_CHUNK_BYTES) return;
    const again = new SealedSource(sourceOf(left, opened.size), opened);
    // Whole chunks, and never the last one: whether it is whole only its end tells.
    const whole = Math.min(Math.floor(left.bytes / PLAIN_CHUNK_BYTES), this.#chunks - 1);
    const bytes = this.#head.length + whole * SEALED_CHUNK_BYTES;
    this.left = { bytes, read: (offset, length) => again.read(offset, Math.min(length, bytes - offset)) };
  }

  /** Bytes in order; behind what was left, or from the first one again. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset !== this.#offset) await this.#goTo(offset);
    this.#offset += bytes.length;
    if (this.#isWrong) return;
    const headBytes = Math.max(0, Math.min(bytes.length, this.#head.length - offset));
    if (!this.#head.subarray(offset, offset + headBytes).equals(bytes.subarray(0, headBytes))) {
      this.#isWrong = true;
      return;
    }
    await this.#openAll(bytes.subarray(headBytes), Math.max(0, offset - this.#head.length));
  }

  async finish(): Promise<string> {
    const isWhole = this.#offset === this.#head.length + sealedBytes(this.#size);
    if (this.#isWrong || !isWhole)
      throw new MeshError('corrupt', 'the sealed file was changed or cut off after it was sealed: nothing of it was saved');
    return await this.#inner.finish();
  }

  discard(): Promise<void> {
    return this.#inner.discard();
  }

  async leave(): Promise<boolean> {
    return !this.#isWrong && (await this.#inner.leave?.()) === true;
  }

  /** Opens the chunks that end in `bytes`, which begin at `at` in the body. */
  async #openAll(bytes: Uint8Array, at: number): Promise<void> {
    let index = Math.floor((at - this.#openBytes) / SEALED_CHUNK_BYTES);
    const first = index;
    const plain = Buffer.allocUnsafe(this.#openBytes + bytes.length);
    let plainEnd = 0;
    for (let from = 0; from < bytes.length; index++) {
      const length = this.#sealedLength(index);
      const part = bytes.subarray(from, from + length - this.#openBytes);
      from += part.length;
      if (this.#openBytes + part.length < length) {
        this.#open.set(part, this.#openBytes);
        this.#openBytes += part.length;
        break;
      }
      let sealed = part;
      if (this.#openBytes > 0) {
        this.#open.set(part, this.#openBytes);
        sealed = this.#open.subarray(0, length);
      }
      this.#openBytes = 0;
      if (!openChunk(this.#key, { index, isLast: index === this.#chunks - 1 }, sealed, plain, plainEnd)) {
        this.#isWrong = true;
        return;
      }
      plainEnd += length - (SEALED_CHUNK_BYTES - PLAIN_CHUNK_BYTES);
    }
    if (plainEnd > 0) await this.#inner.write(first * PLAIN_CHUNK_BYTES, plain.subarray(0, plainEnd));
  }

  async #goTo(offset: number): Promise<void> {
    this.#offset = offset;
    this.#isWrong = false;
    this.#openBytes = Math.max(0, offset - this.#head.length) % SEALED_CHUNK_BYTES;
    if (this.#openBytes === 0) return;
    const begun = await this.left?.read(offset - this.#openBytes, this.#openBytes);
    if (begun?.length === this.#openBytes) this.#open.set(begun);
    else this.#isWrong = true;
  }

  #sealedLength(index: number): number {
    const isLast = index >= this.#chunks - 1;
    return isLast ? sealedBytes(this.#size) - (this.#chunks - 1) * SEALED_CHUNK_BYTES : SEALED_CHUNK_BYTES;
  }
}

function sourceOf({ read }: NonNullable<Sink['left']>, size: number): Source {
  return { size, read, check: () => Promise.resolve() };
}
