import type { ContentHash } from '../../core/ids.ts';
import type { Range } from '../../core/range.ts';
import type { ProvedChunk, Proving } from '../hasher.ts';
import type { FileInThread } from './file-in-thread.ts';
import { isBehind, wholeOf, wrongOf } from './hash-answers.ts';
import { hasherClosed } from './hasher-thread.ts';

/** A file whose chunks are checked as they come, in one thread. */
export class ProvingFile implements Proving {
  readonly #file: FileInThread;
  readonly #descriptor: number;
  /** Told with the next order. */
  #known: Range[] = [];
  #isKeepingUp = false;

  constructor(file: FileInThread, descriptor: number) {
    this.#file = file;
    this.#descriptor = descriptor;
  }

  async check(chunks: readonly ProvedChunk[]): Promise<readonly number[]> {
    if (this.#file.isOver) throw hasherClosed();
    if (chunks.length === 0) return [];
    if (this.#known.length > 0) this.#prove().catch(() => undefined);
    const hashes = Buffer.concat(chunks.map(({ hash }) => hash));
    const ranges = chunks.map(({ offset, length }) => ({ offset, length }));
    const [told] = await this.#file.do({ kind: 'check', ...this.#names, chunks: ranges, hashes });
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
    while (!this.#file.isOver && (isBehind(await this.#prove()) || this.#known.length > 0)) {}
    this.#isKeepingUp = false;
  }

  finish(size: number): Promise<ContentHash | undefined> {
    return this.#file.end(async () => {
      // What is left to be read may be nearly all of it, and others wait for this thread: one order takes on little.
      while (isBehind(await this.#prove())) {}
      return wholeOf(await this.#prove(size));
    });
  }

  drop(): void {
    this.#file.drop();
  }

  async #prove(size?: number) {
    const order = { kind: 'prove', ...this.#names, known: this.#takeKnown(), ...(size !== undefined && { size }) } as const;
    return (await this.#file.do(order))[0];
  }

  get #names() {
    return { file: this.#file.file, descriptor: this.#descriptor };
  }

  #takeKnown(): Range[] {
    const known = this.#known;
    this.#known = [];
    return known;
  }
}
