import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { Chunker, encodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow, manifestDigest } from '../../core/chunking.ts';
import { invariant } from '../../core/errors.ts';
import { gearWindow } from '../../core/gear.ts';
import type { Range } from '../../core/range.ts';
import { systemCode } from './system-error.ts';

/** A file to hash. Descriptors are the process's: one opened in the main thread is read here. */
export interface HashJob {
  readonly descriptor: number;
  /** As of the opening, or as it will be: decides the bounds of the chunks. In bytes. */
  readonly size: number;
}

/** What this thread is told; each is answered once, in the order of their coming. */
export type HashOrder =
  /** Whole files, each to its end as it is then. */
  | { readonly kind: 'digest'; readonly jobs: readonly HashJob[] }
  /** A file that grows: hashed up to `end` now, and told when `isLast`. */
  | { readonly kind: 'follow'; readonly file: number; readonly job: HashJob; readonly end: number; readonly isLast: boolean }
  | { readonly kind: 'drop'; readonly file: number }
  /** Chunks of a file, with their hashes one behind the other. */
  | {
      readonly kind: 'check';
      readonly file: number;
      readonly descriptor: number;
      readonly chunks: readonly Range[];
      readonly hashes: Uint8Array;
    }
  /** Ranges known to be right, of which some is read; with `size` all, and the hash of so many first bytes is told. */
  | {
      readonly kind: 'prove';
      readonly file: number;
      readonly descriptor: number;
      readonly known: readonly Range[];
      readonly size?: number;
    }
  /** Consecutive pieces of a file, from `offset` on. */
  | { readonly kind: 'pieces'; readonly descriptor: number; readonly offset: number; readonly lengths: readonly number[] };

export interface HashDigest {
  readonly hash: string;
  readonly size: number;
  readonly scheme: number;
  readonly manifest: string;
  /** The encoded manifest, of a large file only. */
  readonly rows: Uint8Array | undefined;
}

/** One for each job of a `digest`, one for the last `follow`, for `pieces`, `check` and `prove`; none for the rest. */
export type HashAnswer = readonly (
  | HashDigest
  | { readonly pieces: Uint8Array }
  | { readonly wrong: readonly number[] }
  | { readonly isBehind: boolean }
  | { readonly whole: string | undefined }
  | { readonly error: string }
)[];

const HASH_BYTES = 32;
/** What came before its turn and is read once more in one order, at most: another file's turn comes soon. In bytes. */
const AHEAD_BYTES_MAX = 8 * 1024 * 1024;

/** Files are read where their chunks are looked for: that is large enough for a read, and saves a copy. */
const buffer = gearWindow;
const hex = (bytes: Uint8Array) => blake3(bytes).toString('hex');
const followed = new Map<number, Pass>();
const proved = new Map<number, Proof>();

const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
port.on('message', (order: HashOrder) => port.postMessage(answerTo(order)));

function answerTo(order: HashOrder): HashAnswer {
  switch (order.kind) {
    case 'digest':
      return order.jobs.map((job) => told(() => new Pass(job).readTo(Number.POSITIVE_INFINITY).finish()));
    case 'follow':
      return follow(order);
    case 'drop':
      followed.delete(order.file);
      proved.delete(order.file);
      return [];
    case 'check':
      return [told(() => ({ wrong: proofOf(order).check(order.chunks, order.hashes) }))];
    case 'prove':
      return prove(order);
    case 'pieces':
      return [told(() => ({ pieces: hashPieces(order) }))];
  }
}

function follow({ file, job, end, isLast }: HashOrder & { kind: 'follow' }): HashAnswer {
  const pass = followed.get(file) ?? new Pass(job);
  followed.set(file, pass);
  if (!isLast) {
    // A failure is met again, and told, by the last one.
    told(() => pass.readTo(end));
    return [];
  }
  followed.delete(file);
  return [told(() => pass.readTo(end).finish())];
}

