import type { ContentHash } from '../../core/ids.ts';
import type { Range } from '../../core/range.ts';
import type { ProvedChunk, Proving } from '../hasher.ts';
import { isBehind, wholeOf, wrongOf } from './hash-answers.ts';
import { type HasherThread, hasherClosed } from './hasher-thread.ts';

/** A file whose chunks are checked as they come, in one thread. */
export class ProvingFile implements Proving {
  readonly #thread: HasherThread;
  readonly #file: number;
  readonly #descriptor: number;
  readonly #over: () => void;
  /** Told with the next order. */
  #known: Range[] = [];
  #isKeepingUp = false;
  #isOver = false;

  /** `file`: a number of its own in this process. `over`: called once, when the descriptor is not read any more. */
  constructor(thread: HasherThread, file: number, descriptor: number, over: () => void) {
    this.#thread = thread;
    this.#file = file;
    this.#descriptor = descriptor;
    this.#over = over;
    thread.followed += 1;
  }

  async check(chunks: readonly ProvedChunk[]): Promise<readonly number[]> {
    if (this.#isOver) throw hasherClosed();
    if (chunks.length === 0) return [];
    if (this.#known.length > 0) this.#prove().catch(() => undefined);
    const hashes = Buffer.concat(chunks.map(({ hash }) => hash));
    const ranges = chunks.map(({ offset, length }) => ({ offset, length }));
    const [told] = await this.#thread.do({ kind: 'check', ...this.#names, chunks: ranges, hashes });
    return wrongOf(told);
  }

  trust(range: Range): void {
    this.#known.push(range);
    if (!this.#isKeepingUp) this.#keepUp().catch(() => undefined);
  }

  /** What is trusted goes into the whole hash when it is its turn, so that little is left to be read at the end. */
  async #keepUp(): Promise<void> {
    this.#isKeepingUp = true;
    // A thread that broke is told by `finish`.
    while (!this.#isOver && (isBehind(await this.#prove()) || this.#known.length > 0)) {}
    this.#isKeepingUp = false;
  }

  async finish(size: number): Promise<ContentHash | undefined> {
    if (this.#isOver) throw hasherClosed();
    this.#isOver = true;
    try {
      // What is left to be read may be nearly all of it, and others wait for this thread: one order takes on little.
      while (isBehind(await this.#prove())) {}
      return wholeOf(await this.#prove(size));
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

  async #prove(size?: number) {
    const order = { kind: 'prove', ...this.#names, known: this.#takeKnown(), ...(size !== undefined && { size }) } as const;
    return (await this.#thread.do(order))[0];
  }

  get #names() {
    return { file: this.#file, descriptor: this.#descriptor };
  }

  #takeKnown(): Range[] {
    const known = this.#known;
    this.#known = [];
    return known;
  }

  #leave(): void {
    this.#thread.followed -= 1;
    this.#over();
  }
}
