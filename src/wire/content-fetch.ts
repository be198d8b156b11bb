import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import type { Timer } from '../platform/clock.ts';
import { Allowance } from './allowance.ts';
import { TAIL_BYTES_MAX } from './calls.ts';
import {
  EMPTY_MS_MIN,
  FIRST_READ_BYTES,
  HEDGE_MS,
  HEDGES_A_SOURCE_MAX,
  LATE_MS_MAX,
  LOOK_MS,
  PATIENCE_MS,
  QUICK_MS,
  READ_BYTES_MIN,
  READ_DEADLINE_MS,
  READS_A_SOURCE_MAX,
  SILENCE_MS,
  SPAN_BYTES_MAX,
  sourcesMax,
  WINDOW_BYTES_MAX,
} from './fetch-limits.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { Given, Piece, Source } from './fetch-parts.ts';
import type { Link } from './link.ts';
import { covers, MissingRanges } from './missing-ranges.ts';

/** The engine behind `fetchContent`: one fetch under way. */
export class ContentFetch {
  readonly #options: FetchOptions;
  readonly #resolve: (given: Map<PeerId, number>) => void;
  readonly #reject: (error: MeshError) => void;
  readonly #missing: MissingRanges;
  readonly #pieces = new Set<Piece>();
  readonly #sources = new Map<Link, Source>();
  /** As a source and as a relay apart: who has it not may yet know who has. */
  readonly #dropped = new Set<Link>();
  #relayDropped = false;
  readonly #given = new Map<PeerId, number>();
  readonly #allowance: Allowance;
  #bytes: number;
  /** When `sources` was asked last. */
  #metMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #dropReason: MeshError | undefined;
  #failure: MeshError | undefined;
  #settled = false;

  constructor(options: FetchOptions, resolve: (given: Map<PeerId, number>) => void, reject: (error: MeshError) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    const { from = 0, size } = options;
    const missing = options.missing ?? [{ offset: from, length: size - from }];
    this.#bytes = size - missing.reduce((sum, range) => sum + range.length, 0);
    this.#missing = new MissingRanges(missing);
    this.#allowance = new Allowance(options.limit, `${options.hash}/${options.path}`, () => this.#decide());
  }

  start(): void {
    const { stop } = this.#options;
    stop?.addEventListener('abort', this.#stopped);
    if (stop?.aborted === true) this.#stopped();
    else this.#look();
  }

  readonly #stopped = (): void => this.#fail(new MeshError('closed', 'the fetch was called off'));

  /** Silence makes no event: so it is looked for now and then. */
  #look(): void {
    this.#dropSilent();
    this.#decide();
    if (this.#settled) return;
    this.#hedge();
    const { clock } = this.#options;
    const dueMs = clock.now() + LOOK_MS;
    this.#timer = clock.after(LOOK_MS, () => {
      if (clock.now() - dueMs > LATE_MS_MAX) for (const source of this.#sources.values()) source.heardMs = clock.now();
      this.#look();
    });
  }

