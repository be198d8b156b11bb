import type { Catalog } from '../catalog/catalog.ts';
import type { PeerId, WriterId } from '../core/ids.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { CatchingUp } from './catching-up.ts';
import { Conversation } from './conversation.ts';
import { Intake } from './intake.ts';
import { indexesToTell } from './telling.ts';
import { deltaOf } from './told-delta.ts';

/** Anti-entropy: one random peer is asked so often, give or take a fifth. Range 1–60 s. */
const ROUND_MS = 10_000;
/** Lost histories remembered as answered with a new writer. Range 16–4,096: a restored store has met a few. */
const LOST_WRITERS_MAX = 256;
/**
 * After one peer made this one start anew its word does so again not before this time, which doubles each time: a cursor is
 * easily forged, each start is one entry of 64 on the trail, and once is enough for a store that was restored. Range 1–60 min.
 */
export const ANEW_REST_MS = 600_000;

export interface GossipOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly switchboard: Pick<Switchboard, 'answer' | 'peers' | 'onUp' | 'onDown'>;
  readonly catalog: Catalog;
}

/**
 * Tells index changes as they happen, and asks now and then for whatever that missed (Scuttlebutt, van Renesse 2008). On
 * link-up and in every round both ends tell how far each index is read there; then each sends what the other lacks, of
 * third parties too.
 */
export class Gossip {
  readonly #options: GossipOptions;
  readonly #conversations = new Map<Link, Conversation>();
  readonly #catchingUp: CatchingUp;
  readonly #intake: Intake;
  readonly #anew = new Map<WriterId, Promise<void>>();
  /** By whose word this peer started anew, and until when it is not to do so again. Bounded by the members there are. */
  readonly #anewFrom = new Map<PeerId, { readonly untilMs: number; readonly restMs: number }>();
  #round: Timer | undefined;
  #isStopped = false;

  constructor(options: GossipOptions) {
    this.#options = options;
    this.#catchingUp = new CatchingUp(options);
    this.#intake = new Intake(options);
  }

  /** Call once, before the first link comes up. */
  start(): void {
    const { switchboard, catalog } = this.#options;
    switchboard.answer('cursors', async (ask, from) => {
      this.#conversations.get(from)?.hear(ask.indexes);
      return { indexes: indexesToTell(catalog) };
    });
    switchboard.answer('delta', async (ask, from) => {
      const taken = await this.#intake.take(deltaOf(ask), from);
      this.#catchingUp.took(ask.index, taken ? ask.records.length : 0);
      return { taken };
    });
    switchboard.onUp((link) => this.#linkUp(link));
    switchboard.onDown((link) => this.#linkDown(link));
    catalog.onOwn(() => {
      for (const conversation of this.#conversations.values()) conversation.wake();
    });
    this.#planRound();
  }

  /** No round and no piece is begun any more. */
  stop(): void {
    this.#isStopped = true;
    this.#round?.cancel();
    this.#catchingUp.stop();
    for (const conversation of this.#conversations.values()) conversation.close();
    this.#conversations.clear();
  }

  #linkUp(link: Link): void {
    if (link.role !== 'peer' || this.#isStopped) return;
    const { catalog, clock, log } = this.#options;
    const conversation = new Conversation({
      link,
      catalog,
      clock,
      log,
      told: (indexes) => this.#catchingUp.told(link, indexes),
      startAnew: (lost) => this.#startAnew(lost, link.peer),
    });
    this.#conversations.set(link, conversation);
    this.#catchingUp.linkUp(link);
    conversation.exchange();
  }

  #linkDown(link: Link): void {
    this.#conversations.get(link)?.close();
    this.#conversations.delete(link);
    this.#catchingUp.linkDown(link);
    this.#intake.linkDown(link);
  }

  /**
   * One new writer for each lost history: whoever else read more of the same one is answered by the same new start. Who told of
   * another just before is only sent the whole index.
   */
  async #startAnew(lost: WriterId, from: PeerId): Promise<void> {
    const known = this.#anew.get(lost);
    if (known !== undefined) return known;
    const nowMs = this.#options.clock.now();
    const { untilMs, restMs } = this.#anewFrom.get(from) ?? { untilMs: nowMs, restMs: ANEW_REST_MS };
    if (nowMs < untilMs) return;
    this.#anewFrom.set(from, { untilMs: nowMs + restMs, restMs: 2 * restMs });
    const [oldest] = this.#anew.keys();
    if (this.#anew.size >= LOST_WRITERS_MAX && oldest !== undefined) this.#anew.delete(oldest);
    this.#options.log.warn('the store was restored: another peer has read more of it than it knows', { lost });
    const anew = this.#options.catalog.startAnew().catch((thrown: unknown) => {
      this.#anew.delete(lost);
      throw thrown;
    });
    this.#anew.set(lost, anew);
    return anew;
  }

  #planRound(): void {
    const { clock, random } = this.#options;
    const ms = ROUND_MS * 0.8 + random.integer(ROUND_MS * 0.4);
    this.#round = clock.after(ms, () => {
      this.#intake.forgetOld();
      const conversations = [...this.#conversations.values()];
      if (conversations.length > 0) conversations[random.integer(conversations.length)]?.exchange();
      this.#planRound();
    });
  }
}
