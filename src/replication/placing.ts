import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { asMeshError, type ErrorCode, MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { type Candidate, type Load, type PlacementRule, placementOrder, shareInUse } from '../core/placement.ts';
import { type Shortage, shortageOf } from '../core/repair.ts';
import { versionKey } from '../core/version.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { type Declines, declineWords } from './declines.ts';
import { keyOf, type Need, Needs } from './needs.ts';
import type { Renames } from './renames.ts';
import { Resting } from './resting.ts';
import { VISITS_MAX } from './rounds.ts';
import type { Standings } from './standings.ts';

/** Placements under way at once from this owner: enough to keep small files flowing, few enough to stay fair. 1…256. */
const PLACEMENTS_MAX = 64;
/** Of these to one peer: a slow one may not take every place. 1…PLACEMENTS_MAX. */
const PLACEMENTS_PER_PEER_MAX = 48;
/** Healing stops filling a peer above this share: room stays for new files. */
const HEAL_SHARE_MAX = 0.8;
/** A taker has so long, and a millisecond more for so many bytes on their way to it: 1 MiB/s is a slow link. */
const TAKE_MS = 60_000;
const TAKE_BYTES_PER_MS = 1_049;
/** A placed copy is counted by reservation until its index record comes, at most this long. */
const RESERVATION_MS_MAX = 5_000;

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
  readonly rule: PlacementRule;
  readonly wanted: () => number;
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
  readonly #perPeer = new Map<PeerId, number>();
  #underWay = 0;
  /** Set: this turn has begun enough, and the next goes on. */
  #pumpTimer: Timer | undefined;
  #stopped = false;

  constructor(slice: Slice) {
    this.#slice = slice;
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

  /** Looks at every content of a path whose name this peer owns. Cheap when nothing is missing, or nobody is there to take it. */
  consider(path: FilePath): void {
    for (const content of this.#slice.catalog.view(path)?.contents ?? []) {
      const shortage = this.#shortage(content);
      const need = { path, hash: content.hash };
      if (shortage.missing === 0) this.#resting.delete(need);
      else if (this.#canBePlaced(shortage) && !this.#resting.has(need)) this.#needs.add(need, shortage.live.length);
    }
    this.#pump();
  }

  /** With no live holder there is no source, and where every live peer is a holder there is no taker: a peer that comes wakes this. */
  #canBePlaced({ live }: Shortage): boolean {
    if (live.length === 0) return false;
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
    for (let begun = 0; !this.#stopped && this.#underWay < PLACEMENTS_MAX; begun++) {
      if (begun === VISITS_MAX) {
        this.#pumpLater();
        return;
      }
      const need = this.#needs.next((peer) => this.#isBusy(peer));
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

  #isBusy(peer: PeerId): boolean {
    return (this.#perPeer.get(peer) ?? 0) >= PLACEMENTS_PER_PEER_MAX;
  }

  /** Decides anew from what is known now, and offers the content to as many peers as it lacks copies. */
  #begin(need: Need): void {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    if (content === undefined) return;
    const shortage = this.#shortage(content);
    const targets = this.#targets.get(keyOf(need)) ?? new Set<PeerId>();
    for (let lacking = shortage.missing - targets.size; lacking > 0; lacking--) {
      const takers = this.#takers(need, content, shortage, targets, new Map());
      const target = takers.find((peer) => !this.#isBusy(peer));
      if (target === undefined) {
        // Busy, all of them: that is no reason to rest.
        const [busy] = takers;
        if (busy === undefined) this.#resting.add(need, new Map());
        else this.#needs.park(need, busy);
        return;
      }
      this.#targets.set(keyOf(need), targets.add(target));
      this.#underWay++;
      const offering = this.#offer(target, need, content, shortage, targets);
      offering.catch((error: unknown) => this.#slice.log.error('placing failed', { path: need.path, error: String(error) }));
    }
  }

  /** Asks one peer after the other, best first, until one has taken the content. */
  async #offer(first: PeerId, need: Need, content: Content, shortage: Shortage, targets: Set<PeerId>): Promise<void> {
    const declined = new Map<PeerId, ErrorCode>();
    let target: PeerId | undefined = first;
    try {
      while (target !== undefined && !this.#stopped) {
        const reason = await this.#ask(target, need, content);
        targets.delete(target);
        if (reason === undefined) return;
        declined.set(target, reason);
        const takers = this.#takers(need, content, shortage, targets, declined);
        // One more than it may have is no harm: it takes the place of the one that was declined.
        target = takers.find((peer) => !this.#isBusy(peer)) ?? takers[0];
        if (target !== undefined) targets.add(target);
      }
      this.#resting.add(need, declined);
    } finally {
      this.#underWay--;
      if (targets.size === 0) this.#targets.delete(keyOf(need));
      this.#pump();
    }
  }

  /** Resolves with why it was declined; undefined: it was taken. */
  async #ask(target: PeerId, need: Need, content: Content): Promise<ErrorCode | undefined> {
    const { catalog, waiters, log } = this.#slice;
    const reservation = catalog.peers.reserve(target, content.size);
    this.#perPeer.set(target, (this.#perPeer.get(target) ?? 0) + 1);
    try {
      const ask = { path: need.path, hash: need.hash, version: versionKey(content.shown), size: content.size };
      await this.#send(target, { ...ask, holders: content.holders.slice(0, 64) });
      await waiters.until(need.path, () => this.#isAnnounced(target, need), RESERVATION_MS_MAX);
      return undefined;
    } catch (error) {
      const { code } = asMeshError(error);
      log.info('a copy was declined', { path: need.path, by: catalog.shownName(target), reason: code });
      return code;
    } finally {
      reservation.release();
      this.#perPeer.set(target, (this.#perPeer.get(target) ?? 1) - 1);
    }
  }

  async #send(target: PeerId, ask: Ask<'place'>): Promise<void> {
    // Its disk may hang for ever. What it announces later all the same is one copy more, and counts.
    const deadlineMs = TAKE_MS + (this.#loadOf(target)?.incomingBytes ?? ask.size) / TAKE_BYTES_PER_MS;
    if (target === this.#slice.catalog.self) {
      return await withinDeadline(this.#slice.clock, this.#slice.takeHere(ask), deadlineMs);
    }
    const link = this.#slice.switchboard.link(target);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    await link.call('place', ask, { deadlineMs });
  }

  /** The reply may overtake the index record: the reservation stands in for it until then. */
  #isAnnounced(target: PeerId, need: Need): boolean {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    return content === undefined || content.holders.includes(target);
  }

  /** Who could take it, best first, busy ones too. */
  #takers(need: Need, content: Content, shortage: Shortage, targets: Set<PeerId>, declined: Declines): PeerId[] {
    const { catalog, standings, rule } = this.#slice;
    const holders = new Set(content.holders);
    const heldBefore = new Set(
      catalog
        .records(need.path)
        .filter((one) => one.holding === 'all')
        .map((one) => one.peer),
    );
    const haveBytes = this.#slice.renames.holdersOfSource(need.path, need.hash);
    const candidates: Candidate[] = [];
    for (const { id } of catalog.peers.all()) {
      if (holders.has(id) || targets.has(id) || declined.has(id) || standings.of(id) !== 'live') continue;
      const load = this.#loadOf(id);
      if (load === undefined || (shortage.healing && shareInUse(load) > HEAL_SHARE_MAX)) continue;
      const name = catalog.shownName(id);
      candidates.push({ id, name, load, hasBytes: haveBytes.has(id), heldBase: heldBefore.has(id) });
    }
    return placementOrder(candidates, content.size, rule).map((one) => one.id);
  }

  /** Bytes and files by the indexes, which are exact; what is on its way by whoever knows of more. */
  #loadOf(peer: PeerId): Load | undefined {
    const { peers } = this.#slice.catalog;
    const told = peers.get(peer)?.load;
    if (told === undefined) return undefined;
    const held = this.#slice.catalog.heldBy(peer);
    const reserved = peers.reservedFor(peer);
    return {
      bytes: held.bytes,
      files: held.files,
      capacity: told.capacity,
      incomingBytes: Math.max(told.incomingBytes, reserved.bytes),
      incomingFiles: Math.max(told.incomingFiles, reserved.files),
    };
  }

  /** The rest of a need is over: it waits for a taker again, if it still lacks copies. */
  #retry(need: Need): void {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    const shortage = content === undefined ? undefined : this.#shortage(content);
    if (shortage === undefined || shortage.missing === 0) this.#resting.delete(need);
    else this.#needs.add(need, shortage.live.length);
    this.#pump();
  }
}

/** Rejects with `timeout` when `act` has not ended by then; how it ends later is nobody's concern. */
function withinDeadline(clock: Clock, act: Promise<void>, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(deadlineMs, () => reject(new MeshError('timeout', 'the own disk does not answer')));
    act.then(resolve, reject).finally(() => timer.cancel());
  });
}
