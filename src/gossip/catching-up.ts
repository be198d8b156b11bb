import type { Catalog } from '../catalog/catalog.ts';
import type { PeerId } from '../core/ids.ts';
import { isOnTrail } from '../core/trail.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Link } from '../wire/link.ts';
import type { TellableIndex } from './lacking.ts';

/** A live peer of whose index nothing came for so long is not waited for. Range 10–120 s: two owners cost a sibling at most. */
const IDLE_MS_MAX = 30_000;
/** Nor is one that is not read after so long, whatever comes. Range 1–30 min: a large index is read within minutes. */
const WAIT_MS_MAX = 300_000;

/** A live peer whose index is not read yet. */
interface Wait {
  /** How far it must be read: unknown until it told. */
  goal: TellableIndex | undefined;
  /** Clock ms since when it is waited for, and of the last record that came; what earlier links took counts with it. */
  readonly beganMs: number;
  progressMs: number;
}

export interface CatchingUpOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps `caughtUp` of the own entry in the table of peers: this peer has read each live peer's index, over whatever way,
 * up to where it stood when their link came up. Alone it is caught up. Only who is may own names: one that has not read
 * what the others know would grant what they would refuse. One that cannot be read, for it tells too much of itself or its
 * store is broken, is waited for no longer than a while: or else nobody would own any name.
 */
export class CatchingUp {
  readonly #options: CatchingUpOptions;
  readonly #waits = new Map<Link, Wait>();
  /** How long peers were waited for in vain over links that are gone. Bounded by the members there are. */
  readonly #before = new Map<PeerId, { readonly waitedMs: number; readonly idleMs: number }>();
  #timer: Timer | undefined;

  constructor(options: CatchingUpOptions) {
    this.#options = options;
  }

  linkUp(link: Link): void {
    const nowMs = this.#options.clock.now();
    const { waitedMs, idleMs } = this.#before.get(link.peer) ?? { waitedMs: 0, idleMs: 0 };
    this.#waits.set(link, { goal: undefined, beganMs: nowMs - waitedMs, progressMs: nowMs - idleMs });
    this.decide();
  }

  linkDown(link: Link): void {
    const nowMs = this.#options.clock.now();
    const wait = this.#waits.get(link);
    if (wait !== undefined) this.#before.set(link.peer, { waitedMs: nowMs - wait.beganMs, idleMs: nowMs - wait.progressMs });
    this.#waits.delete(link);
    this.decide();
  }

  /** The other end told its indexes: where its own one stands is the goal, the first time on this link. */
  told(link: Link, indexes: readonly TellableIndex[]): void {
    const wait = this.#waits.get(link);
    if (wait === undefined || wait.goal !== undefined) return;
    const own = indexes.find((one) => one.peer === link.peer);
    if (own?.cursor === undefined || own.sequence === 0) this.#reached(link);
    else wait.goal = own;
    this.decide();
  }

  /** Some of that index was read. */
  took(index: PeerId, records: number): void {
    for (const [link, wait] of this.#waits) {
      if (link.peer === index && records > 0) wait.progressMs = this.#options.clock.now();
    }
    this.decide();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#waits.clear();
  }

  /** Something was read, or time passed: looks which goals are reached now. */
  decide(): void {
    for (const [link, { goal }] of this.#waits) if (goal !== undefined && this.#isRead(goal)) this.#reached(link);
    const leftMs = [...this.#waits.values()].map((wait) => this.#leftMs(wait)).filter((ms) => ms > 0);
    this.#timer?.cancel();
    this.#timer = leftMs.length === 0 ? undefined : this.#options.clock.after(Math.min(...leftMs), () => this.decide());
    const caughtUp = leftMs.length === 0;
    const { catalog, log } = this.#options;
    if (catalog.peers.get(catalog.self)?.caughtUp === caughtUp) return;
    const unread = [...this.#waits.keys()].map((link) => link.peer);
    if (caughtUp && unread.length > 0) log.warn('names are owned though the index of a live peer cannot be read', { unread });
    catalog.peers.update(catalog.self, { caughtUp });
  }

  #reached(link: Link): void {
    this.#waits.delete(link);
    this.#before.delete(link.peer);
  }

  #leftMs({ beganMs, progressMs }: Wait): number {
    return Math.min(beganMs + WAIT_MS_MAX, progressMs + IDLE_MS_MAX) - this.#options.clock.now();
  }

  /** True when the copy here reaches where the index stood then. A start without records may be missing in its trail. */
  #isRead({ peer, trail, sequence, cursor: goal }: TellableIndex): boolean {
    const state = this.#options.catalog.index(peer);
    const cursor = state?.cursor;
    if (state === undefined || cursor === undefined || goal === undefined) return false;
    if (isOnTrail(goal, state.trail, cursor.sequence)) return true;
    return cursor.sequence === sequence && isOnTrail(cursor, trail, sequence);
  }
}
