import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Timer } from '../platform/clock.ts';
import { Allowance } from './allowance.ts';
import { TAIL_BYTES_MAX } from './calls.ts';
import { ChunkWatch } from './chunk-watch.ts';
import {
  EMPTY_MS_MIN,
  HEDGE_MS,
  HEDGES_A_SOURCE_MAX,
  LAST_MS,
  LATE_MS_MAX,
  LOOK_MS,
  PATIENCE_MS,
  QUICK_MS,
  READ_BYTES_MIN,
  READ_DEADLINE_MS,
  READS_A_SOURCE_MAX,
  SILENCE_MS,
  SPAN_BYTES_MAX,
  WINDOW_BYTES_MAX,
} from './fetch-limits.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { Given, Piece, Source } from './fetch-parts.ts';
import { FetchSources } from './fetch-sources.ts';
import { covers, MissingRanges } from './missing-ranges.ts';

/** The engine behind `fetchContent`: one fetch under way. */
export class ContentFetch {
  readonly #options: FetchOptions;
  readonly #resolve: (given: Map<PeerId, number>) => void;
  readonly #reject: (error: MeshError) => void;
  readonly #missing: MissingRanges;
  readonly #pieces = new Set<Piece>();
  readonly #sources: FetchSources;
  readonly #watch: ChunkWatch | undefined;
  readonly #given = new Map<PeerId, number>();
  readonly #allowance: Allowance;
  #bytes: number;
  #timer: Timer | undefined;
  #failure: MeshError | undefined;
  #settled = false;

  constructor(options: FetchOptions, resolve: (given: Map<PeerId, number>) => void, reject: (error: MeshError) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    const { from = 0, size, ends } = options;
    this.#sources = new FetchSources(options);
    this.#watch = ends && new ChunkWatch(ends);
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
      if (clock.now() - dueMs > LATE_MS_MAX) for (const source of this.#sources.all()) source.heardMs = clock.now();
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
    this.#sources.meet();
    let asked = true;
    while (asked) {
      asked = false;
      for (const source of this.#sources.all()) {
        const within = this.#sources.reachOf(source);
        const at = this.#missing.firstIn(within);
        if (at === undefined || source.reads.size >= READS_A_SOURCE_MAX || !this.#mayTake(at, source.readBytes)) continue;
        // Under a limit a chunk is waited for: asked for in parts it would come from several, and none could be blamed for it.
        // Without chunks as many bytes as are worth a call: each byte would be asked for as soon as it is granted.
        const { size } = this.#options;
        const leastBytes = Math.min(source.readBytes, this.#watch?.lengthLeft(at) ?? Math.min(READ_BYTES_MIN, size - at));
        const allowed = this.#allowance.take(leastBytes, source.readBytes);
        if (allowed === 0) return;
        const range = this.#missing.take(this.#watch?.lengthFrom(at, allowed) ?? allowed, within);
        this.#allowance.giveBack(allowed - (range?.length ?? 0));
        if (range === undefined) return;
        const piece: Piece = { ...range, asked: new Set(), sinceMs: this.#options.clock.now(), state: 'asked' };
        this.#pieces.add(piece);
        this.#read(source, piece);
        asked = true;
      }
    }
    if (this.#pieces.size > 0 || this.#sources.all().some((source) => this.#canGoOn(source))) return;
    this.#sources.meetRelay();
    this.#ask();
  }

  /** It has something of what is missing, near enough to its front that it would be asked: else nobody asks and nobody relays. */
  #canGoOn(source: Source): boolean {
    const at = this.#missing.firstIn(this.#sources.reachOf(source));
    return at !== undefined && this.#mayTake(at, source.readBytes);
  }

  #mayTake(offset: number, length: number): boolean {
    let bytes = 0;
    let lowest = this.#missing.first ?? 0;
    for (const piece of this.#pieces) {
      bytes += piece.length;
      lowest = Math.min(lowest, piece.offset);
    }
    const span = this.#options.spanBytes ?? SPAN_BYTES_MAX;
    return bytes + length <= WINDOW_BYTES_MAX && offset + length - lowest <= span;
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
    if (!this.#sources.has(source) || this.#settled || this.#failure !== undefined) return;
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
      this.#write(source, piece, tail).catch((thrown: unknown) => this.#fail(asMeshError(thrown)));
    }
    this.#decide();
  }

  async #write(giver: Source, piece: Piece, bytes: Uint8Array): Promise<void> {
    const { sink, progress } = this.#options;
    const { peer } = giver.link;
    try {
      await sink.write(piece.offset, bytes);
      this.#given.set(peer, (this.#given.get(peer) ?? 0) + piece.length);
      this.#bytes += piece.length;
      await this.#check(this.#watch?.wrote(piece, giver) ?? []);
      progress?.(this.#bytes);
    } catch (thrown) {
      this.#failure ??= asMeshError(thrown);
    }
    this.#pieces.delete(piece);
    this.#decide();
  }

  /** Chunks that are there: those that are wrong are fetched once more. */
  async #check(chunks: readonly number[]): Promise<void> {
    if (this.#watch === undefined || chunks.length === 0) return;
    const wrong = new Set(await this.#options.sink.check?.(chunks));
    for (const chunk of chunks) {
      const givers = this.#watch.end(chunk);
      const range = this.#watch.rangeOf(chunk);
      this.#sources.askAll(range);
      if (!wrong.has(chunk)) continue;
      this.#bytes -= range.length;
      this.#missing.giveBack(range);
      const giver = [...givers].find((one) => this.#sources.has(one));
      // Of several nobody knows which was wrong: one of them shows it.
      if (giver !== undefined && givers.size > 1) this.#sources.askAlone(range, giver);
      else if (giver !== undefined) this.#blame(giver, range.length);
    }
  }

  #blame(giver: Source, bytes: number): void {
    const { link } = giver;
    this.#given.set(link.peer, (this.#given.get(link.peer) ?? 0) - bytes);
    this.#options.blamed?.(link);
    this.#drop(giver, new MeshError('corrupt', 'a source gave wrong bytes'));
  }

  /** Asks again elsewhere for what has been waited for too long, at the end for whatever is late: the first answer counts. */
  #hedge(): void {
    const nowMs = this.#options.clock.now();
    const lateMs = this.#missing.empty ? LAST_MS : HEDGE_MS;
    const late = [...this.#pieces].filter(
      (piece) => piece.state === 'asked' && piece.asked.size === 1 && nowMs - piece.sinceMs >= lateMs,
    );
    if (late.length > 0) this.#sources.meet();
    for (const piece of late) {
      const free = this.#sources
        .all()
        .filter(
          (source) =>
            !piece.asked.has(source) &&
            covers(this.#sources.reachOf(source), piece) &&
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
    for (const source of this.#sources.all()) {
      if (source.reads.size === 0) continue;
      const patienceMs = source.relay || this.#sources.count === 1 ? PATIENCE_MS : SILENCE_MS;
      if (nowMs - source.heardMs >= patienceMs) this.#drop(source, new MeshError('timeout', 'a source fell silent'));
    }
  }

  /** Never asks it again; what only it was asked for is missing again. */
  #drop(source: Source, reason: MeshError): void {
    if (!this.#sources.has(source)) return;
    this.#sources.drop(source, reason);
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
