import type { ContentHash } from '../core/ids.ts';
import { giveBackTail } from '../wire/tail-memory.ts';
import type { RunningHash, Sink } from './transfer.ts';

/** Read at a time from what an earlier try left. */
const RESUME_BYTES = 1024 * 1024;

/** Puts pieces that come in any order into a sink in order, and hashes them. Holds what came too early. */
export class InOrder {
  readonly #sink: Pick<Sink, 'write' | 'left'>;
  readonly #newHash: () => RunningHash;
  #hash: RunningHash;
  /** Pieces beyond `next`, by offset; the fetch bounds how far ahead they may be. */
  readonly #early = new Map<number, Uint8Array>();
  #next: number;
  #writing: Promise<void> = Promise.resolve();

  /** `from`: the byte it begins with; then `finish` tells the hash of those that came. */
  constructor(sink: Pick<Sink, 'write' | 'left'>, newHash: () => RunningHash, from = 0) {
    this.#next = from;
    this.#sink = sink;
    this.#newHash = newHash;
    this.#hash = newHash();
  }

  /** Bytes written from the start without a gap. */
  get bytes(): number {
    return this.#next;
  }

  /** Begins behind what an earlier try left in the sink. `each`: told of the bytes read so far; what it throws ends it. */
  async resume(each: (bytes: number) => void): Promise<void> {
    const { left } = this.#sink;
    while (left !== undefined && this.#next < left.bytes) {
      const bytes = await left.read(this.#next, Math.min(RESUME_BYTES, left.bytes - this.#next));
      if (bytes.length === 0) break;
      this.adopt(bytes);
      each(this.#next);
    }
  }

  /** The next bytes, which are in the sink already. */
  adopt(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#next += bytes.length;
  }

  /** Resolves when the piece is in the sink, or held for later. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset !== this.#next) {
      this.#early.set(offset, bytes);
      return Promise.resolve();
    }
    this.#append(bytes);
    for (let early = this.#early.get(this.#next); early !== undefined; early = this.#early.get(this.#next)) {
      this.#early.delete(this.#next);
      this.#append(early);
    }
    return this.#writing;
  }

  /** Before another fetch goes on from `bytes`: what was held is forgotten. */
  forgetEarly(): void {
    this.#early.clear();
  }

  /** Before the content is fetched anew from its first byte. */
  startAgain(): void {
    this.#early.clear();
    this.#next = 0;
    this.#hash = this.#newHash();
  }

  /** The hash of all bytes; call once, when all are there. */
  async finish(): Promise<ContentHash> {
    await this.#writing;
    return this.#hash.hex();
  }

  #append(bytes: Uint8Array): void {
    const offset = this.#next;
    this.#next += bytes.length;
    this.#hash.update(bytes);
    const written = this.#writing.then(() => this.#sink.write(offset, bytes)).then(() => giveBackTail(bytes));
    // Told to whoever waits for `write` or `finish`; kept here so that it is not taken for unheard meanwhile.
    written.catch(() => undefined);
    this.#writing = written;
  }
}