  /** Called after every change: asks for what may be asked, and ends the fetch when it is over. */
  #decide(): void {
    if (this.#settled) return;
    try {
      if (this.#failure === undefined) this.#ask();
    } catch (thrown) {
      this.#failure ??= asMeshError(thrown);
    }
    const done = this.#missing.empty && this.#pieces.size === 0;
    const writing = [...this.#pieces].some((piece) => piece.state === 'writing');
    if (this.#failure === undefined ? !done : writing) return;
    this.#settled = true;
    this.#timer?.cancel();
    this.#allowance.end();
    this.#options.stop?.removeEventListener('abort', this.#stopped);
    if (this.#failure === undefined) this.#resolve(this.#given);
    else this.#reject(this.#failure);
  }

  #fail(failure: MeshError): void {
    this.#failure ??= failure;
    this.#decide();
  }

  /** One read more for each source in turn, until all windows are full or nothing is missing. */
  #ask(): void {
    if (this.#missing.empty) return;
    this.#meetSources();
    let asked = true;
    while (asked) {
      asked = false;
      for (const source of this.#sources.values()) {
        const within = this.#reachOf(source);
        const at = this.#missing.firstIn(within);
        if (at === undefined || source.reads.size >= READS_A_SOURCE_MAX || !this.#mayTake(at, source.readBytes)) continue;
        const allowed = this.#allowance.take(source.readBytes);
        if (allowed === 0) return;
        const range = this.#missing.take(allowed, within);
        this.#allowance.giveBack(allowed - (range?.length ?? 0));
        if (range === undefined) return;
        const piece: Piece = { ...range, asked: new Set(), sinceMs: this.#options.clock.now(), state: 'asked' };
        this.#pieces.add(piece);
        this.#read(source, piece);
        asked = true;
      }
    }
    if (this.#pieces.size > 0 || [...this.#sources.values()].some((source) => this.#canGoOn(source))) return;
    this.#meetRelay();
    this.#ask();
  }

  /** What a source has of the content; a relay finds all of it. */
  #reachOf({ link, relay }: Source): readonly Range[] | undefined {
    return relay ? undefined : this.#options.reach?.(link);
  }

  /** It has something of what is missing, near enough to its front. */
  #canGoOn(source: Source): boolean {
    const at = this.#missing.firstIn(this.#reachOf(source));
    return at !== undefined && this.#mayTake(at, 1);
  }

  #mayTake(offset: number, length: number): boolean {
    let bytes = 0;
    let lowest = this.#missing.first ?? 0;
    for (const piece of this.#pieces) {
      bytes += piece.length;
      lowest = Math.min(lowest, piece.offset);
    }
    return bytes + length <= WINDOW_BYTES_MAX && offset + length - lowest <= SPAN_BYTES_MAX;
  }

  /** Throws `unavailable` when nobody is left. */
  #meetSources(): void {
    const { sources, clock } = this.#options;
    if (this.#sources.size === 0 || clock.now() - this.#metMs >= LOOK_MS) {
      this.#metMs = clock.now();
      for (const link of sources()) {
        if (this.#sources.size < sourcesMax(this.#options) && link.open && !this.#dropped.has(link)) this.#meet(link, false);
      }
    }
    if (this.#sources.size === 0) this.#meetRelay();
  }

  /** Throws `unavailable` when nobody is left who could. */
  #meetRelay(): void {
    const { relaySource } = this.#options;
    const source = relaySource && this.#sources.get(relaySource);
    if (relaySource?.open !== true || this.#relayDropped || source?.relay === true)
      throw new MeshError('unavailable', 'nobody in reach can give this content', { cause: this.#dropReason });
    if (source === undefined) this.#meet(relaySource, true);
    else source.relay = true;
  }

  #meet(link: Link, relay: boolean): void {
    if (this.#sources.has(link)) return;
    const heardMs = this.#options.clock.now();
    this.#sources.set(link, { link, relay, reads: new Set(), readBytes: FIRST_READ_BYTES, heardMs });
  }

  #read(source: Source, piece: Piece): void {
    const { path, hash, old, clock } = this.#options;
    const { offset, length } = piece;
    const askedMs = clock.now();
    if (source.reads.size === 0) source.heardMs = askedMs;
    source.reads.add(piece);
    piece.asked.add(source);
    const options = { deadlineMs: READ_DEADLINE_MS };
    const answer: Promise<Given> =
      old === true
        ? source.link.call('read-old', { path, hash, offset, length }, options)
        : source.link.call('read', { path, hash, offset, length, relay: source.relay }, options);
    answer
      .then(
        (got) => this.#take(source, piece, got, { length, askedMs }),
        (thrown: unknown) => {
          this.#allowance.giveBack(length);
          throw thrown;
        },
      )
      .catch((thrown: unknown) => this.#drop(source, asMeshError(thrown)));
  }

  #take(source: Source, piece: Piece, { reply, tail }: Given, asked: { length: number; askedMs: number }): void {
    this.#allowance.giveBack(asked.length - tail.length);
    // Dropped meanwhile, or the whole fetch is over: the piece is somebody else's.
    if (this.#sources.get(source.link) !== source || this.#settled || this.#failure !== undefined) return;
    const nowMs = this.#options.clock.now();
    const tookMs = nowMs - asked.askedMs;
    const { size, given = asked.length } = reply;
    const isInVain = asked.length > 0 && given === 0 && tookMs < EMPTY_MS_MIN;
    if (size !== this.#options.size || tail.length !== given || given > asked.length || isInVain) {
      throw new MeshError('corrupt', `a source gave ${tail.length} bytes of ${asked.length}, and says ${reply.size} in all`);
    }
    source.heardMs = nowMs;
    source.reads.delete(piece);
    piece.asked.delete(source);
    if (tookMs < QUICK_MS) source.readBytes = Math.min(TAIL_BYTES_MAX, source.readBytes * 2);
    else if (tookMs > HEDGE_MS) source.readBytes = Math.max(READ_BYTES_MIN, source.readBytes / 2);
    if (piece.state === 'asked' && tail.length === 0) this.#letGo(piece);
    else if (piece.state === 'asked') {
      const [offset, length] = [piece.offset + tail.length, piece.length - tail.length];
      if (length > 0) this.#missing.giveBack({ offset, length });
      piece.length = tail.length;
      piece.state = 'writing';
      this.#write(source.link.peer, piece, tail).catch((thrown: unknown) => this.#fail(asMeshError(thrown)));
    }
    this.#decide();
  }

  async #write(giver: PeerId, piece: Piece, bytes: Uint8Array): Promise<void> {
    const { sink, progress } = this.#options;
    try {
      await sink.write(piece.offset, bytes);
      this.#given.set(giver, (this.#given.get(giver) ?? 0) + piece.length);
      this.#bytes += piece.length;
      progress?.(this.#bytes);
    } catch (thrown) {
      this.#failure ??= asMeshError(thrown);
    }
    this.#pieces.delete(piece);
    this.#decide();
  }

  /** Asks again elsewhere for what has been waited for too long: the first answer counts. */
  #hedge(): void {
    const nowMs = this.#options.clock.now();
    const late = [...this.#pieces].filter(
      (piece) => piece.state === 'asked' && piece.asked.size === 1 && nowMs - piece.sinceMs >= HEDGE_MS,
    );
    if (late.length > 0) this.#meetSources();
    for (const piece of late) {
      const free = [...this.#sources.values()].filter(
        (source) =>
          !piece.asked.has(source) &&
          covers(this.#reachOf(source), piece) &&
          source.reads.size < READS_A_SOURCE_MAX + HEDGES_A_SOURCE_MAX,
      );
      const least = free.sort((a, b) => a.reads.size - b.reads.size)[0];
      if (least === undefined) continue;
      this.#allowance.spend(piece.length);
      this.#read(least, piece);
    }
  }

  #dropSilent(): void {
    const nowMs = this.#options.clock.now();
    for (const source of this.#sources.values()) {
      if (source.reads.size === 0) continue;
      const patienceMs = source.relay || this.#sources.size === 1 ? PATIENCE_MS : SILENCE_MS;
      if (nowMs - source.heardMs >= patienceMs) this.#drop(source, new MeshError('timeout', 'a source fell silent'));
    }
  }

  /** Never asks it again; what only it was asked for is missing again. */
  #drop(source: Source, reason: MeshError): void {
    if (this.#sources.get(source.link) !== source) return;
    this.#sources.delete(source.link);
    if (source.relay) this.#relayDropped = true;
    else this.#dropped.add(source.link);
    this.#dropReason = reason;
    for (const piece of source.reads) {
      piece.asked.delete(source);
      if (piece.state === 'asked') this.#letGo(piece);
    }
    this.#decide();
  }

  /** Missing again, unless another source was asked for it too. */
  #letGo(piece: Piece): void {
    if (piece.asked.size > 0) return;
    this.#pieces.delete(piece);
    this.#missing.giveBack(piece);
  }
}
