import { MeshError } from '../core/errors.ts';
import type { ContentHash, RequestId } from '../core/ids.ts';
import { NO_RUNS, runAround } from '../core/striping.ts';
import type { Asker, Folder, Staging, Striped } from '../folder/folder.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import { ManifestPieces } from './manifest-pieces.ts';

/** Striped contents that are sent here at once. */
const RECEIVING_MAX = 64;
/** One nobody sends is let go after so long; what is kept of it stays. */
const IDLE_MS = 30 * 60_000;

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

  /** Takes the manifest, and tells what lies here. Rejects with `paused`, `busy`, `corrupt`. */
  async open(ask: Ask<'run-open'>, tail: Uint8Array): Promise<Reply<'run-open'>> {
    const { folder } = this.#slice;
    const { paused } = folder.state();
    if (paused !== undefined) throw new MeshError('paused', paused);
    const receiving = this.#find(ask);
    if (receiving.striped === undefined) {
      const manifest = receiving.pieces.add(ask.offset, tail);
      if (manifest === undefined) return { more: true, lying: NO_RUNS };
      receiving.striped = folder.runs.cut(ask, manifest);
      await folder.lentRuns.make(receiving.striped);
    }
    const { manifestHash } = receiving.striped;
    const asker = ask.by === undefined ? undefined : this.#slice.askerNamed(ask.by);
    return { more: false, lying: folder.runs.lying(ask.hash, manifestHash, asker) };
  }

  /** Bytes of one run. Rejects with `gone` when it was not opened, or let go since. */
  async write({ upload, offset }: Ask<'run-write'>, tail: Uint8Array): Promise<void> {
    const { striped, stagings } = this.#opened(upload);
    const { run, range } = runOf(striped, offset, tail);
    const staging = stagings.get(run) ?? this.#slice.folder.stage(`sent-${upload}-${run}`, range.length);
    stagings.set(run, staging);
    staging.catch(() => stagings.delete(run));
    await (await staging).write(offset - range.offset, tail);
  }

  /** Resolves when the run is verified and durable here. Rejects with `corrupt` when its bytes are wrong. */
  async keep({ upload, run }: Ask<'run-keep'>): Promise<void> {
    const { striped, stagings, by } = this.#opened(upload);
    const staging = stagings.get(run);
    if (staging === undefined) throw new MeshError('gone', 'nothing of that run was sent here');
    stagings.delete(run);
    await this.#slice.folder.runs.keepLoose(striped, run, await staging, by);
  }

  stop(): void {
    this.#sweeper?.cancel();
  }

  #find({ upload, by, hash, size, offset, manifestBytes }: Ask<'run-open'>): Receiving {
    const known = this.#receiving.get(upload);
    const isOf = known?.hash === hash && known.size === size && known.by === by;
    if (known !== undefined && isOf && (known.striped !== undefined || offset > 0)) return this.#used(known);
    if (known === undefined && this.#receiving.size >= RECEIVING_MAX) this.#forgetOldest();
    const receiving: Receiving = { by, hash, size, pieces: new ManifestPieces(manifestBytes), stagings: new Map(), usedMs: 0 };
    this.#receiving.set(upload, receiving);
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    return this.#used(receiving);
  }

  /** Nobody says when an upload is over: of those with no run under way the one used longest ago makes room. */
  #forgetOldest(): void {
    const atRest = [...this.#receiving].filter(([, { stagings }]) => stagings.size === 0);
    const [oldest] = atRest.sort(([, a], [, b]) => a.usedMs - b.usedMs);
    if (oldest === undefined) throw new MeshError('busy', 'too many striped uploads come here at once');
    this.#receiving.delete(oldest[0]);
  }

  #opened(upload: RequestId): Receiving & { readonly striped: Striped } {
    const receiving = this.#receiving.get(upload);
    if (receiving?.striped === undefined) throw new MeshError('gone', 'this striped upload is not known here: begin it again');
    return { ...this.#used(receiving), striped: receiving.striped };
  }

  #used(receiving: Receiving): Receiving {
    receiving.usedMs = this.#slice.clock.now();
    return receiving;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const oldestMs = this.#slice.clock.now() - IDLE_MS;
    for (const [upload, { usedMs, stagings }] of this.#receiving) {
      if (usedMs > oldestMs) continue;
      this.#receiving.delete(upload);
      // What was half sent is not worth its room; a staging that cannot go is swept by the folder.
      for (const staging of stagings.values()) staging.then((one) => one.discard()).catch(() => undefined);
    }
    if (this.#receiving.size > 0) this.#sweeper = this.#slice.clock.after(IDLE_MS, () => this.#sweep());
  }
}

/** The run that these bytes of a striped upload are of. Throws `usage` when they go over its end. */
export function runOf({ ends }: Striped, offset: number, { length }: Uint8Array): NonNullable<ReturnType<typeof runAround>> {
  const found = runAround(ends, { offset, length });
  if (found === undefined) throw new MeshError('usage', 'bytes of a striped upload go over the end of their run');
  return found;
}