function prove(order: HashOrder & { kind: 'prove' }): HashAnswer {
  const proof = proofOf(order);
  for (const range of order.known) proof.trust(range);
  const { size } = order;
  if (size === undefined) return [told(() => ({ isBehind: proof.goOn(AHEAD_BYTES_MAX) }))];
  proved.delete(order.file);
  return [told(() => ({ whole: proof.finish(size) }))];
}

function proofOf({ file, descriptor }: { readonly file: number; readonly descriptor: number }): Proof {
  const proof = proved.get(file) ?? new Proof(descriptor);
  proved.set(file, proof);
  return proof;
}

/** The hashes of those pieces that the file has whole. */
function hashPieces({ descriptor, offset: begin, lengths }: HashOrder & { kind: 'pieces' }): Uint8Array {
  const hashes: Uint8Array[] = [];
  const hasher = new Blake3Hasher();
  let offset = begin;
  for (const length of lengths) {
    let left = length;
    while (left > 0) {
      const count = fill(descriptor, offset, Math.min(buffer.length, left));
      if (count === 0) return Buffer.concat(hashes);
      hasher.update(buffer.subarray(0, count));
      offset += count;
      left -= count;
    }
    hashes.push(hasher.digestBuffer());
    hasher.reset();
  }
  return Buffer.concat(hashes);
}

function told<Result>(work: () => Result): Result | { error: string } {
  try {
    return work();
  } catch (thrown) {
    return { error: systemCode(thrown) ?? String(thrown) };
  }
}

/** A file whose chunks are checked as they come: most come in order, and are read once for their own hash and the whole one. */
class Proof {
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
      const isRight = hash !== undefined && Buffer.compare(hash, hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)) === 0;
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

/** One pass over one file: the whole hash, and the hash of each chunk. */
class Pass {
  readonly #descriptor: number;
  readonly #chunker: Chunker;
  readonly #rows: ManifestRow[] = [];
  readonly #whole = new Blake3Hasher();
  /** The part of the open chunk that came with earlier reads. */
  readonly #open = new Blake3Hasher();
  #openBytes = 0;
  #offset = 0;

  constructor({ descriptor, size }: HashJob) {
    this.#descriptor = descriptor;
    this.#chunker = new Chunker(size);
  }

  /** Goes on to `end`, or to the end of the file. */
  readTo(end: number): this {
    for (;;) {
      const count = fill(this.#descriptor, this.#offset, Math.min(buffer.length, end - this.#offset));
      if (count === 0) return this;
      this.#push(buffer.subarray(0, count));
    }
  }

  finish(): HashDigest {
    if (this.#chunker.finish().length > 0) this.#closeChunk(buffer.subarray(0, 0));
    const { scheme, hash: manifest } = manifestDigest(this.#rows, hex);
    const rows = this.#offset >= MANIFEST_FILE_BYTES_MIN ? encodeManifest(this.#rows) : undefined;
    return { hash: this.#whole.digest('hex'), size: this.#offset, scheme, manifest, rows };
  }

  #push(bytes: Uint8Array): void {
    this.#whole.update(bytes);
    let from = 0;
    for (const cut of this.#chunker.push(bytes)) {
      this.#closeChunk(bytes.subarray(from, cut - this.#offset));
      from = cut - this.#offset;
    }
    if (from < bytes.length) {
      this.#open.update(bytes.subarray(from));
      this.#openBytes += bytes.length - from;
    }
    this.#offset += bytes.length;
  }

  /** Closes the open chunk with `last`. */
  #closeChunk(last: Uint8Array): void {
    const length = this.#openBytes + last.length;
    if (this.#openBytes === 0) {
      this.#rows.push({ length, hash: blake3(last) });
      return;
    }
    this.#rows.push({ length, hash: this.#open.update(last).digestBuffer() });
    this.#open.reset();
    this.#openBytes = 0;
  }
}

/** Fills the buffer from `offset` with `length` bytes; fewer only at the end of the file. */
function fill(descriptor: number, offset: number, length: number): number {
  let filled = 0;
  while (filled < length) {
    const count = readSync(descriptor, buffer, filled, length - filled, offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}
