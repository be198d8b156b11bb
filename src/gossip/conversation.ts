import type { Catalog, Delta, IndexState } from '../catalog/catalog.ts';
import { asMeshError } from '../core/errors.ts';
import type { PeerId, WriterId } from '../core/ids.ts';
import { type Cursor, cursorAt, isOnTrail } from '../core/trail.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Link } from '../wire/link.ts';
import { isFromLostHistory, lackOf, type TellableIndex } from './lacking.ts';
import { type PieceWish, readPiece } from './piece.ts';
import { indexesToTell } from './telling.ts';
import { askOf } from './told-delta.ts';

/** A piece the other end did not take, or a call that failed: cursors are asked again after so long. Range 50 ms – 5 s. */
const RETRY_MS = 250;
/** Doubled each time, up to this: a disk that is full stays so for days. Range RETRY_MS – 60 s. */
const RETRY_MS_MAX = 10_000;
/** Deadline of one `delta`: its taking waits for the other end's disk. Range 5–120 s. */
const DELTA_DEADLINE_MS = 30_000;
/**
 * After link-up each live peer tells its own index, so a third party's is left to it; later rounds tell those too, for
 * whoever has no link to its owner. Range 1–10 s.
 */
const OWNERS_FIRST_MS = 5_000;

export interface ConversationOptions {
  readonly link: Link;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
  /** The other end told how far it is. */
  readonly told: (indexes: readonly TellableIndex[]) => void;
  /** The other end read something of ours that our history does not know: resolves when a new writer is drawn. */
  readonly startAnew: (lost: WriterId) => Promise<void>;
}

