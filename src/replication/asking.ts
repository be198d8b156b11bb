import type { Catalog } from '../catalog/catalog.ts';
import { loadOf } from '../catalog/load-of.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { asMeshError, type ErrorCode, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import { bytesOfRuns, keepersOf, NO_RUNS, type RunMask, withoutRuns } from '../core/striping.ts';
import { versionKey } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { Need } from './needs.ts';

/** Placements under way at once to one peer: a slow one may not take every place. 1…256. */
const PLACEMENTS_PER_PEER_MAX = 48;
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
  readonly waiters: PathWaiters;
  /** The own peer is asked like any other. */
  readonly takeHere: (ask: Ask<'place'>) => Promise<void>;
}

/** Asks peers to take contents, or runs of them. */
export class Asking {
  readonly #slice: Slice;
  readonly #underWay = new Map<PeerId, number>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  isBusy(peer: PeerId): boolean {
    return (this.#underWay.get(peer) ?? 0) >= PLACEMENTS_PER_PEER_MAX;
  }

  /** Resolves with why it was declined; undefined: it was taken. */
  async ask(target: PeerId, need: Need, content: Content, runs?: RunMask): Promise<ErrorCode | undefined> {
    const { catalog, waiters, log } = this.#slice;
    const reservation = catalog.peers.reserve(target, runs === undefined ? content.size : bytesOfRuns(content.size, runs));
    this.#underWay.set(target, (this.#underWay.get(target) ?? 0) + 1);
    try {
      const ask = { path: need.path, hash: need.hash, version: versionKey(content.shown), size: content.size };
      await this.#send(target, { ...ask, holders: keepersOf(content).slice(0, 64), ...(runs && { runs }) });
      const isAnnounced = await waiters.until(need.path, () => this.#isAnnounced(target, need, runs), RESERVATION_MS_MAX);
      // Runs that it took and tells nobody of would be asked of it again, and of no other, for ever.
      return isAnnounced || runs === undefined ? undefined : 'timeout';
    } catch (error) {
      const { code } = asMeshError(error);
      log.info('a copy was declined', { path: need.path, by: catalog.shownName(target), reason: code });
      return code;
    } finally {
      reservation.release();
      this.#underWay.set(target, (this.#underWay.get(target) ?? 1) - 1);
    }
  }

  async #send(target: PeerId, ask: Ask<'place'>): Promise<void> {
    // Its disk may hang for ever. What it announces later all the same is one copy more, and counts.
    const deadlineMs = TAKE_MS + (loadOf(this.#slice.catalog, target)?.incomingBytes ?? ask.size) / TAKE_BYTES_PER_MS;
    if (target === this.#slice.catalog.self) {
      return await withinDeadline(this.#slice.clock, this.#slice.takeHere(ask), deadlineMs);
    }
    const link = this.#slice.switchboard.link(target);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    await link.call('place', ask, { deadlineMs });
  }

  /** The reply may overtake the index record: the reservation stands in for it until then. */
  #isAnnounced(target: PeerId, need: Need, runs: RunMask = NO_RUNS): boolean {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    if (content === undefined || content.holders.includes(target)) return true;
    return runs !== NO_RUNS && withoutRuns(runs, content.parts?.get(target) ?? NO_RUNS) === NO_RUNS;
  }
}

/** Rejects with `timeout` when `act` has not ended by then; how it ends later is nobody's concern. */
function withinDeadline(clock: Clock, act: Promise<void>, deadlineMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(deadlineMs, () => reject(new MeshError('timeout', 'the own disk does not answer')));
    act.then(resolve, reject).finally(() => timer.cancel());
  });
}
