import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { invariant } from '../../core/errors.ts';
import type { ContentHash } from '../../core/ids.ts';
import type { OpenFile, StageFile } from '../disk.ts';
import type { Digest, Following, Hasher, LentChunk, Likeness, PasswordHasher, Proving } from '../hasher.ts';
import { FileInThread } from './file-in-thread.ts';
import { FollowingDigest, STRIDE_BYTES_MAX } from './following-digest.ts';
import { digestOf, piecesOf, wrongOf } from './hash-answers.ts';
import { HasherThread, hasherClosed } from './hasher-thread.ts';
import type { HashJob } from './hasher-worker.ts';
import { NodeOpenFile } from './open-file.ts';
import { ProvingFile } from './proving-file.ts';
import { NodeStageFile } from './stage-file.ts';

/** Threads that hash: one may wait for the disk while the other computes. Range 1–8. */
const THREADS_MAX = 2;
/** Files that go to a thread in one message: its cost is that of hashing some 20 KB. Range 1–1,000. */
const BATCH_FILES_MAX = 64;
/** Threads with nothing to do so long are ended: each takes 9 MB. Range 1–600 s. */
const IDLE_MS = 10_000;
/** Bytes after which a batch is full, so that both threads end at about the same time. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const HASH_BYTES = 32;
/** Hashed in one turn of the event loop: a millisecond at most. 64–4,096 KiB. */
const TURN_BYTES = 1024 * 1024;
/** OWASP's lowest for argon2id, which is this library's default kind: KiB, passes, lanes, bytes. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: HASH_BYTES };

interface Waiting extends HashJob {
  resolve(digest: Digest): void;
  reject(thrown: unknown): void;
}

/** BLAKE3 in threads, which are started when needed, and ended when idle for a while. The queue is as long as its callers let it grow. */
export class NodeHasher implements Hasher, PasswordHasher {
  readonly #queue: Waiting[] = [];
  readonly #threads: HasherThread[] = [];
  readonly #threadsMax = Math.min(THREADS_MAX, availableParallelism());
  #files = 0;
  #closed = false;
  #rest: NodeJS.Timeout | undefined;
  readonly #idleMs: number;
  /** For what is in memory: it takes longer to make one than to hash a small file. */
  readonly #once = new Blake3Hasher();

  constructor({ idleMs = IDLE_MS } = {}) {
    this.#idleMs = idleMs;
  }

  /** Threads that run now. */
  get threads(): number {
    return this.#threads.length;
  }

  hash(bytes: Uint8Array): ContentHash {
    // One-off hashes come in a buffer of the system's each, which the engine has to have collected.
    this.#once.reset();
    return this.#once.update(bytes).digest('hex') as ContentHash;
  }

  async hashLarge(bytes: Uint8Array): Promise<ContentHash> {
    const hasher = new Blake3Hasher();
    for (let at = 0; at < bytes.length; at += TURN_BYTES) {
      if (at > 0) await nextTurn();
      hasher.update(bytes.subarray(at, at + TURN_BYTES));
    }
    return hasher.digest('hex') as ContentHash;
  }

  /** In the threads that Node has for such work. */
  async passwordKey(password: string, salt: Uint8Array): Promise<Uint8Array> {
    // Loaded when there is a password: most commands have none.
    const { hashRaw } = await import('@node-rs/argon2');
    return await hashRaw(password, { ...ARGON2, salt });
  }

