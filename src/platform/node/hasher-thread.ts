import type { Worker } from 'node:worker_threads';
import { MeshError } from '../../core/errors.ts';
import type { HashAnswer, HashOrder } from './hasher-worker.ts';
import { startWorker } from './worker-thread.ts';

interface Waiting {
  resolve(answer: HashAnswer): void;
  reject(thrown: Error): void;
}

/** One thread that hashes. It does its orders one after another. */
export class HasherThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  /** Files it is in the middle of: what it knows of them is nowhere else. */
  followed = 0;

  constructor(events: { idle(): void; gone(): void }) {
    this.#worker = startWorker('hasher-worker');
    this.#worker.unref();
    this.#worker.on('message', (answer: HashAnswer) => {
      const first = this.#waiting.shift();
      // Only a thread at work keeps the process alive.
      if (this.#waiting.length === 0) this.#worker.unref();
      first?.resolve(answer);
      if (this.#waiting.length === 0) events.idle();
    });
    let fault = hasherClosed();
    this.#worker.on('error', (thrown) => {
      fault = new MeshError('failed', 'the hashing thread broke', { cause: thrown });
    });
    this.#worker.on('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(fault);
      events.gone();
    });
  }

  /** Orders that are not done. */
  get busy(): number {
    return this.#waiting.length;
  }

  do(order: HashOrder): Promise<HashAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(order);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

export function hasherClosed(): MeshError {
  return new MeshError('failed', 'the hasher is closed');
}