/**
 * What gossip does on one link to a peer. One worker: at most one call under way at a time, the own index before those
 * of third parties. What changes while a piece is on its way goes with the next one.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #upMs: number;
  /** How far the other end is with each index: as it told, moved on by what it took since. Undefined until it told. */
  #theirs: Map<PeerId, TellableIndex> | undefined;
  /** Whole indexes on their way: what has been taken of them so far. */
  readonly #wholes = new Map<PeerId, Cursor>();
  /** Third parties' indexes still to be brought up to date. */
  #thirdParties: PeerId[] = [];
  #mustAsk = false;
  #isWorking = false;
  #isClosed = false;
  #retry: Timer | undefined;
  #retryMs = RETRY_MS;
  /** It failed, that was told, and nothing has been taken since. */
  #isFailing = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#upMs = options.clock.now();
  }

  /** Asks the other end how far it is, and tells it what it lacks; it does the same. */
  exchange(): void {
    this.#mustAsk = true;
    this.wake();
  }

  /** The own index grew, or whatever else may let the worker go on. */
  wake(): void {
    if (this.#isWorking || this.#isOver) return;
    this.#isWorking = true;
    this.#work().catch((thrown: unknown) => this.#stumble(thrown));
  }

  /** Takes in what the other end said of all the indexes it knows. */
  hear(indexes: readonly TellableIndex[]): void {
    const { catalog, link, clock, told } = this.#options;
    this.#theirs = new Map(indexes.map((one) => [one.peer, one]));
    this.#noteRead();
    const isNew = clock.now() - this.#upMs < OWNERS_FIRST_MS;
    this.#thirdParties = catalog
      .indexes()
      .map((state) => state.peer)
      .filter((peer) => peer !== catalog.self && peer !== link.peer && !(isNew && catalog.peers.isLive(peer)));
    told(indexes);
    this.wake();
  }

  /** Nothing more is begun. */
  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
  }

  get #isOver(): boolean {
    return this.#isClosed || !this.#options.link.open;
  }

  async #work(): Promise<void> {
    try {
      while (!this.#isOver) {
        if (this.#mustAsk) await this.#ask();
        const wish = this.#wish();
        if (wish !== undefined) await this.#send(wish);
        else if (!this.#mustAsk) {
          // The other end told how far it is, and lacks nothing.
          if (this.#theirs !== undefined) this.#succeeded();
          return;
        }
      }
    } finally {
      // In the same turn as the last look for work, so that no wake falls in between.
      this.#isWorking = false;
    }
  }

  async #ask(): Promise<void> {
    this.#mustAsk = false;
    const { reply } = await this.#options.link.call('cursors', { indexes: indexesToTell(this.#options.catalog) });
    this.hear(reply.indexes);
  }

  /** The next records to send: of the own index first, then of third parties; undefined when nothing is lacking. */
  #wish(): PieceWish | undefined {
    const { catalog } = this.#options;
    if (this.#theirs === undefined) return undefined;
    const own = this.#wishFor(catalog.self);
    if (own !== undefined) return own;
    for (let peer = this.#thirdParties[0]; peer !== undefined; peer = this.#thirdParties[0]) {
      const wish = this.#wishFor(peer);
      if (wish !== undefined) return wish;
      this.#thirdParties.shift();
    }
    return undefined;
  }

  #wishFor(peer: PeerId): PieceWish | undefined {
    const state = this.#options.catalog.index(peer);
    if (state === undefined) return undefined;
    const lack = lackOf(state, this.#theirs?.get(peer), peer === this.#options.catalog.self);
    if (lack.kind !== 'whole') this.#wholes.delete(peer);
    if (lack.kind === 'nothing') return undefined;
    if (lack.kind === 'delta') return { state, after: lack.after, whole: false };
    const taken = this.#wholes.get(peer);
    if (taken !== undefined && isOnTrail(taken, state.trail, state.sequence)) {
      return { state, after: taken.sequence, whole: true };
    }
    return { state, after: 0, whole: true };
  }

  async #send(wish: PieceWish): Promise<void> {
    const { catalog, link, startAnew } = this.#options;
    const { peer } = wish.state;
    const isOwn = peer === catalog.self;
    const theirs = this.#theirs?.get(peer);
    if (isOwn && theirs?.cursor !== undefined && isFromLostHistory(wish.state, theirs)) await startAnew(theirs.cursor.writer);
    // The new start is part of what is told.
    const state = isOwn ? (catalog.index(peer) ?? wish.state) : wish.state;
    const piece = await readPiece(catalog, { ...wish, state });
    if (piece === undefined) return;
    const { reply } = await link.call('delta', askOf(piece), CALL_OPTIONS);
    if (reply.taken) {
      this.#succeeded();
      this.#advance(piece, state);
    } else this.#refused(peer);
  }

  #advance(piece: Delta, state: IndexState): void {
    const cursor = cursorAt(piece.trail, piece.upTo);
    if (piece.whole && !piece.last) {
      if (cursor !== undefined) this.#wholes.set(piece.index, cursor);
      return;
    }
    this.#wholes.delete(piece.index);
    this.#theirs?.set(piece.index, { peer: piece.index, trail: state.trail, sequence: piece.upTo, cursor });
    if (piece.index === this.#options.catalog.self) this.#noteRead();
  }

  /** How far the other end has the own index, durably: others wait for it. */
  #noteRead(): void {
    const { catalog, link } = this.#options;
    const own = catalog.index(catalog.self);
    const cursor = this.#theirs?.get(catalog.self)?.cursor;
    const isOurs = own !== undefined && cursor !== undefined && isOnTrail(cursor, own.trail, own.sequence);
    catalog.peers.noteRead(link.peer, isOurs ? cursor.sequence : 0);
  }

  #refused(peer: PeerId): void {
    this.#wholes.delete(peer);
    if (peer === this.#options.catalog.self) {
      // Nothing more of it until cursors are known anew: they say where to go on.
      this.#theirs = undefined;
      this.#retryLater();
    } else {
      // Somebody else is telling it, or knows better: the next round sees.
      this.#thirdParties = this.#thirdParties.filter((one) => one !== peer);
    }
  }

  #stumble(thrown: unknown): void {
    const { link, log } = this.#options;
    if (this.#isOver) return;
    const facts = { peer: link.peer, reason: asMeshError(thrown).message };
    if (this.#isFailing) log.debug('gossip on a link failed again', facts);
    else log.warn('gossip on a link failed and is tried again', facts);
    this.#isFailing = true;
    this.#theirs = undefined;
    this.#retryLater();
  }

  #succeeded(): void {
    this.#retryMs = RETRY_MS;
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.log.info('gossip on a link works again', { peer: this.#options.link.peer });
  }

  #retryLater(): void {
    this.#retry?.cancel();
    this.#retry = this.#options.clock.after(this.#retryMs, () => this.exchange());
    this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
  }
}

const CALL_OPTIONS = { deadlineMs: DELTA_DEADLINE_MS };
