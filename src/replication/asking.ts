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
import { type Ask, type Reply, SMALL_BYTES_MAX, TAIL_BYTES_MAX } from '../wire/calls.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { AskingMany } from './asking-many.ts';
import type { Need } from './needs.ts';

/**
 * What a placement weighs: a small content is asked for together with others. So 48 large ones or 384 small ones are under way
 * to one peer at once: a slow one may not take every place.
 */
const WEIGHT_SMALL = 1;
const WEIGHT = 8;
const WEIGHT_PER_PEER_MAX = 48 * WEIGHT;
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
  readonly takeManyHere: (ask: Ask<'place-many'>) => Promise<Reply<'place-many'>>;
}

/** Asks peers to take contents, or runs of them. */
export class Asking {
  readonly #slice: Slice;
  /** Weight under way, by peer. */
  readonly #underWay = new Map<PeerId, number>();
  readonly #many: AskingMany;

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#many = new AskingMany(slice.clock, {
      many: (target, ask) => this.#sendMany(target, ask),
      one: (target, ask) => this.#send(target, ask),
    });
  }

  isBusy(peer: PeerId): boolean {
    return (this.#underWay.get(peer) ?? 0) >= WEIGHT_PER_PEER_MAX;
  }

  /** Small contents travel in batches. */
  static weightOf({ size, parts }: Pick<Content, 'size' | 'parts'>): number {
    return size <= SMALL_BYTES_MAX && parts === undefined ? WEIGHT_SMALL : WEIGHT;
  }

  /** Resolves with why it was declined; undefined: it was taken. */
  async ask(target: PeerId, need: Need, content: Content, runs?: RunMask): Promise<ErrorCode | undefined> {
    const { catalog, waiters, log } = this.#slice;
    const reservation = catalog.peers.reserve(target, runs === undefined ? content.size : bytesOfRuns(content.size, runs));
    const weight = runs === undefined ? Asking.weightOf(content) : WEIGHT;
    this.#underWay.set(target, (this.#underWay.get(target) ?? 0) + weight);
    try {
      const { size, shown } = content;
      const ask = {
        path: need.path,
        hash: need.hash,
        version: versionKey(shown),
        size,
        holders: keepersOf(content).slice(0, 64),
      };
      if (weight === WEIGHT_SMALL) await this.#many.ask(target, ask);
      else await this.#send(target, { ...ask, ...(runs && { runs }) });
      const isAnnounced = await waiters.until(need.path, () => this.#isAnnounced(target, need, runs), RESERVATION_MS_MAX);
      // Runs that it took and tells nobody of would be asked of it again, and of no other, for ever.
      return isAnnounced || runs === undefined ? undefined : 'timeout';
    } catch (error) {
      // What it tells of it has, whatever became of the answer: of a batch in which one hangs, all the others.
      if (runs === undefined && this.#isAnnounced(target, need)) return undefined;
      const { code } = asMeshError(error);
      log.info('a copy was declined', { path: need.path, by: catalog.shownName(target), reason: code });
      return code;
    } finally {
      reservation.release();
      this.#underWay.set(target, (this.#underWay.get(target) ?? weight) - weight);
    }
  }

  async #send(target: PeerId, ask: Ask<'place'>): Promise<void> {
    const deadlineMs = this.#deadlineMs(target, ask.size);
    if (target === this.#slice.catalog.self) {
      return await withinDeadline(this.#slice.clock, this.#slice.takeHere(ask), deadlineMs);
    }
    const link = this.#slice.switchboard.link(target);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    await link.call('place', ask, { deadlineMs });
  }

  /** Its disk may hang for ever. What it announces later all the same is one copy more, and counts. */
  #deadlineMs(target: PeerId, bytes: number): number {
    return TAKE_MS + (loadOf(this.#slice.catalog, target)?.incomingBytes ?? bytes) / TAKE_BYTES_PER_MS;
  }

  async #sendMany(target: PeerId, ask: Ask<'place-many'>): Promise<Reply<'place-many'>> {
    const deadlineMs = this.#deadlineMs(target, TAIL_BYTES_MAX);
    if (target === this.#slice.catalog.self)
      return await withinDeadline(this.#slice.clock, this.#slice.takeManyHere(ask), deadlineMs);
    const link = this.#slice.switchboard.link(target);
    if (link === undefined) throw new MeshError('closed', 'the link is down');
    return (await link.call('place-many', ask, { deadlineMs })).reply;
  }

  /** The reply may overtake the index record: the reservation stands in for it until then. */
  #isAnnounced(target: PeerId, need: Need, runs: RunMask = NO_RUNS): boolean {
    const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
    if (content === undefined || content.holders.includes(target)) return true;
    return runs !== NO_RUNS && withoutRuns(runs, content.parts?.get(target) ?? NO_RUNS) === NO_RUNS;
  }
}

/** Rejects with `timeout` when `act` has not ended by then; how it ends later is nobody's concern. */
function withinDeadline<T>(clock: Clock, act: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(deadlineMs, () => reject(new MeshError('timeout', 'the own disk does not answer')));
    act.then(resolve, reject).finally(() => timer.cancel());
  });
}
