import { ChunkList } from '../core/chunk-list.ts';
import { MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { hasRun, rangeOfRun } from '../core/striping.ts';
import type { Copies } from './copies.ts';
import type { Copy, Staging } from './face.ts';
import { type Lender, Lenders } from './lenders.ts';
import type { Room } from './room.ts';
import type { Runs, Striped } from './runs.ts';
import { ONCE_PREFIX } from './stagings.ts';
import { WantedChunks } from './wanted-chunks.ts';

/** No name: what lends is found by its chunks alone. */
const ANY_NAME = '' as FilePath;
/** Who waits for an answer waits at most so long more: what is not made by then is sent. Below the deadline of a call. */
const MAKING_MS_MAX = 4_000;
/** Copied at a time. */
const PIECE_BYTES = 1024 * 1024;

/** What lies here of a content that is to come in runs, in other contents. */
export class LentRuns {
  readonly #room: Room;
  readonly #lenders: Lenders;
  readonly #runs: Runs;
  readonly #stage: (name: string, size: number) => Promise<Staging>;

  constructor(room: Room, copies: Copies, runs: Runs, stage: (name: string, size: number) => Promise<Staging>) {
    this.#room = room;
    this.#lenders = new Lenders(room, copies);
    this.#runs = runs;
    this.#stage = stage;
  }

  /**
   * Keeps, for no name yet, the runs all of whose chunks lie here in other contents: of one of which a few bytes changed all
   * others. Proved and durable when it resolves. What cannot be had so is left out.
   */
  async make(striped: Striped): Promise<void> {
    const { hash, manifest, size, chunks } = striped;
    const bytesMin = this.#room.options.config.chunkedBytesMin ?? MANIFEST_FILE_BYTES_MIN;
    if (size < bytesMin || this.#room.kept.count === 0) return;
    const untilMs = this.#room.options.clock.now() + MAKING_MS_MAX;
    const wanted = new WantedChunks(chunks, [{ offset: 0, length: size }]);
    for (const lender of this.#lenders.find(ANY_NAME, hash, manifest, wanted.keys())) {
      try {
        await this.#makeFrom(lender, wanted, striped, untilMs);
      } catch (thrown) {
        this.#room.options.log.debug('runs could not be made of what lies here', { hash, reason: asMeshError(thrown).message });
      }
    }
  }

  async #makeFrom(lender: Lender, wanted: WantedChunks, striped: Striped, untilMs: number): Promise<void> {
    const manifest = await lender.manifest();
    if (manifest === undefined) return;
    const places = new Map<number, number>();
    const pause = () => this.#room.pause();
    for await (const some of wanted.lentBy(ChunkList.of(manifest, lender.size), lender, PIECE_BYTES, pause))
      for (const { chunk, from } of some) places.set(chunk, from);
    let copy: Copy | undefined;
    try {
      for (const run of striped.ends.keys()) {
        if (this.#room.options.clock.now() >= untilMs) return;
        const parts = this.#partsOf(striped, run, places);
        if (parts === undefined || hasRun(this.#runs.lying(striped.hash, striped.manifestHash), run)) continue;
        copy ??= await lender.open();
        await this.#makeRun(striped, run, copy, parts);
      }
    } finally {
      await copy?.close();
    }
  }

  /** Where the bytes of a run lie, in order; undefined when some do not. */
  #partsOf(striped: Striped, run: number, places: ReadonlyMap<number, number>): Range[] | undefined {
    const { offset, length } = rangeOfRun(striped.ends, run);
    const { first, chunks } = striped.chunks.within(offset, offset + length);
    const parts: { offset: number; length: number }[] = [];
    for (let index = 0; index < chunks.count; index++) {
      const from = places.get(first + index);
      const last = parts.at(-1);
      if (from === undefined) return undefined;
      if (last !== undefined && last.offset + last.length === from) last.length += chunks.length(index);
      else parts.push({ offset: from, length: chunks.length(index) });
    }
    return parts;
  }

  async #makeRun(striped: Striped, run: number, copy: Copy, parts: readonly Range[]): Promise<void> {
    const staging = await this.#stage(
      `${ONCE_PREFIX}lent-${striped.hash.slice(0, 32)}-${run}`,
      rangeOfRun(striped.ends, run).length,
    );
    try {
      let written = 0;
      for (const { offset, length } of parts) {
        for (let at = 0; at < length; at += PIECE_BYTES) {
          const bytes = await copy.read(offset + at, Math.min(PIECE_BYTES, length - at));
          await staging.write(written, bytes);
          written += bytes.length;
        }
      }
    } catch (thrown) {
      await staging.discard();
      throw thrown;
    }
    await this.#runs.keepLoose(striped, run, staging);
  }
}
