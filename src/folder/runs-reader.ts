import { asMeshError, MeshError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import { hasRun, rangeOfRun } from '../core/striping.ts';
import { openNoted } from './copying.ts';
import type { Copy } from './face.ts';
import type { Room } from './room.ts';
import { type HeldRuns, placeOfRun } from './runs-table.ts';

/** The runs held of one content, read by the offsets of the whole. */
export class RunsReader implements Copy {
  readonly size: number;
  readonly #room: Room;
  readonly #held: HeldRuns;
  readonly #doubt: (range: Range) => void;
  readonly #open = new Map<number, Promise<Copy>>();
  #reading = 0;
  #isClosed = false;

  constructor(room: Room, held: HeldRuns, doubt: (range: Range) => void) {
    this.#room = room;
    this.#held = held;
    this.#doubt = doubt;
    this.size = held.size;
  }

  async read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array> {
    this.#room.belief.assert();
    if (this.#isClosed) throw new MeshError('gone', 'these runs are not open any more');
    this.#reading += 1;
    try {
      const end = Math.min(offset + length, this.size);
      const bytes = memory?.subarray(0, Math.max(0, end - offset)) ?? new Uint8Array(Math.max(0, end - offset));
      for (let at = offset; at < end; ) at += await this.#readRun(at, bytes.subarray(at - offset));
      return bytes;
    } finally {
      this.#reading -= 1;
      if (this.#isClosed) await this.close();
    }
  }

  /** Reads under way go on to their end: the last of them closes what it opened. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#reading > 0) return;
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const copy of open) await copy.then((one) => one.close()).catch(() => undefined); // One that never opened has nothing to close.
  }

  /** Fills `into` with bytes at `offset` of the run that has them, as far as it goes. */
  async #readRun(offset: number, into: Uint8Array): Promise<number> {
    const { hash, ends } = this.#held;
    const run = ends.findIndex((end) => end > offset);
    const held = this.#room.runs.of(hash);
    if (held === undefined || !hasRun(held.mask, run)) throw new MeshError('gone', 'that run is not held here');
    const range = rangeOfRun(ends, run);
    const count = Math.min(into.length, range.offset + range.length - offset);
    try {
      const copy = await this.#copyOf(run);
      const got = await copy.read(offset - range.offset, count, into.subarray(0, count));
      if (got.length !== count) throw new MeshError('changed', 'a run is shorter than it was');
      if (got.buffer !== into.buffer || got.byteOffset !== into.byteOffset) into.set(got);
      return count;
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code === 'gone' || code === 'changed') this.#doubt(range);
      throw thrown;
    }
  }

  #copyOf(run: number): Promise<Copy> {
    const copy = this.#open.get(run) ?? openNoted(this.#room, { disk: placeOfRun(this.#held.hash, run) });
    this.#open.set(run, copy);
    copy.catch(() => this.#open.delete(run));
    return copy;
  }
}
