import { CHUNKING_SCHEME, type ManifestRow } from '../core/chunking.ts';
import { invariant } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { DiskPath, OpenFile } from '../platform/disk.ts';
import type { ProvedChunk, Proving } from '../platform/hasher.ts';
import { ChunkSet } from './chunk-set.ts';
import type { Cut } from './face.ts';
import type { Room } from './room.ts';
import type { Digested } from './staged-digest.ts';

/** The chunks of a staged content, each proved by its hash as soon as it is there, in whatever order they come. */
export class StagedChunks {
  readonly cut: Cut;
  readonly #room: Room;
  readonly #place: DiskPath;
  readonly #right: ChunkSet;
  #opened: Promise<{ readonly file: OpenFile; readonly proving: Proving }> | undefined;
  /** Told to the hasher once it is asked. */
  #known: Range[] = [];
  /** Of each check under way, the chunks that were written over since it began. */
  readonly #checks = new Set<{ readonly chunks: Set<number>; readonly over: Set<number> }>();
  /** Bytes that were proved may have been written over. */
  #isSpoilt = false;
  #isOver = false;

  /** `noted`: chunks that were right and durable before this start of the program. */
  constructor(room: Room, place: DiskPath, cut: Cut, noted: Uint8Array | undefined) {
    this.#room = room;
    this.#place = place;
    this.cut = cut;
    this.#right = new ChunkSet(cut.rows, noted);
    this.#known = this.#right.ranges();
  }

  /** Bytes from the start that are right, without a gap. */
  get have(): number {
    return this.#right.firstGap;
  }

  get rightCount(): number {
    return this.#right.count;
  }

  /** One bit a chunk. */
  bitmap(): Uint8Array {
    return this.#right.bitmap();
  }

  missing(): Range[] {
    return this.#right.missing();
  }

  /** Those that lie whole before `end`, and are not known to be right. */
  uncheckedBefore(end: number): number[] {
    return this.#right.wholeIn({ offset: 0, length: end }).filter((chunk) => !this.#right.has(chunk));
  }

  /** Call before and after a write. */
  touched(offset: number, length: number): void {
    for (const chunk of this.#right.touching({ offset, length })) {
      let wasChecking = false;
      for (const check of this.#checks) {
        if (!check.chunks.has(chunk)) continue;
        check.over.add(chunk);
        wasChecking = true;
      }
      if (this.#right.remove(chunk) || wasChecking) this.#isSpoilt = true;
    }
  }

  /** Proves chunks that lie there whole; gives the wrong ones. */
  async check(chunks: readonly number[]): Promise<readonly number[]> {
    const asked = chunks.filter((chunk) => !this.#right.has(chunk));
    if (asked.length === 0) return [];
    const { proving } = await this.#open();
    const check = { chunks: new Set(asked), over: new Set<number>() };
    this.#checks.add(check);
    try {
      const wrong = new Set((await proving.check(asked.map((chunk) => this.#proved(chunk)))).map((at) => asked[at]));
      // Written over meanwhile: then it is not known to be right.
      for (const chunk of asked) if (!check.over.has(chunk) && !wrong.has(chunk)) this.#right.add(chunk);
    } finally {
      this.#checks.delete(check);
    }
    return asked.filter((chunk) => !this.#right.has(chunk));
  }

  /** When all are right. Undefined: the file is to be read as a whole. */
  async finish(size: number): Promise<Digested | undefined> {
    if (this.#isOver || this.#isSpoilt || this.have !== size) {
      await this.drop();
      return undefined;
    }
    const { file, proving } = await this.#open();
    this.#isOver = true;
    try {
      const hash = await proving.finish(size);
      if (hash === undefined) return undefined;
      const { manifest: rows, manifestHash } = this.cut;
      return {
        digest: { hash, size, manifest: { scheme: CHUNKING_SCHEME, hash: manifestHash }, rows },
        stat: await file.restat(),
      };
    } finally {
      await file.close();
    }
  }

  /** True: some of what was proved is not what lies there. */
  get isSpoilt(): boolean {
    return this.#isSpoilt;
  }

  async drop(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const opened = await this.#opened?.catch(() => undefined);
    opened?.proving.drop();
    await opened?.file.close();
  }

  #open(): Promise<{ readonly file: OpenFile; readonly proving: Proving }> {
    invariant(!this.#isOver, 'chunks are proved before the end');
    this.#opened ??= this.#openNow();
    return this.#opened;
  }

  async #openNow() {
    const file = await this.#room.options.disk.open(this.#place);
    const proving = this.#room.options.hasher.prove(file);
    for (const range of this.#known) proving.trust(range);
    return { file, proving };
  }

  #proved(chunk: number): ProvedChunk {
    return { ...this.#right.rangeOf(chunk), hash: (this.cut.rows[chunk] as ManifestRow).hash };
  }
}
