import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import type { Timer } from '../platform/clock.ts';
import { TAIL_BYTES_MAX } from './calls.ts';
import type { FetchOptions } from './fetch-options.ts';
import type { Answer, Link } from './link.ts';
import { MissingRanges } from './missing-ranges.ts';

/** Reads asked of one source at a time: enough that its disk and the wire work at once. Range 2–8. */
const READS_A_SOURCE_MAX = 4;
/** Of these more for hedges: a link answers 8 reads at once. */
const HEDGES_A_SOURCE_MAX = 2;
/** Sources used at once: more do not make a LAN faster. Range 2–16. */
const SOURCES_MAX = 6;
/** Bytes asked for or being written: the memory of one fetch, hedges apart. Range 4–64 MiB. */
const WINDOW_BYTES_MAX = 12 * 1024 * 1024;
/** How far ahead of the first byte not yet written is asked: what a sink that needs order must hold. Range 8–64 MiB. */
const SPAN_BYTES_MAX = 32 * 1024 * 1024;
/** Length of the first reads of a source, then doubled or halved, so that a slow link too answers within SILENCE_MS. */
const FIRST_READ_BYTES = 256 * 1024;
const READ_BYTES_MIN = 64 * 1024;
/** Who answers sooner than this is asked for more at a time. */
const QUICK_MS = 500;
/** A read unanswered for so long is asked of another source too, and its source for less at a time. */
const HEDGE_MS = 1_000;
/** A source that answers nothing for so long is dropped when there are others… */
const SILENCE_MS = 3_000;
/** … and for so long when there is none, or when it must fetch the bytes itself. */
const PATIENCE_MS = 10_000;
/** Between two looks at hedges, silences and new sources, while the fetch lasts. */
const LOOK_MS = 250;
/** A look so much late says that this process stood still, not the sources. */
const LATE_MS_MAX = 250;
/** After that a link forgets a read that nobody waits for any more. */
const READ_DEADLINE_MS = 30_000;

/** A range on its way: asked of a source or two, or being written. */
interface Piece extends Range {
  /** Sources asked that have not answered. */
  readonly asked: Set<Source>;
  /** When it was first asked. */
  readonly sinceMs: number;
  state: 'asked' | 'writing';
}

/** The two calls that read answer alike. */
type Given = Answer<'read'> | Answer<'read-old'>;

interface Source {
  readonly link: Link;
  readonly relay: boolean;
  readonly reads: Set<Piece>;
  /** Asked for at a time. */
  readBytes: number;
  /** When it last answered, or was asked after it had answered all. */
  heardMs: number;
}

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
        if (source.reads.size >= READS_A_SOURCE_MAX || !this.#mayTake(source.readBytes)) continue;
        const range = this.#missing.take(source.readBytes);
        if (range === undefined) return;
        const piece: Piece = { ...range, asked: new Set(), sinceMs: this.#options.clock.now(), state: 'asked' };
        this.#pieces.add(piece);
        this.#read(source, piece);
        asked = true;
      }
    }
  }

  #mayTake(length: number): boolean {
    let bytes = 0;
    let lowest = this.#missing.first ?? 0;
    for (const piece of this.#pieces) {
      bytes += piece.length;
      lowest = Math.min(lowest, piece.offset);
    }
    return bytes + length <= WINDOW_BYTES_MAX && (this.#missing.first ?? 0) + length - lowest <= SPAN_BYTES_MAX;
  }

  /** Throws `unavailable` when nobody is left. */
  #meetSources(): void {
    const { sources, relaySource, clock } = this.#options;
    if (this.#sources.size === 0 || clock.now() - this.#metMs >= LOOK_MS) {
      this.#metMs = clock.now();
      for (const link of sources()) {
        if (this.#sources.size < SOURCES_MAX && link.open && !this.#dropped.has(link)) this.#meet(link, false);
      }
    }
    if (this.#sources.size > 0) return;
    if (relaySource?.open === true && !this.#relayDropped) this.#meet(relaySource, true);
    else throw new MeshError('unavailable', 'nobody in reach can give this content', { cause: this.#dropReason });
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
      .then((got) => this.#take(source, piece, got, askedMs))
      .catch((thrown: unknown) => this.#drop(source, asMeshError(thrown)));
  }

  #take(source: Source, piece: Piece, { reply, tail }: Given, askedMs: number): void {
    // Dropped meanwhile, or the whole fetch is over: the piece is somebody else's.
    if (this.#sources.get(source.link) !== source || this.#settled || this.#failure !== undefined) return;
    if (reply.size !== this.#options.size || tail.length !== piece.length) {
      throw new MeshError('corrupt', `a source gave ${tail.length} bytes of ${piece.length}, and says ${reply.size} in all`);
    }
    const nowMs = this.#options.clock.now();
    const tookMs = nowMs - askedMs;
    source.heardMs = nowMs;
    source.reads.delete(piece);
    piece.asked.delete(source);
    if (tookMs < QUICK_MS) source.readBytes = Math.min(TAIL_BYTES_MAX, source.readBytes * 2);
    else if (tookMs > HEDGE_MS) source.readBytes = Math.max(READ_BYTES_MIN, source.readBytes / 2);
    if (piece.state === 'asked') {
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
        (source) => !piece.asked.has(source) && source.reads.size < READS_A_SOURCE_MAX + HEDGES_A_SOURCE_MAX,
      );
      const least = free.sort((a, b) => a.reads.size - b.reads.size)[0];
      if (least !== undefined) this.#read(least, piece);
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
      if (piece.asked.size > 0 || piece.state === 'writing') continue;
      this.#pieces.delete(piece);
      this.#missing.giveBack(piece);
    }
    this.#decide();
  }
}
