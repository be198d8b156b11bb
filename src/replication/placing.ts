import type { Catalog } from '../catalog/catalog.ts';
import { loadOf } from '../catalog/load-of.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { type Candidate, type PlacementRule, placementOrder, shareInUse } from '../core/placement.ts';
import { type Shortage, shortageOf } from '../core/repair.ts';
import { STRIPE_BYTES_MIN } from '../core/striping.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { Asking } from './asking.ts';
import { type Declines, declineWords } from './declines.ts';
import { keyOf, type Need, Needs } from './needs.ts';
import { areManyOpening } from './opening.ts';
import type { Renames } from './renames.ts';
import { Resting } from './resting.ts';
import { VISITS_MAX } from './rounds.ts';
import type { Standings } from './standings.ts';
import { Striping } from './striping.ts';

/** Weight of the placements under way at once from this owner (see Asking): enough to keep small files flowing, few enough to stay fair. */
const WEIGHT_MAX = 64 * 8;
/** Of one that is striped: it is many. */
const WEIGHT_STRIPED = 8;
/** What can wait stops filling a peer above this share: room stays for new files. */
const HEAL_SHARE_MAX = 0.8;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly switchboard: Switchboard;
  readonly standings: Standings;
  readonly renames: Renames;
  readonly waiters: PathWaiters;
  /** The own peer is a candidate like any other. */
  readonly takeHere: (ask: Ask<'place'>) => Promise<void>;
  readonly takeManyHere: (ask: Ask<'place-many'>) => Promise<Reply<'place-many'>>;
  readonly rule: PlacementRule;
  readonly wanted: () => number;
  /** True while this peer is the owner of the name. */
  readonly owns: (path: FilePath) => boolean;
  /** Contents of so many bytes and more are striped when no single peer has room for them; absent: STRIPE_BYTES_MIN. */
  readonly stripeBytesMin?: number | undefined;
  /** Contents of so many bytes and more are always striped; absent: none. */
  readonly stripeOverBytes?: number | undefined;
}

/**
 * The owner's side of keeping R copies: contents with too few wait in a queue, fewest copies first; each is offered to
 * the best candidate, and to the next when that one declines. What nobody takes rests, and is tried again.
 */
