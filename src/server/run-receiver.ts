import { MeshError } from '../core/errors.ts';
import type { ContentHash, RequestId } from '../core/ids.ts';
import { NO_RUNS, runAround } from '../core/striping.ts';
import type { Asker, Folder, Staging, Striped } from '../folder/folder.ts';
import { ONCE_PREFIX } from '../folder/stagings.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import { roomForManifest } from './manifest-memory.ts';
import { checkManifestBytes, ManifestPieces } from './manifest-pieces.ts';

/** Striped contents that are sent here at once. */
const RECEIVING_MAX = 64;
/** One nobody sends is let go after so long; what is kept of it stays. */
const IDLE_MS = 30 * 60_000;
/** Nobody says when an upload is over: after so long its manifest may make room, unless a run of it is under way… */
const REST_MS = 60_000;
/** … and after so long then too: whoever sends it is gone. Above the deadline of a write. */
const SILENT_MS = 180_000;

interface Slice {
  readonly clock: Clock;
  readonly folder: Folder;
  readonly askerNamed: (name: string) => Asker;
}

interface Receiving {
  /** Who sends it; absent: nobody need be told apart. */
  readonly by: string | undefined;
  readonly hash: ContentHash;
  readonly size: number;
  readonly pieces: ManifestPieces;
  readonly stagings: Map<number, Promise<Staging>>;
  /** Runs that are being verified. */
  keeping: number;
  opening?: Promise<Striped>;
  /** Once it is opened. */
  striped?: Striped;
  usedMs: number;
}

/** The side of a striped upload that keeps runs, for a version that is made when every run is kept. */
export class RunReceiver {
  readonly #slice: Slice;
  readonly #receiving = new Map<RequestId, Receiving>();
  #sweeper: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Takes the manifest, and tells what lies here. Rejects with `paused`, `corrupt`, with `busy` when there is no room for it. */
  async open(ask: Ask<'run-open'>, tail: Uint8Array): Promise<Reply<'run-open'>> {
    const { folder } = this.#slice;
    const { paused } = folder;
    if (paused !== undefined) throw new MeshError('paused', paused);
    const receiving = this.#find(ask);
    let { striped } = receiving;
    if (striped === undefined) {
      const manifest = receiving.pieces.add(ask.offset, tail);
      if (manifest === undefined) return { more: true, lying: NO_RUNS };
      receiving.opening ??= this.#cut(receiving, manifest);
      striped = await receiving.opening;
    }
    const asker = ask.by === undefined ? undefined : this.#slice.askerNamed(ask.by);
    return { more: false, lying: folder.runs.lying(ask.hash, striped.manifestHash, asker) };
  }

  /** Bytes of one run. Rejects with `gone` when it was not opened, or let go since. */
  async write({ upload, offset }: Ask<'run-write'>, tail: Uint8Array): Promise<void> {
    const { striped, stagings } = this.#opened(upload);
    const { run, range } = runOf(striped, offset, tail);
    const staging = stagings.get(run) ?? this.#slice.folder.stage(`${ONCE_PREFIX}sent-${upload}-${run}`, range.length);
    stagings.set(run, staging);
    staging.catch(() => stagings.delete(run));
    await (await staging).write(offset - range.offset, tail);
  }

  /** Resolves when the run is verified and durable here. Rejects with `corrupt` when its bytes are wrong. */
  async keep({ upload, run }: Ask<'run-keep'>): Promise<void> {
    const receiving = this.#opened(upload);
    const { striped, stagings, by } = receiving;
    const staging = stagings.get(run);
    if (staging === undefined) throw new MeshError('gone', 'nothing of that run was sent here');
    stagings.delete(run);
    receiving.keeping += 1;
    try {
      await this.#slice.folder.runs.keepLoose(striped, run, await staging, by);
    } finally {
      receiving.keeping -= 1;
      this.#used(receiving);
    }
  }

  stop(): void {
    this.#sweeper?.cancel();
  }

  async #cut(receiving: Receiving, manifest: Uint8Array): Promise<Striped> {
    const { folder } = this.#slice;
    const striped = await folder.runs.cut(receiving, manifest);
    receiving.striped = striped;
    await folder.lentRuns.make(striped);
    return striped;
  }

  #find({ upload, by, hash, size, offset, manifestBytes }: Ask<'run-open'>): Receiving {
    const known = this.#receiving.get(upload);
    const isOf = known?.hash === hash && known.size === size && known.by === by;
    if (known !== undefined && isOf && (known.striped !== undefined || offset > 0)) return this.#used(known);
    checkManifestBytes(manifestBytes, size);
    this.#makeRoom(upload, { by, manifestBytes });
    const pieces = new ManifestPieces(manifestBytes);
    const receiving: Receiving = { by, hash, size, pieces, stagings: new Map(), keeping: 0, usedMs: 0 };
    this.#receiving.set(upload, receiving);
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    return this.#used(receiving);
  }

  /** The ones used longest ago are let go for one more: whoever goes on with one of those tells its manifest anew. */
  #makeRoom(upload: RequestId, wanted: { readonly by: string | undefined; readonly manifestBytes: number }): void {
    const nowMs = this.#slice.clock.now();
    const others = [...this.#receiving]
      .filter(([id]) => id !== upload)
      .map(([id, one]) => ({ id, one, by: one.by, manifestBytes: one.pieces.bytes }))
      .sort((a, b) => a.one.usedMs - b.one.usedMs);
    const gone = roomForManifest(wanted, others, ({ one }) => {
      const isUnderWay = one.stagings.size > 0;
      return one.keeping === 0 && one.usedMs <= nowMs - (isUnderWay ? SILENT_MS : REST_MS);
    });
    if (others.length - gone.length >= RECEIVING_MAX) {
      const oldest = others.find((other) => !gone.includes(other) && other.one.stagings.size === 0 && other.one.keeping === 0);
      if (oldest === undefined) throw new MeshError('busy', 'too many striped uploads come here at once');
      gone.push(oldest);
    }
    for (const { id, one } of gone) this.#letGo(id, one);
  }

  #opened(upload: RequestId): Receiving & { readonly striped: Striped } {
    const receiving = this.#receiving.get(upload);
    if (!isOpened(receiving)) throw new MeshError('gone', 'this striped upload is not known here: begin it again');
    this.#used(receiving);
    return receiving;
  }

  #used(receiving: Receiving): Receiving {
    receiving.usedMs = this.#slice.clock.now();
    return receiving;
  }

  #letGo(upload: RequestId, { stagings }: Receiving): void {
    this.#receiving.delete(upload);
    // What was half sent is not worth its room; a staging that cannot go is swept by the folder.
    for (const staging of stagings.values()) staging.then((one) => one.discard()).catch(() => undefined);
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const oldestMs = this.#slice.clock.now() - IDLE_MS;
    for (const [upload, one] of this.#receiving) if (one.usedMs <= oldestMs && one.keeping === 0) this.#letGo(upload, one);
    if (this.#receiving.size > 0) this.#sweeper = this.#slice.clock.after(IDLE_MS, () => this.#sweep());
  }
}

function isOpened(receiving: Receiving | undefined): receiving is Receiving & { readonly striped: Striped } {
  return receiving?.striped !== undefined;
}

/** The run that these bytes of a striped upload are of. Throws `usage` when they go over its end. */
export function runOf({ ends }: Striped, offset: number, { length }: Uint8Array): NonNullable<ReturnType<typeof runAround>> {
  const found = runAround(ends, { offset, length });
  if (found === undefined) throw new MeshError('usage', 'bytes of a striped upload go over the end of their run');
  return found;
}
