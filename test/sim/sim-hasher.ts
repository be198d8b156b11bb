import { Blake3Hasher, blake3 } from '@napi-rs/blake-hash';
import { Chunker, encodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow, manifestDigest } from '../../src/core/chunking.ts';
import type { ContentHash } from '../../src/core/ids.ts';
import type { Range } from '../../src/core/range.ts';
import type { OpenFile, StageFile } from '../../src/platform/disk.ts';
import type { Digest, Following, Hasher, LentChunk, PasswordHasher, ProvedChunk, Proving } from '../../src/platform/hasher.ts';
import type { Incarnation } from './incarnation.ts';
import type { SimRandom } from './sim-random.ts';

/** Bytes read at a time. */
const READ_BYTES = 256 * 1024;
/** What hashing takes beside the reading: a slow core. */
const BYTES_PER_MS = 500_000;

/** Hashes at once, and answers after a while: a thread of its own would not repeat. */
export class SimHasher implements Hasher, PasswordHasher {
  readonly #incarnation: Incarnation;
  readonly #random: SimRandom;

  constructor(incarnation: Incarnation, random: SimRandom) {
    this.#incarnation = incarnation;
    this.#random = random;
  }

  hash(bytes: Uint8Array): ContentHash {
    return blake3(bytes).toString('hex') as ContentHash;
  }

  async hashLarge(bytes: Uint8Array): Promise<ContentHash> {
    return this.hash(bytes);
  }

  /** Of no cost: nobody guesses here. */
  async passwordKey(password: string, salt: Uint8Array): Promise<Uint8Array> {
    const key = blake3(Buffer.concat([salt, Buffer.from(password)]));
    await this.#incarnation.perform(this.#random.between(0, 1), true, () => {});
    return key;
  }

  async digest(file: OpenFile): Promise<Digest> {
    const pass = new Pass(file.stat.size);
    for (let offset = 0; ; ) {
      const bytes = await file.read(offset, READ_BYTES);
      if (bytes.length === 0) break;
      pass.push(bytes);
      offset += bytes.length;
    }
    return this.#told(pass);
  }

  follow(file: OpenFile, size: number): Following {
    return new SimFollowing(file, size, (pass) => this.#told(pass));
  }

  prove(file: OpenFile): Proving {
    return new SimProving(file, (bytes) =>
      this.#incarnation.perform(this.#random.between(0, 1) + bytes / BYTES_PER_MS, true, () => {}),
    );
  }

  async copy(source: OpenFile, target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]> {
    const wrong: number[] = [];
    for (const [at, { from, offset, length, hash }] of chunks.entries()) {
      const pieces: Uint8Array[] = [];
      for (let done = 0; done < length; done += pieces.at(-1)?.length ?? 0) {
        pieces.push(await source.read(from + done, Math.min(READ_BYTES, length - done)));
        if (pieces.at(-1)?.length === 0) break;
      }
      const bytes = Buffer.concat(pieces);
      await this.#incarnation.perform(this.#random.between(0, 1) + length / BYTES_PER_MS, true, () => {});
      if (Buffer.compare(blake3(bytes), hash) === 0) await target.write(offset, bytes);
      else wrong.push(at);
    }
    return wrong;
  }

  async hashPieces(file: OpenFile, lengths: readonly number[]): Promise<Uint8Array> {
    const hashes: Uint8Array[] = [];
    let offset = 0;
    for (const length of lengths) {
      const hasher = new Blake3Hasher();
      const end = offset + length;
      while (offset < end) {
        const bytes = await file.read(offset, Math.min(READ_BYTES, end - offset));
        if (bytes.length === 0) return Buffer.concat(hashes);
        hasher.update(bytes);
        offset += bytes.length;
      }
      hashes.push(hasher.digestBuffer());
    }
    await this.#incarnation.perform(this.#random.between(0, 1) + offset / BYTES_PER_MS, true, () => {});
    return Buffer.concat(hashes);
  }

  async #told(pass: Pass): Promise<Digest> {
    const digest = pass.finish((bytes) => this.hash(bytes));
    await this.#incarnation.perform(this.#random.between(0, 1) + digest.size / BYTES_PER_MS, true, () => {});
    return digest;
  }
}