export class Placing {
  readonly #slice: Slice;
  readonly #needs = new Needs();
  readonly #targets = new Map<string, Set<PeerId>>();
  readonly #resting: Resting;
  readonly #asking: Asking;
  readonly #striping: Striping;
  #full: Declines = new Map();
  #underWay = 0;
  /** Set: this turn has begun enough, and the next goes on. */
  #pumpTimer: Timer | undefined;
  #stopped = false;

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#asking = new Asking(slice);
    this.#striping = new Striping({
      ...slice,
      bytesMin: slice.stripeBytesMin ?? STRIPE_BYTES_MIN,
      candidates: (need, content, shortage, declined) =>
        this.#candidates(need, new Set([...content.holders, ...declined.keys()]), shortage.canWait),
      fullPeers: (need, content) => this.#fullPeers(need, content),
      ask: (target, need, content, runs) => this.#asking.ask(target, need, content, runs),
    });
    this.#resting = new Resting({
      clock: slice.clock,
      retry: (need) => this.#retry(need),
      look: (need) => this.consider(need.path),
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#pumpTimer?.cancel();
    this.#resting.stop();
  }

  /** Looks at every content of a path, should this peer (still) own its name. Cheap when nothing is missing, or nobody is there to take it. */
  consider(path: FilePath): void {
    // Others see to most names, and nothing of them rests here.
    if (this.#resting.isEmpty && !this.#slice.owns(path)) return;
    for (const content of this.#slice.catalog.view(path)?.contents ?? []) {
      const shortage = this.#shortage(content);
      const need = { path, hash: content.hash };
      if (shortage.missing === 0) this.#resting.delete(need);
      else if (this.#slice.owns(path) && this.#canBePlaced(content, shortage) && !this.#resting.has(need))
        this.#needs.add(need, shortage.live.length);
    }
    this.#pump();
  }

  /**
   * With no live holder there is no source, and where every live peer is a holder there is no taker: a peer that comes wakes
   * this. Whoever has some runs may take others.
   */
  #canBePlaced({ parts }: Content, { live }: Shortage): boolean {
    if (live.length === 0 || parts !== undefined) return live.length > 0;
    return this.#slice.catalog.peers.all().some(({ id }) => !live.includes(id) && this.#slice.standings.of(id) === 'live');
  }

  /** Why a content of this path has too few copies, in words, as far as this peer tried to place it. */
  noteOf(path: FilePath): string | undefined {
    for (const { hash } of this.#slice.catalog.view(path)?.contents ?? []) {
      const need = { path, hash };
      // While somebody is about to take it, what the others said explains nothing.
      const declines = this.#targets.has(keyOf(need)) ? undefined : this.#resting.declinesOf(need);
      if (declines !== undefined) return declineWords(declines, (peer) => this.#slice.catalog.shownName(peer));
    }
    return undefined;
  }

  /** A peer came, or has room again: what rests is tried at once. */
  wake(): void {
    this.#resting.wake();
  }

  #shortage(content: Content): Shortage {
    return shortageOf(content, this.#slice.wanted(), (peer) => this.#slice.standings.of(peer));
  }

  /** A need that nobody can take goes to rest at once: a hundred thousand of them are not all looked at in one turn. */
  #pump(): void {
    if (this.#pumpTimer !== undefined) return;
    for (let begun = 0; !this.#stopped && this.#underWay < WEIGHT_MAX; begun++) {
      if (begun === VISITS_MAX) {
        this.#pumpLater();
        return;
      }
      const need = this.#needs.next((peer) => this.#asking.isBusy(peer));
      if (need === undefined) return;
      this.#begin(need);
    }
  }

  #pumpLater(): void {
    this.#pumpTimer = this.#slice.clock.after(1, () => {
      this.#pumpTimer = undefined;
      this.#pump();
    });
  }

  /** Decides anew from what is known now, and offers the content to as many peers as it lacks copies. */
  #begin(need: Need): void {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    if (content === undefined) return;
    const shortage = this.#shortage(content);
    if (shortage.missing > 0 && areManyOpening(this.#slice, content)) {
      this.#resting.add(need, new Map());
      return;
    }
    const targets = this.#targets.get(keyOf(need)) ?? new Set<PeerId>();
    if (content.parts !== undefined || content.size >= (this.#slice.stripeOverBytes ?? Number.POSITIVE_INFINITY)) {
      if (shortage.missing > 0) this.#stripe(need, targets);
      return;
    }
    const lacking = shortage.missing - targets.size;
    // Whoever is asked has more on the way then, and the others as much as before: their order stays what it is.
    const takers = lacking > 0 ? this.#takers(need, content, shortage, targets, new Map()) : [];
    for (let asked = 0; asked < lacking; asked++) {
      const target = takers.find((peer) => !targets.has(peer) && !this.#asking.isBusy(peer));
      if (target === undefined) {
        // Busy, all of them: that is no reason to rest.
        const busy = takers.find((peer) => !targets.has(peer));
        if (busy !== undefined) this.#needs.park(need, busy);
        else this.#beginInRuns(need, content, targets);
        return;
      }
      this.#targets.set(keyOf(need), targets.add(target));
      this.#underWay += Asking.weightOf(content);
      const offering = this.#offer(target, need, content, shortage, targets);
      offering.catch((error: unknown) => this.#slice.log.error('placing failed', { path: need.path, error: String(error) }));
    }
  }

  /** No single peer has room for it, or none is there. */
  #beginInRuns(need: Need, content: Content, targets: Set<PeerId>): void {
    if (targets.size > 0) this.#resting.add(need, new Map());
    else if (this.#striping.isFor(need, content, new Map())) this.#stripe(need, targets);
    else this.#resting.add(need, this.#fullPeers(need, content));
  }

  /** One after the other: while runs of a content are being placed, nobody knows what it lacks. */
  #stripe(need: Need, targets: Set<PeerId>): void {
    if (targets.size > 0) return;
    const { self } = this.#slice.catalog;
    this.#targets.set(keyOf(need), targets.add(self));
    this.#underWay += WEIGHT_STRIPED;
    this.#striping
      .place(need)
      .then((declined) => {
        if (this.#isLacking(need)) this.#resting.add(need, declined);
      })
      .catch((error: unknown) => this.#slice.log.error('placing failed', { path: need.path, error: String(error) }))
      .finally(() => {
        this.#underWay -= WEIGHT_STRIPED;
        this.#targets.delete(keyOf(need));
        this.#pump();
      });
  }

  #isLacking(need: Need): boolean {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    return content !== undefined && this.#shortage(content).missing > 0;
  }

  /** Asks one peer after the other, best first, until one has taken the content. */
  async #offer(first: PeerId, need: Need, content: Content, shortage: Shortage, targets: Set<PeerId>): Promise<void> {
    const declined = new Map<PeerId, ErrorCode>();
    let target: PeerId | undefined = first;
    let isDeclined = false;
    try {
      while (target !== undefined && !this.#stopped) {
        const reason = await this.#asking.ask(target, need, content);
        targets.delete(target);
        if (reason === undefined) return;
        declined.set(target, reason);
        const takers = this.#takers(need, content, shortage, targets, declined);
        // One more than it may have is no harm: it takes the place of the one that was declined.
        target = takers.find((peer) => !this.#asking.isBusy(peer)) ?? takers[0];
        if (target !== undefined) targets.add(target);
      }
      this.#resting.add(need, declined);
      isDeclined = true;
    } finally {
      this.#underWay -= Asking.weightOf(content);
      if (targets.size === 0) this.#targets.delete(keyOf(need));
      // Whoever seemed to have room had none: then it is a matter of all together.
      if (isDeclined && targets.size === 0 && this.#striping.isFor(need, content, declined)) this.#stripe(need, targets);
      this.#pump();
    }
  }

  /** Who could take it, best first, busy ones too. */
  #takers(need: Need, content: Content, shortage: Shortage, targets: Set<PeerId>, declined: Declines): PeerId[] {
    const others = new Set([...content.holders, ...targets, ...declined.keys()]);
    return placementOrder(this.#candidates(need, others, shortage.canWait), content.size, this.#slice.rule).map((one) => one.id);
  }

  /** Who was not asked because it has no room: there may be as many such contents as files, so equal lists are one. */
  #fullPeers(need: Need, content: Content): Declines {
    const takers = this.#takers(need, content, this.#shortage(content), new Set(), new Map());
    const candidates = this.#candidates(need, new Set(content.holders), false);
    const full = candidates.map(({ id }) => id).filter((id) => !takers.includes(id));
    const isSame = full.length === this.#full.size && full.every((id) => this.#full.has(id));
    if (!isSame) this.#full = new Map(full.map((id) => [id, 'full'] as const));
    return this.#full;
  }

  /** Live peers that may take something, whatever room they have; `others` are none. */
  #candidates(need: Need, others: ReadonlySet<PeerId>, canWait: boolean): Candidate[] {
    const { catalog, standings } = this.#slice;
    const records = catalog.records(need.path);
    const hadAll = (id: PeerId) => records.some(({ peer, holding }) => peer === id && holding === 'all');
    const haveBytes = this.#slice.renames.holdersOfSource(need.path, need.hash);
    const candidates: Candidate[] = [];
    for (const { id, opening } of catalog.peers.all()) {
      if (others.has(id) || opening || standings.of(id) !== 'live') continue;
      const load = loadOf(catalog, id);
      if (load === undefined || (canWait && shareInUse(load) > HEAL_SHARE_MAX)) continue;
      const name = catalog.shownName(id);
      candidates.push({ id, name, load, hasBytes: haveBytes.has(id), heldBase: hadAll(id) });
    }
    return candidates;
  }

  /** The rest of a need is over: it waits for a taker again, if it still lacks copies. */
  #retry(need: Need): void {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    const shortage = content === undefined ? undefined : this.#shortage(content);
    if (shortage === undefined || shortage.missing === 0 || !this.#slice.owns(need.path)) this.#resting.delete(need);
    else this.#needs.add(need, shortage.live.length);
    this.#pump();
  }
}
