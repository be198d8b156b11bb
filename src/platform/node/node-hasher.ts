import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { blake3 } from '@napi-rs/blake-hash';
import { invariant, MeshError } from '../../core/errors.ts';
import type { ContentHash } from '../../core/ids.ts';
import type { OpenFile } from '../disk.ts';
import type { Digest, Hasher } from '../hasher.ts';
import type { HashAnswer, HashJob } from './hasher-worker.ts';
import { NodeOpenFile } from './open-file.ts';
import { startWorker } from './worker-thread.ts';

/** Threads that hash: one may wait for the disk while the other computes. Range 1–8. */
const WORKERS_MAX = 2;
/** Files that go to a worker in one message: its cost is that of hashing some 20 KB. Range 1–1,000. */
const BATCH_FILES_MAX = 64;
/** Threads with nothing to do so long are ended: each takes 9 MB. Range 1–600 s. */
const IDLE_MS = 10_000;
/** Bytes after which a batch is full, so that both workers end at about the same time. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

interface Waiting extends HashJob {
  resolve(digest: Digest): void;
  reject(thrown: Error): void;
}

/** BLAKE3 in worker threads, which are started when needed, and ended when idle for a while. The queue is as long as its callers let it grow. */
export class NodeHasher implements Hasher {
  readonly #queue: Waiting[] = [];
  readonly #hands: Hand[] = [];
  readonly #handsMax = Math.min(WORKERS_MAX, availableParallelism());
  #jobs = 0;
  #closed = false;
  #rest: NodeJS.Timeout | undefined;
  readonly #idleMs: number;

  constructor({ idleMs = IDLE_MS } = {}) {
    this.#idleMs = idleMs;
  }

  /** Threads that run now. */
  get threads(): number {
    return this.#hands.length;
  }

  hash(bytes: Uint8Array): ContentHash {
    return blake3(bytes).toString('hex') as ContentHash;
  }

  /** `file`: opened by this side's Disk; it stays open until the digest is there. */
  digest(file: OpenFile): Promise<Digest> {
    invariant(file instanceof NodeOpenFile, 'a file of this Disk');
    return file.lend(
      (descriptor) =>
        new Promise<Digest>((resolve, reject) => {
          if (this.#closed) return reject(closed());
          this.#queue.push({ id: this.#jobs++, descriptor, size: file.stat.size, resolve, reject });
          this.#pump();
        }),
    );
  }

  /** Ends the threads; what is under way is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#rest);
    for (const { reject } of this.#queue.splice(0)) reject(closed());
    await Promise.all(this.#hands.splice(0).map((hand) => hand.end()));
  }

  /** Gives idle hands work. While all are busy the queue grows, and with it the next batch. */
  #pump(): void {
    while (this.#queue.length > 0) {
      const hand = this.#idleHand();
      if (hand === undefined) return;
      hand.take(this.#nextBatch());
    }
  }

  #idleHand(): Hand | undefined {
    const idle = this.#hands.find((hand) => hand.isIdle);
    if (idle !== undefined || this.#hands.length >= this.#handsMax) return idle;
    const hand: Hand = new Hand({
      idle: () => {
        this.#pump();
        this.#restLater();
      },
      gone: () => {
        const at = this.#hands.indexOf(hand);
        if (at >= 0) this.#hands.splice(at, 1);
        if (!this.#closed) this.#pump();
      },
    });
    this.#hands.push(hand);
    return hand;
  }

  #restLater(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      // Out of the list first: a thread that ends is given nothing more.
      const idle = this.#hands.filter((hand) => hand.isIdle);
      for (const hand of idle) this.#hands.splice(this.#hands.indexOf(hand), 1);
      for (const hand of idle) hand.end().catch(() => {}); // It ends with the process at the latest.
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

/** One worker thread and the batch it has. */
class Hand {
  readonly #worker: Worker;
  #batch: readonly Waiting[] = [];

  constructor(events: { idle(): void; gone(): void }) {
    this.#worker = startWorker('hasher-worker');
    this.#worker.unref();
    this.#worker.on('message', (answers: readonly HashAnswer[]) => {
      const batch = this.#batch;
      this.#batch = [];
      // Only a thread at work keeps the process alive.
      this.#worker.unref();
      for (const [index, answer] of answers.entries()) settle(batch[index] as Waiting, answer);
      events.idle();
    });
    let fault = closed();
    this.#worker.on('error', (thrown) => {
      fault = new MeshError('failed', 'the hashing thread broke', { cause: thrown });
    });
    this.#worker.on('exit', () => {
      for (const { reject } of this.#batch) reject(fault);
      this.#batch = [];
      events.gone();
    });
  }

  get isIdle(): boolean {
    return this.#batch.length === 0;
  }

  take(batch: readonly Waiting[]): void {
    this.#batch = batch;
    this.#worker.ref();
    this.#worker.postMessage(batch.map(({ id, descriptor, size }): HashJob => ({ id, descriptor, size })));
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function settle(waiting: Waiting, answer: HashAnswer): void {
  invariant(waiting.id === answer.id, 'a batch is answered in its order');
  if ('error' in answer) {
    waiting.reject(new MeshError('failed', `cannot read a file to hash it: ${answer.error}`));
  } else {
    const { hash, size, scheme, manifest, rows } = answer;
    const id = { scheme, hash: manifest as ContentHash };
    waiting.resolve({ hash: hash as ContentHash, size, manifest: id, ...(rows && { rows }) });
  }
}

function closed(): MeshError {
  return new MeshError('failed', 'the hasher is closed');
}
