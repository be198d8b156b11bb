import { asMeshError, MeshError } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import { hasRun, rangeOfRun } from '../core/striping.ts';
import type { StageFile } from '../platform/disk.ts';
import type { LentChunk } from '../platform/hasher.ts';
import { openNoted } from './copying.ts';
import type { Copy } from './face.ts';
import type { Room } from './room.ts';
import { type HeldRuns, keyOf, placeOfRun } from './runs-table.ts';

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

  read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array> {
    return this.#use(async () => {
      const end = Math.min(offset + length, this.size);
      const bytes = memory?.subarray(0, Math.max(0, end - offset)) ?? new Uint8Array(Math.max(0, end - offset));
      for (let at = offset; at < end; ) at += await this.#readRun(at, bytes.subarray(at - offset));
      return bytes;
    });
  }

  /** Each lies in one run. */
  copyTo(target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]> {
    return this.#use(async () => {
      const wrong: number[] = [];
      for (let at = 0; at < chunks.length; ) {
        const { run, range } = this.#runAt(chunks[at]?.from ?? 0);
        const of = chunks.slice(at).findIndex(({ from }) => from < range.offset || from >= range.offset + range.length);
        const some = chunks.slice(at, of < 0 ? chunks.length : at + of);
        const inRun = some.map((chunk) => ({ ...chunk, from: chunk.from - range.offset }));
        const found = await this.#ofRun(run, range, (copy) => copy.copyTo(target, inRun));
        for (const index of found) wrong.push(at + index);
        at += some.length;
      }
      return wrong;
    });
  }

  async #use<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#room.belief.assert();
    if (this.#isClosed) throw new MeshError('gone', 'these runs are not open any more');
    this.#reading += 1;
    try {
      return await act();
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
    const { run, range } = this.#runAt(offset);
    const count = Math.min(into.length, range.offset + range.length - offset);
    return await this.#ofRun(run, range, async (copy) => {
      const got = await copy.read(offset - range.offset, count, into.subarray(0, count));
      if (got.length !== count) throw new MeshError('changed', 'a run is shorter than it was');
      if (got.buffer !== into.buffer || got.byteOffset !== into.byteOffset) into.set(got);
      return count;
    });
  }

  #runAt(offset: number): { run: number; range: Range } {
    const { ends } = this.#held;
    const run = ends.findIndex((end) => end > offset);
    const held = this.#room.runs.at(keyOf(this.#held));
    if (held === undefined || !hasRun(held.mask, run)) throw new MeshError('gone', 'that run is not held here');
    return { run, range: rangeOfRun(ends, run) };
  }

  async #ofRun<Result>(run: number, range: Range, use: (copy: Copy) => Promise<Result>): Promise<Result> {
    try {
      return await use(await this.#copyOf(run));
    } catch (thrown) {
      const { code } = asMeshError(thrown);
      if (code === 'gone' || code === 'changed' || (code === 'failed' && !this.#isClosed)) this.#doubt(range);
      throw thrown;
    }
  }

  #copyOf(run: number): Promise<Copy> {
    const copy = this.#open.get(run) ?? openNoted(this.#room, { disk: placeOfRun(keyOf(this.#held), run) });
    this.#open.set(run, copy);
    copy.catch(() => this.#open.delete(run));
    return copy;
  }
}
