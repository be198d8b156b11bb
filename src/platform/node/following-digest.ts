import { invariant } from '../../core/errors.ts';
import type { Digest, Following } from '../hasher.ts';
import type { FileInThread } from './file-in-thread.ts';
import { digestOf } from './hash-answers.ts';
import type { HashJob } from './hasher-worker.ts';

/** What one order may take on, in bytes: another file's turn comes after some 10 ms. */
export const STRIDE_BYTES_MAX = 8 * 1024 * 1024;

/** A pass behind whoever writes the file, in one thread. */
export class FollowingDigest implements Following {
  readonly #file: FileInThread;
  /** What it is like is told once. */
  #job: HashJob;
  #end = 0;
  #ordered = 0;
  #running: Promise<unknown> | undefined;

  constructor(file: FileInThread, job: HashJob) {
    this.#file = file;
    this.#job = job;
  }

  reach(end: number): void {
    invariant(end >= this.#end, 'what was reached stays');
    this.#end = end;
    this.#goOn();
  }

  /** `end`: the last order goes up to there, or to the end of the file as it is then. */
  finish(end = this.#end): Promise<Digest> {
    return this.#file.end(async () => {
      await this.#running;
      while (this.#ordered < this.#end) await this.#stride();
      const [told] = await this.#order(end, true);
      return digestOf(told);
    });
  }

  drop(): void {
    this.#file.drop();
  }

  /** One order at a time: what was written meanwhile goes with the next. */
  #goOn(): void {
    if (this.#running !== undefined || this.#file.isOver || this.#ordered >= this.#end) return;
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
    return this.#file.do({ kind: 'follow', file: this.#file.file, job, end, isLast });
  }
}
