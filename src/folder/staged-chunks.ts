import { CHUNKING_SCHEME } from '../core/chunking.ts';
import { invariant } from '../core/errors.ts';
import type { Range } from '../core/range.ts';
import type { DiskPath, OpenFile, StageFile } from '../platform/disk.ts';
import type { ProvedChunk, Proving } from '../platform/hasher.ts';
import { ChunkSet } from './chunk-set.ts';
import type { Copy, Cut } from './face.ts';
import type { Room } from './room.ts';
import type { Digested } from './staged-digest.ts';
import type { Lent } from './wanted-chunks.ts';

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
    this.#right = new ChunkSet(cut.chunks, noted);
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

  bytesOf(lent: readonly Lent[]): number {
    return lent.reduce((sum, { chunk }) => sum + this.#right.rangeOf(chunk).length, 0);
  }

  /** Call before and after a write. */
  touched(offset: number, length: number): void {
    for (const chunk of this.#right.touching({ offset, length })) this.#touchedChunk(chunk);
  }

  #touchedChunk(chunk: number): void {
    let wasChecking = false;
    for (const check of this.#checks) {
      if (!check.chunks.has(chunk)) continue;
      check.over.add(chunk);
      wasChecking = true;
    }
    if (this.#right.remove(chunk) || wasChecking) this.#isSpoilt = true;
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

  /** Copies chunks that are missing from another content; gives the wrong ones. */
  async takeFrom(source: Copy, target: StageFile, lent: readonly Lent[]): Promise<readonly number[]> {
    const asked = lent.filter(({ chunk }) => !this.#right.has(chunk));
    const check = { chunks: new Set(asked.map(({ chunk }) => chunk)), over: new Set<number>() };
    for (const chunk of check.chunks) this.#touchedChunk(chunk);
    const { proving } = await this.#open();
    this.#checks.add(check);
    let wrong: Set<number | undefined>;
    try {
      const chunks = asked.map(({ chunk, from }) => ({ ...this.#proved(chunk), from }));
      wrong = new Set((await source.copyTo(target, chunks)).map((at) => asked[at]?.chunk));
    } finally {
      this.#checks.delete(check);
      for (const chunk of check.chunks) this.#touchedChunk(chunk);
    }
    for (const chunk of check.chunks) {
      // Written over meanwhile: then it is not known to be right.
      if (check.over.has(chunk) || wrong.has(chunk)) continue;
      this.#right.add(chunk);
      proving.trust(this.#right.rangeOf(chunk));
    }
    return [...check.chunks].filter((chunk) => !this.#right.has(chunk));
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
    return { ...this.#right.rangeOf(chunk), hash: this.cut.chunks.hash(chunk) };
  }
}
