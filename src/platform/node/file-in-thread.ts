import { type HasherThread, hasherClosed } from './hasher-thread.ts';
import type { HashAnswer, HashOrder } from './hasher-worker.ts';

/**
 * One file that a hashing thread is in the middle of: what it knows of it is nowhere else. It ends with the last orders, or when
 * the file is dropped; whatever is asked later is refused.
 */
export class FileInThread {
  /** A number of its own in this process, which the thread knows the file by. */
  readonly file: number;
  readonly #thread: HasherThread;
  readonly #over: () => void;
  #isOver = false;

  /** `over`: called once, when its descriptor is not read any more. */
  constructor(thread: HasherThread, file: number, over: () => void) {
    this.file = file;
    this.#thread = thread;
    this.#over = over;
    thread.followed += 1;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  do(order: HashOrder): Promise<HashAnswer> {
    return this.#thread.do(order);
  }

  /** What the last orders give. Rejects when it was over before. */
  async end<Result>(lastOrders: () => Promise<Result>): Promise<Result> {
    if (this.#isOver) throw hasherClosed();
    this.#isOver = true;
    try {
      return await lastOrders();
    } finally {
      this.#leave();
    }
  }

  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const dropped = this.#thread.do({ kind: 'drop', file: this.file });
    dropped.catch(() => undefined).finally(() => this.#leave());
  }

  #leave(): void {
    this.#thread.followed -= 1;
    this.#over();
  }
}
