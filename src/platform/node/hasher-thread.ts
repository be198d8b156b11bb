import type { Worker } from 'node:worker_threads';
import { MeshError } from '../../core/errors.ts';
import type { HashAnswer, HashOrder } from './hasher-worker.ts';
import { startWorker } from './worker-thread.ts';

interface Waiting {
  readonly isDigest: boolean;
  resolve(answer: HashAnswer): void;
  reject(thrown: Error): void;
}

/** One thread that hashes. It does its orders one after another. */
export class HasherThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  /** Files it is in the middle of: what it knows of them is nowhere else. */
  followed = 0;
  /** Why it ended, once it did: then nobody answers any more. */
  #ended: MeshError | undefined;
  #digesting = 0;

  constructor(events: { idle(): void; gone(): void }) {
    this.#worker = startWorker('hasher-worker');
    this.#worker.unref();
    this.#worker.on('message', (answer: HashAnswer) => {
      const first = this.#waiting.shift();
      // Only a thread at work keeps the process alive.
      if (this.#waiting.length === 0) this.#worker.unref();
      if (first?.isDigest === true) this.#digesting -= 1;
      first?.resolve(answer);
      if (!this.isDigesting) events.idle();
    });
    let fault = hasherClosed();
    this.#worker.on('error', (thrown) => {
      fault = new MeshError('failed', 'the hashing thread broke', { cause: thrown });
    });
    this.#worker.on('exit', () => {
      this.#ended = fault;
      for (const { reject } of this.#waiting.splice(0)) reject(fault);
      events.gone();
    });
  }

  /** True while whole files are hashed. Those that follow others go in between: they end only with their transfers. */
  get isDigesting(): boolean {
    return this.#digesting > 0;
  }

  /** Orders that are not done. */
  get busy(): number {
    return this.#waiting.length;
  }

  do(order: HashOrder): Promise<HashAnswer> {
    const isDigest = order.kind === 'digest' || order.kind === 'pieces';
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (isDigest) this.#digesting += 1;
      this.#waiting.push({ isDigest, resolve, reject });
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
