import { ChunkList } from '../core/chunk-list.ts';
import { asMeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { overlaps, type Range } from '../core/range.ts';
import { rangeOfRun, runsIn } from '../core/striping.ts';
import type { OpenFile } from '../platform/disk.ts';
import { canBeRead, openUnlessBad } from './copying.ts';
import type { Room } from './room.ts';
import type { Striped } from './runs.ts';
import { keyOf, placeOfRun } from './runs-table.ts';

interface Slice {
  readonly room: Room;
  /** Of a content of which runs lie here. */
  readonly manifest: (hash: ContentHash, path: FilePath) => Promise<Uint8Array | undefined>;
  /** Sets runs aside, and tells that they are not held. */
  readonly lose: (key: ContentHash, runs: readonly number[]) => Promise<void>;
}

/** Looks whether runs that lie here are still right. */
export class RunsProof {
  readonly #slice: Slice;
  readonly #verifying = new Map<string, Promise<boolean>>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * Hashes the runs of a content anew, all or those with bytes of `range`. Each that is wrong or missing is set aside and told
   * as not held at once: nobody reads it while the others are looked at. False when one was, or none lies here.
   */
  verify(path: FilePath, hash: ContentHash, range?: Range): Promise<boolean> {
    return range === undefined ? this.#once(`${hash}/${path}`, () => this.#verify(path, hash)) : this.#verify(path, hash, range);
  }

  /** A read found one missing or cut short. Where one run went, others may have gone too. */
  doubt(path: FilePath, hash: ContentHash, range: Range): void {
    this.#slice.room.spawn('looking at runs', async () => {
      if (!(await this.verify(path, hash, range))) await this.verify(path, hash);
    });
  }

  /** Holds the chunks of a run's file against the manifest; closes it. */
  async isRight(file: OpenFile, { ends, chunks: all }: Striped, run: number): Promise<boolean> {
    try {
      const { offset, length } = rangeOfRun(ends, run);
      const { chunks } = all.within(offset, offset + length);
      if (file.stat.size !== length) return false;
      const hashes = await this.#hashesOf(
        file,
        Array.from(chunks.ends, (_, chunk) => chunks.length(chunk)),
      );
      if (hashes === undefined) return false;
      const wanted = Buffer.concat(Array.from(chunks.ends, (_, chunk) => chunks.hash(chunk)));
      return wanted.equals(hashes);
    } finally {
      await file.close();
    }
  }

  /** Undefined: the disk cannot read it, tried twice. */
  async #hashesOf(file: OpenFile, lengths: readonly number[]): Promise<Uint8Array | undefined> {
    try {
      return await this.#slice.room.options.hasher.hashPieces(file, [...lengths]);
    } catch (thrown) {
      if (await canBeRead(file)) throw thrown;
      return undefined;
    }
  }

  async #verify(path: FilePath, hash: ContentHash, range?: Range): Promise<boolean> {
    const { room } = this.#slice;
    room.assertOpen();
    const held = room.runs.heldFor(path, hash);
    const manifest = await this.#slice.manifest(hash, path);
    if (held === undefined || manifest === undefined) return false;
    const striped = { ...held, chunks: ChunkList.of(manifest, held.size), manifest };
    const looked: boolean[] = [];
    for (const run of runsIn(held.mask)) {
      const isMeant = range === undefined || overlaps(rangeOfRun(held.ends, run), range);
      if (isMeant) looked.push(await this.#verifyRun(striped, run));
    }
    return looked.length > 0 && !looked.includes(false);
  }

  #verifyRun(striped: Striped, run: number): Promise<boolean> {
    return this.#once(`${keyOf(striped)}/${run}`, async () => {
      const isRight = await this.#isRunRight(striped, run);
      if (!isRight) await this.#slice.lose(keyOf(striped), [run]);
      return isRight;
    });
  }

  async #isRunRight(striped: Striped, run: number): Promise<boolean> {
    try {
      const file = await openUnlessBad(this.#slice.room, placeOfRun(keyOf(striped), run));
      return file !== undefined && (await this.isRight(file, striped, run));
    } catch (thrown) {
      if (asMeshError(thrown).code === 'gone') return false;
      throw thrown;
    }
  }

  /** Many may doubt the same at once: it is read once for all. */
  #once(key: string, look: () => Promise<boolean>): Promise<boolean> {
    const verifying = this.#verifying.get(key) ?? look().finally(() => this.#verifying.delete(key));
    this.#verifying.set(key, verifying);
    return verifying;
  }
}
