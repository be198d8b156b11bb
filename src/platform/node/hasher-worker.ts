import { parentPort } from 'node:worker_threads';
import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { Chunker, encodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow, manifestDigest } from '../../core/chunking.ts';
import { invariant } from '../../core/errors.ts';
import type { Range } from '../../core/range.ts';
import type { Likeness } from '../hasher.ts';
import { copyLent, type LentRange } from './copy-lent.ts';
import { buffer, fill, WriteRefused } from './hash-buffer.ts';
import { LikePass } from './like-pass.ts';
import { AHEAD_BYTES_MAX, Proof } from './proof.ts';
import { systemCode } from './system-error.ts';

/** A file to hash. Descriptors are the process's: one opened in the main thread is read here. */
export interface HashJob {
  readonly descriptor: number;
  /** As of the opening, or as it will be: decides the bounds of the chunks. In bytes. */
  readonly size: number;
  /** Told with the first order of a file. */
  readonly like?: Likeness;
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
  /** Chunks that lie in `source` too: copied to their places in `target`, each once it was held against its hash. */
  | {
      readonly kind: 'copy';
      readonly source: number;
      readonly target: number;
      readonly chunks: readonly LentRange[];
      readonly hashes: Uint8Array;
    }
  /** Consecutive pieces of a file, from `offset` on. */
  | { readonly kind: 'pieces'; readonly descriptor: number; readonly offset: number; readonly lengths: readonly number[] };

interface HashDigest {
  readonly hash: string;
  readonly size: number;
  readonly scheme: number;
  readonly manifest: string;
  /** The encoded manifest, of a large file only. */
  readonly rows: Uint8Array | undefined;
}

/** One for each job of a `digest`, one for the last `follow`, for `pieces`, `check`, `copy` and `prove`; none for the rest. */
export type HashAnswer = readonly (
  | HashDigest
  | { readonly pieces: Uint8Array }
  | { readonly wrong: readonly number[] }
  | { readonly isBehind: boolean }
  | { readonly whole: string | undefined }
  | { readonly unwritten: string }
  | { readonly error: string }
)[];

const hex = (bytes: Uint8Array) => blake3(bytes).toString('hex');
const followed = new Map<number, Pass | LikePass>();
const proved = new Map<number, Proof>();

const port = parentPort;
invariant(port !== null, 'this file runs in a worker thread');
port.on('message', (order: HashOrder) => port.postMessage(answerTo(order)));

function answerTo(order: HashOrder): HashAnswer {
  switch (order.kind) {
    case 'digest':
      return order.jobs.map((job) => told(() => finish(new Pass(job), Number.POSITIVE_INFINITY)));
    case 'follow':
      return follow(order);
    case 'drop':
      followed.delete(order.file);
      proved.delete(order.file);
      return [];
    case 'check':
      return [told(() => ({ wrong: proofOf(order).check(order.chunks, order.hashes) }))];
    case 'copy':
      return [told(() => ({ wrong: copyLent(order) }))];
    case 'prove':
      return prove(order);
    case 'pieces':
      return [told(() => ({ pieces: hashPieces(order) }))];
  }
}

function follow({ file, job, end, isLast }: HashOrder & { kind: 'follow' }): HashAnswer {
  const pass = followed.get(file) ?? passOf(job);
  followed.set(file, pass);
  if (!isLast) {
    // A failure is met again, and told, by the last one.
    told(() => pass.readTo(end));
    return [];
  }
  followed.delete(file);
  return [told(() => finish(pass, end))];
}

function passOf(job: HashJob): Pass | LikePass {
  const { descriptor, size, like } = job;
  // A manifest that is none is not worth a failure.
  const pass = like && told(() => LikePass.of(descriptor, size, like));
  return pass instanceof LikePass ? pass : new Pass(job);
}

function finish(pass: Pass | LikePass, end: number): HashDigest {
  pass.readTo(end);
  pass.close();
  const { scheme, hash: manifest } = manifestDigest(pass.rows, hex);
  const rows = pass.offset >= MANIFEST_FILE_BYTES_MIN ? encodeManifest(pass.rows) : undefined;
  return { hash: pass.whole.digest('hex'), size: pass.offset, scheme, manifest, rows };
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

function told<Result>(work: () => Result): Result | { error: string } | { unwritten: string } {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof WriteRefused) return { unwritten: thrown.code };
    return { error: systemCode(thrown) ?? String(thrown) };
  }
}

/** One pass over one file: the whole hash, and the hash of each chunk. */
class Pass {
  readonly #descriptor: number;
  readonly #chunker: Chunker;
  readonly rows: ManifestRow[] = [];
  readonly whole = new Blake3Hasher();
  /** The part of the open chunk that came with earlier reads. */
  readonly #open = new Blake3Hasher();
  #openBytes = 0;
  #offset = 0;

  constructor({ descriptor, size }: HashJob) {
    this.#descriptor = descriptor;
    this.#chunker = new Chunker(size);
  }

  /** Goes on to `end`, or to the end of the file. */
  readTo(end: number): void {
    for (;;) {
      const count = fill(this.#descriptor, this.#offset, Math.min(buffer.length, end - this.#offset));
      if (count === 0) return;
      this.#push(buffer.subarray(0, count));
    }
  }

  /** Called at the end of the file. */
  close(): void {
    if (this.#chunker.finish().length > 0) this.#closeChunk(buffer.subarray(0, 0));
  }

  get offset(): number {
    return this.#offset;
  }

  #push(bytes: Uint8Array): void {
    this.whole.update(bytes);
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
      this.rows.push({ length, hash: blake3(last) });
      return;
    }
    this.rows.push({ length, hash: this.#open.update(last).digestBuffer() });
    this.#open.reset();
    this.#openBytes = 0;
  }
}