  /** `file`: opened by this side's Disk; it stays open until the digest is there. */
  digest(file: OpenFile, like?: Likeness): Promise<Digest> {
    invariant(file instanceof NodeOpenFile, 'a file of this Disk');
    if (file.stat.size > STRIDE_BYTES_MAX) return this.#digestLarge(file, like);
    return file.lend(
      (descriptor) =>
        new Promise<Digest>((resolve, reject) => {
          if (this.#closed) return reject(hasherClosed());
          this.#queue.push({ descriptor, size: file.stat.size, resolve, reject });
          this.#pump();
        }),
    );
  }

  /** In strides, as if it were followed: it takes minutes, and whoever takes in chunks waits for each to be checked. */
  #digestLarge(file: NodeOpenFile, like: Likeness | undefined): Promise<Digest> {
    const { size } = file.stat;
    return file.lend(async (descriptor) => {
      if (this.#closed) throw hasherClosed();
      const pass = new FollowingDigest(
        this.#fileInThread(() => {}),
        { descriptor, size, ...(like && { like }) },
      );
      pass.reach(size);
      return await pass.finish(Number.POSITIVE_INFINITY);
    });
  }

  /** `file`: opened by this side's Disk; its close waits for the end of this. */
  follow(file: OpenFile, size: number): Following {
    return this.#stay(file, (descriptor, over) => new FollowingDigest(this.#fileInThread(over), { descriptor, size }));
  }

  /** As `follow`. */
  prove(file: OpenFile): Proving {
    return this.#stay(file, (descriptor, over) => new ProvingFile(this.#fileInThread(over), descriptor));
  }

  /** `source`, `target`: opened by this side's Disk; both stay open until this is done. */
  copy(source: OpenFile, target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]> {
    invariant(source instanceof NodeOpenFile && target instanceof NodeStageFile, 'files of this Disk');
    return source.lend((from) =>
      target.lend(async (to) => {
        if (this.#closed) throw hasherClosed();
        const hashes = Buffer.concat(chunks.map(({ hash }) => hash));
        const ranges = chunks.map(({ offset, length, from: there }) => ({ offset, length, from: there }));
        const order = { kind: 'copy', source: from, target: to, chunks: ranges, hashes } as const;
        return wrongOf((await this.#anyThread().do(order))[0]);
      }),
    );
  }

  /** Lends the descriptor until `over` is called. */
  #stay<Pass>(file: OpenFile, begin: (descriptor: number, over: () => void) => Pass): Pass {
    invariant(file instanceof NodeOpenFile, 'a file of this Disk');
    if (this.#closed) throw hasherClosed();
    let pass: Pass | undefined;
    file
      .lend(
        (descriptor) =>
          new Promise<void>((over) => {
            pass = begin(descriptor, over);
          }),
      )
      .catch(() => undefined);
    invariant(pass !== undefined, 'an open file is lent at once');
    return pass;
  }

  /** `file`: opened by this side's Disk; it stays open until the hashes are there. */
  hashPieces(file: OpenFile, lengths: readonly number[]): Promise<Uint8Array> {
    invariant(file instanceof NodeOpenFile, 'a file of this Disk');
    return file.lend(async (descriptor) => {
      const hashes: Uint8Array[] = [];
      for (const some of stridesOf(lengths)) {
        if (this.#closed) throw hasherClosed();
        const [told] = await this.#anyThread().do({ kind: 'pieces', descriptor, ...some });
        const hashed = piecesOf(told);
        hashes.push(hashed);
        // The file ends there.
        if (hashed.length < some.lengths.length * HASH_BYTES) break;
      }
      return Buffer.concat(hashes);
    });
  }

  /** Ends the threads; what is under way is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#rest);
    for (const { reject } of this.#queue.splice(0)) reject(hasherClosed());
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
  }

  /** Gives threads work. While all have a batch the queue grows, and with it the next batch. */
  #pump(): void {
    while (this.#queue.length > 0) {
      // One that follows files, however many and for however long, takes a batch in between.
      const thread = this.#freeThread() ?? this.#betweenDigests();
      if (thread === undefined) return;
      this.#digestAll(thread, this.#nextBatch());
    }
  }

  #digestAll(thread: HasherThread, batch: readonly Waiting[]): void {
    const jobs = batch.map(({ descriptor, size }): HashJob => ({ descriptor, size }));
    thread.do({ kind: 'digest', jobs }).then(
      (answer) => {
        for (const [index, { resolve, reject }] of batch.entries()) {
          try {
            resolve(digestOf(answer[index]));
          } catch (thrown) {
            reject(thrown);
          }
        }
      },
      (thrown: unknown) => {
        for (const { reject } of batch) reject(thrown);
      },
    );
  }

  #fileInThread(over: () => void): FileInThread {
    return new FileInThread(this.#anyThread(), this.#files++, over);
  }

  #anyThread(): HasherThread {
    const thread = this.#freeThread() ?? this.#betweenDigests() ?? this.#threads[0];
    invariant(thread !== undefined, 'none is free, so there is one');
    return thread;
  }

  /** One that does nothing and follows nothing, or a new one; undefined when there may be no more. */
  #freeThread(): HasherThread | undefined {
    const idle = this.#threads.find((thread) => thread.busy === 0 && thread.followed === 0);
    if (idle !== undefined || this.#threads.length >= this.#threadsMax) return idle;
    const thread: HasherThread = new HasherThread({
      idle: () => {
        this.#pump();
        this.#restLater();
      },
      gone: () => {
        const at = this.#threads.indexOf(thread);
        if (at >= 0) this.#threads.splice(at, 1);
        if (!this.#closed) this.#pump();
      },
    });
    this.#threads.push(thread);
    return thread;
  }

  /** The one that follows least of those that hash no whole files, which may take minutes. */
  #betweenDigests(): HasherThread | undefined {
    const [first, ...others] = this.#threads.filter((thread) => !thread.isDigesting);
    return others.reduce((least, thread) => (least !== undefined && thread.followed < least.followed ? thread : least), first);
  }

  #restLater(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      // Out of the list first: a thread that ends is given nothing more.
      const idle = this.#threads.filter((thread) => thread.busy === 0 && thread.followed === 0);
      for (const thread of idle) this.#threads.splice(this.#threads.indexOf(thread), 1);
      for (const thread of idle) thread.end().catch(() => {}); // It ends with the process at the latest.
    }, this.#idleMs);
    this.#rest.unref();
  }

  #nextBatch(): Waiting[] {
    let count = 0;
    let size = 0;
    for (const { size: next } of this.#queue) {
      if (count >= BATCH_FILES_MAX || (count > 0 && size + next > BATCH_BYTES_MAX)) break;
      size += next;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}

/** Pieces that one order takes on: as many as a stride has, or one that is longer. */
function* stridesOf(lengths: readonly number[]): Iterable<{ offset: number; lengths: readonly number[] }> {
  let [offset, from] = [0, 0];
  while (from < lengths.length) {
    let [bytes, to] = [0, from];
    do bytes += lengths[to++] ?? 0;
    while (to < lengths.length && bytes + (lengths[to] ?? 0) <= STRIDE_BYTES_MAX);
    yield { offset, lengths: lengths.slice(from, to) };
    offset += bytes;
    from = to;
  }
}