/** Checks one batch of chunks after the other, as a thread does, and reads the whole at the end. */
class SimProving implements Proving {
  readonly #file: OpenFile;
  readonly #spend: (bytes: number) => Promise<void>;
  readonly #right = new Map<number, number>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(file: OpenFile, spend: (bytes: number) => Promise<void>) {
    this.#file = file;
    this.#spend = spend;
  }

  check(chunks: readonly ProvedChunk[]): Promise<readonly number[]> {
    return this.#inTurn(async () => {
      const wrong: number[] = [];
      for (const [at, { offset, length, hash }] of chunks.entries()) {
        if (Buffer.compare(await this.#hash(offset, length), hash) === 0) this.#right.set(offset, length);
        else wrong.push(at);
      }
      return wrong;
    });
  }

  trust({ offset, length }: Range): void {
    if (length > 0) this.#right.set(offset, length);
  }

  finish(size: number): Promise<ContentHash | undefined> {
    return this.#inTurn(async () => {
      let offset = 0;
      for (let length = this.#right.get(0); length !== undefined; length = this.#right.get(offset)) offset += length;
      return offset === size ? ((await this.#hash(0, size)).toString('hex') as ContentHash) : undefined;
    });
  }

  drop(): void {}

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const running = this.#running.then(act);
    this.#running = running.catch(() => undefined);
    return running;
  }

  async #hash(offset: number, length: number): Promise<Buffer> {
    const hasher = new Blake3Hasher();
    for (let done = 0; done < length; ) {
      const bytes = await this.#file.read(offset + done, Math.min(READ_BYTES, length - done));
      if (bytes.length === 0) break;
      hasher.update(bytes);
      done += bytes.length;
    }
    await this.#spend(length);
    return hasher.digestBuffer();
  }
}

/** Reads what was reached in the order it was told. */
class SimFollowing implements Following {
  readonly #file: OpenFile;
  readonly #pass: Pass;
  readonly #told: (pass: Pass) => Promise<Digest>;
  #read: Promise<void> = Promise.resolve();
  #end = 0;
  #isOver = false;

  constructor(file: OpenFile, size: number, told: (pass: Pass) => Promise<Digest>) {
    this.#file = file;
    this.#pass = new Pass(size);
    this.#told = told;
  }

  reach(end: number): void {
    const from = this.#end;
    this.#end = end;
    this.#read = this.#read.then(() => this.#go(from, end));
    this.#read.catch(() => undefined); // Told by `finish`.
  }

  async finish(): Promise<Digest> {
    await this.#read;
    return this.#told(this.#pass);
  }

  drop(): void {
    this.#isOver = true;
  }

  async #go(from: number, end: number): Promise<void> {
    for (let offset = from; offset < end && !this.#isOver; ) {
      const bytes = await this.#file.read(offset, Math.min(READ_BYTES, end - offset));
      if (bytes.length === 0) return;
      this.#pass.push(bytes);
      offset += bytes.length;
    }
  }
}

/** One pass over a content: the whole hash, and the hash of each chunk. */
class Pass {
  readonly #whole = new Blake3Hasher();
  readonly #chunker: Chunker;
  readonly #rows: ManifestRow[] = [];
  #chunk = new Blake3Hasher();
  #chunkStart = 0;
  #offset = 0;

  constructor(size: number) {
    this.#chunker = new Chunker(size);
  }

  push(bytes: Uint8Array): void {
    this.#whole.update(bytes);
    let done = 0;
    for (const cut of this.#chunker.push(bytes)) {
      const end = cut - this.#offset;
      this.#chunk.update(bytes.subarray(done, end));
      this.#cut(cut);
      done = end;
    }
    this.#chunk.update(bytes.subarray(done));
    this.#offset += bytes.length;
  }

  finish(hash: (bytes: Uint8Array) => ContentHash): Digest {
    for (const cut of this.#chunker.finish()) this.#cut(cut);
    const rows = this.#offset >= MANIFEST_FILE_BYTES_MIN ? encodeManifest(this.#rows) : undefined;
    const manifest = manifestDigest(this.#rows, hash);
    return { hash: this.#whole.digest('hex') as ContentHash, size: this.#offset, manifest, ...(rows && { rows }) };
  }

  #cut(end: number): void {
    this.#rows.push({ length: end - this.#chunkStart, hash: this.#chunk.digestBuffer() });
    this.#chunk = new Blake3Hasher();
    this.#chunkStart = end;
  }
}
