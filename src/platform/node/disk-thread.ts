import type { Worker } from 'node:worker_threads';
import { MeshError } from '../../core/errors.ts';
import type { ActAnswer, ActOrder } from './disk-worker.ts';
import { blocksOf } from './moved-blocks.ts';
import { startWorker } from './worker-thread.ts';

interface Waiting {
  resolve(given: unknown): void;
  reject(thrown: unknown): void;
}

/** One thread that does acts on one folder. What is asked in one turn goes in one message. */
export class DiskThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #orders: ActOrder[] = [];
  #blocks: ArrayBuffer[] = [];
  hasAnswered = false;

  /** `gone`: it ended, by itself or not, and takes nothing more. */
  constructor(root: string, events: { idle(): void; gone(): void }) {
    this.#worker = startWorker('disk-worker', root);
    this.#worker.on('message', (answers: readonly ActAnswer[]) => {
      this.hasAnswered = true;
      for (const answer of answers) this.#settle(answer);
      if (this.#waiting.size > 0) return;
      // Only a thread at work keeps the process alive.
      this.#worker.unref();
      events.idle();
    });
    let fault = new MeshError('failed', 'the thread of the disk ended');
    this.#worker.on('error', (thrown) => {
      fault = new MeshError('failed', 'the thread of the disk broke', { cause: thrown });
    });
    this.#worker.on('exit', () => {
      events.gone();
      for (const { reject } of this.#waiting.values()) reject(fault);
      this.#waiting.clear();
    });
  }

  /** The bytes of what is to be staged are the thread's from then on. */
  do(act: ActOrder['act'], asked: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      this.#orders.push({ id, act, asked });
      if (act === 'stageMany') this.#blocks.push(...blocksOf(asked[0] as readonly unknown[]));
      if (this.#orders.length > 1) return;
      setImmediate(() => {
        this.#worker.postMessage(this.#orders, this.#blocks);
        this.#orders = [];
        this.#blocks = [];
      });
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: ActAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('code' in answer) waiting?.reject(new MeshError(answer.code, answer.message));
    else waiting?.resolve(answer.given);
  }
}
