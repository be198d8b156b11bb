import { invariant } from '../../core/errors.ts';
import type { Digest, Following } from '../hasher.ts';
import { digestOf } from './hash-answers.ts';
import { type HasherThread, hasherClosed } from './hasher-thread.ts';
import type { HashJob } from './hasher-worker.ts';

/** What one order may take on, in bytes: another file's turn comes after some 10 ms. */
export const STRIDE_BYTES_MAX = 8 * 1024 * 1024;

/** A pass behind whoever writes the file, in one thread. */
export class FollowingDigest implements Following {
  readonly #thread: HasherThread;
  readonly #file: number;
  /** What it is like is told once. */
  #job: HashJob;
  readonly #over: () => void;
  #end = 0;
  #ordered = 0;
  #running: Promise<unknown> | undefined;
  #isOver = false;

  /** `file`: a number of its own in this process. `over`: called once, when the descriptor is not read any more. */
  constructor(thread: HasherThread, file: number, job: HashJob, over: () => void) {
    this.#thread = thread;
    this.#file = file;
    this.#job = job;
    this.#over = over;
    thread.followed += 1;
  }

  reach(end: number): void {
    invariant(end >= this.#end, 'what was reached stays');
    this.#end = end;
    this.#goOn();
  }

  /** `end`: the last order goes up to there, or to the end of the file as it is then. */
  async finish(end = this.#end): Promise<Digest> {
    if (this.#isOver) throw hasherClosed();
    this.#isOver = true;
    try {
      await this.#running;
      while (this.#ordered < this.#end) await this.#stride();
      const [told] = await this.#order(end, true);
      return digestOf(told);
    } finally {
      this.#leave();
    }
  }

  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const dropped = this.#thread.do({ kind: 'drop', file: this.#file });
    dropped.catch(() => undefined).finally(() => this.#leave());
  }

  /** One order at a time: what was written meanwhile goes with the next. */
  #goOn(): void {
    if (this.#running !== undefined || this.#isOver || this.#ordered >= this.#end) return;
    // A thread that broke is told by `finish`.
    this.#running = this.#stride()
      .catch(() => undefined)
      .then(() => {
        this.#running = undefined;
        this.#goOn();
      });
  }

  #stride() {
    this.#ordered = Math.min(this.#end, this.#ordered + STRIDE_BYTES_MAX);
    return this.#order(this.#ordered, false);
  }

  #order(end: number, isLast: boolean) {
    const job = this.#job;
    this.#job = { descriptor: job.descriptor, size: job.size };
    return this.#thread.do({ kind: 'follow', file: this.#file, job, end, isLast });
  }

  #leave(): void {
    this.#thread.followed -= 1;
    this.#over();
  }
}
