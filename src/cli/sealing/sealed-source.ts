import type { Source } from '../../client/transfer.ts';
import { MeshError } from '../../core/errors.ts';
import { bodyKey, NONCE_BYTES, PLAIN_CHUNK_BYTES, SEALED_CHUNK_BYTES, sealChunk, sealedBytes } from './age-body.ts';
import type { SealedOnce } from './sealed-once.ts';

/** What makes the sealed bytes of a content from its plain ones: the same each time. */
export interface Seal {
  readonly header: Uint8Array;
  /** 16 bytes. */
  readonly fileKey: Uint8Array;
  /** NONCE_BYTES. */
  readonly nonce: Uint8Array;
}

/** A plain source as its sealed bytes: made as they are read, at any place and again, so that nothing of it is spooled. */
export class SealedSource implements Source {
  readonly size: number;
  readonly mode?: number;
  readonly modifiedMs?: number;
  readonly key?: string;
  readonly #plain: Source;
  readonly #head: Uint8Array;
  readonly #key: Uint8Array;
  readonly #chunks: number;
  readonly #once: SealedOnce | undefined;
  /** The chunk sealed last: the next read most often begins in it. */
  #last: { readonly index: number; readonly bytes: Uint8Array } | undefined;

  /**
   * `key`: see Source; only of a seal that a later run of the program has again. `once`: for what is given to others; absent: it
   * is only compared with what they have.
   */
  constructor(plain: Source, { header, fileKey, nonce }: Seal, { key, once }: { key?: string; once?: SealedOnce } = {}) {
    if (nonce.length !== NONCE_BYTES) throw new RangeError('the nonce of a sealed body has 16 bytes');
    this.#plain = plain;
    this.#head = Buffer.concat([header, nonce]);
    this.#key = bodyKey(fileKey, nonce);
    this.#chunks = Math.max(1, Math.ceil(plain.size / PLAIN_CHUNK_BYTES));
    this.#once = once;
    this.size = this.#head.length + sealedBytes(plain.size);
    if (plain.mode !== undefined) this.mode = plain.mode;
    if (plain.modifiedMs !== undefined) this.modifiedMs = plain.modifiedMs;
    if (key !== undefined) this.key = key;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.size, offset + length);
    const bytes = Buffer.allocUnsafe(Math.max(0, end - offset));
    bytes.set(this.#head.subarray(Math.min(offset, this.#head.length), end));
    const from = Math.max(offset, this.#head.length);
    if (from >= end) return bytes;
    const first = Math.floor((from - this.#head.length) / SEALED_CHUNK_BYTES);
    const behind = Math.ceil((end - this.#head.length) / SEALED_CHUNK_BYTES);
    const kept = this.#last;
    const fresh = kept?.index === first ? first + 1 : first;
    const plain = await this.#read(fresh, behind);
    for (let index = first; index < behind; index++) {
      const at = this.#head.length + index * SEALED_CHUNK_BYTES - offset;
      const part = plain.subarray((index - fresh) * PLAIN_CHUNK_BYTES, (index - fresh + 1) * PLAIN_CHUNK_BYTES);
      const isWithin = at >= 0 && at + sealedBytes(part.length) <= bytes.length;
      if (index === kept?.index) copyWithin(kept.bytes, bytes, at);
      else if (isWithin && index < behind - 1) this.#seal(index, part, bytes, at);
      else copyWithin(this.#keep(index, part), bytes, at);
    }
    await this.#once?.settle();
    return bytes;
  }

  check(): Promise<void> {
    return this.#plain.check();
  }

  /** The plain bytes of chunks `first` ≤ index < `behind`, which may be none. */
  async #read(first: number, behind: number): Promise<Uint8Array> {
    const offset = first * PLAIN_CHUNK_BYTES;
    const length = Math.min(this.#plain.size, behind * PLAIN_CHUNK_BYTES) - offset;
    if (first >= behind || length <= 0) return new Uint8Array(0);
    const plain = await this.#plain.read(offset, length);
    if (plain.length < length)
      throw new MeshError('changed', 'the file became shorter while it was read; nothing was stored, try again');
    // Two contents sealed with one key would tell of each other: nothing is, of a file that changed since its opening.
    await this.#plain.check();
    return plain;
  }

  #keep(index: number, plain: Uint8Array): Uint8Array {
    const bytes = Buffer.allocUnsafe(sealedBytes(plain.length));
    this.#seal(index, plain, bytes, 0);
    this.#last = { index, bytes };
    return bytes;
  }

  #seal(index: number, plain: Uint8Array, out: Uint8Array, at: number): void {
    sealChunk(this.#key, { index, isLast: index === this.#chunks - 1 }, plain, out, at);
    this.#once?.check(index, out.subarray(at + plain.length, at + sealedBytes(plain.length)));
  }
}

/** Copies what of `from` lies in `to` when it begins there at `at`, which may be before its start. */
function copyWithin(from: Uint8Array, to: Uint8Array, at: number): void {
  to.set(from.subarray(Math.max(0, -at), to.length - at), Math.max(0, at));
}
