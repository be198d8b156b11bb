import { asMeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Address, Network, Pipe } from '../platform/network.ts';
import type { Random } from '../platform/random.ts';

/** Dials under way at once, the greeting included. Range 2–32: a silent address holds one for 5 s. */
export const DIALS_MAX = 8;
/** Addresses known from sightings; above, the one that failed most leaves. Range 64–4,096: anyone on the LAN can make sightings up. */
export const SIGHTED_MAX = 256;
/** Addresses kept of one member, the newest. Range 1–16: cables, wireless, VPN; old ones after a move. */
export const MEMBER_ADDRESSES_MAX = 4;
/** First pause before an address is dialled again; doubles up to REDIAL_MS_MAX, reset by a new sighting. */
const REDIAL_MS_MIN = 250;
const REDIAL_MS_MAX = 5_000;
/** A sighted address that failed so often since it was sighted last is given up. Range 3–100. */
const SIGHTED_FAILURES_MAX = 10;

/** Where a link may be had. */
interface Target {
  readonly address: Address;
  /** Given by hand or known of a member: never given up. */
  source: 'given' | 'member' | 'sighted';
  /** Whoever was met there last, or is remembered to be there. */
  peer: PeerId | undefined;
  /** Of the sighting that told it last: another one may be another peer. Nothing else is concluded from it. */
  instance: string | undefined;
  failures: number;
  dueMs: number;
  isDialling: boolean;
}

/** How a dial ended: `self` is never dialled again, `linked` only when that link is gone. */
export type DialOutcome = 'linked' | 'self' | 'failed';

export interface DiallerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Pick<Network, 'dial' | 'selfId'>;
  readonly log: Log;
  /** True while a link to that peer is up. */
  readonly isLinked: (peer: PeerId) => boolean;
  /** Greets on a pipe dialled and puts the link in; never rejects. */
  readonly meet: (pipe: Pipe) => Promise<DialOutcome>;
}

/**
 * Dials every address it knows of until its peer is linked. What it is told is never a claim: the key met at an address
 * decides who is there, so an address is dialled once even when a sighting says that its peer is linked. One decider,
 * `#decide`, is called after every change.
 */
export class Dialler {
  readonly #options: DiallerOptions;
  readonly #targets = new Map<Address, Target>();
  #dialling = 0;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: DiallerOptions) {
    this.#options = options;
  }

  /** An address named by hand: dialled for good. */
  give(address: Address): void {
    const target = this.#targets.get(address) ?? this.#fresh(address);
    target.source = 'given';
    this.#targets.set(address, target);
    this.#decide();
  }

  /** Where a member was met, or says it is: dialled while it is a member. */
  know(address: Address, peer: PeerId): void {
    const target = this.#targets.get(address) ?? this.#fresh(address);
    if (target.source === 'sighted') target.source = 'member';
    target.peer = peer;
    // Put in anew: the order is that of knowing.
    this.#targets.delete(address);
    this.#targets.set(address, target);
    const known = [...this.#targets.values()].filter((one) => one.source === 'member' && one.peer === peer);
    for (const old of known.slice(0, -MEMBER_ADDRESSES_MAX)) this.#targets.delete(old.address);
    this.#decide();
  }

  /** One that shares the mesh's tag was seen. */
  sighted(instance: string, addresses: readonly Address[]): void {
    for (const address of addresses) {
      const target = this.#targets.get(address) ?? this.#fresh(address);
      const isNews = target.instance !== instance;
      target.instance = instance;
      target.failures = 0;
      // Somebody else may be there now than was met last.
      if (isNews && target.source === 'sighted') target.peer = undefined;
      target.dueMs = Math.min(target.dueMs, this.#options.clock.now() + (isNews ? 0 : REDIAL_MS_MIN));
      this.#targets.set(address, target);
    }
    this.#boundSighted();
    this.#decide();
  }

  /** A link is gone: its addresses are dialled again soon. */
  linkDown(peer: PeerId): void {
    for (const target of this.#targets.values()) {
      if (target.peer !== peer) continue;
      target.failures = 0;
      target.dueMs = this.#options.clock.now() + this.#jittered(REDIAL_MS_MIN);
    }
    this.#decide();
  }

  /** That identity is no longer wanted. */
  forget(peer: PeerId): void {
    for (const [address, target] of this.#targets)
      if (target.peer === peer && target.source !== 'given') this.#targets.delete(address);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#targets.clear();
  }

  #fresh(address: Address): Target {
    return { address, source: 'sighted', peer: undefined, instance: undefined, failures: 0, dueMs: 0, isDialling: false };
  }

  #boundSighted(): void {
    const sighted = [...this.#targets.values()].filter((target) => target.source === 'sighted');
    let surplus = sighted.length - SIGHTED_MAX;
    if (surplus <= 0) return;
    for (const target of sighted.sort((a, b) => b.failures - a.failures)) {
      if (surplus-- <= 0) return;
      this.#targets.delete(target.address);
    }
  }

  /** Dials what is due, least failed first, and plans to look again when the next one is. */
  #decide(): void {
    if (this.#isStopped) return;
    const now = this.#options.clock.now();
    const wanted = [...this.#targets.values()]
      .filter((target) => !target.isDialling && (target.peer === undefined || !this.#options.isLinked(target.peer)))
      .sort(
        (a, b) => a.failures - b.failures || Number(a.source === 'sighted') - Number(b.source === 'sighted') || a.dueMs - b.dueMs,
      );
    for (const target of wanted) if (target.dueMs <= now && this.#dialling < DIALS_MAX) this.#begin(target);
    this.#timer?.cancel();
    this.#timer = undefined;
    const waiting = wanted.filter((target) => !target.isDialling && target.dueMs > now);
    if (waiting.length === 0) return;
    // A whole ms at least: a rest lost in rounding would be due for ever and never now.
    const nextMs = Math.max(1, Math.ceil(Math.min(...waiting.map((target) => target.dueMs)) - now));
    this.#timer = this.#options.clock.after(nextMs, () => this.#decide());
  }

  #begin(target: Target): void {
    target.isDialling = true;
    this.#dialling++;
    this.#dial(target)
      .catch((thrown: unknown): DialOutcome => {
        this.#options.log.debug('dialled in vain', { address: target.address, reason: asMeshError(thrown).message });
        return 'failed';
      })
      .then((outcome) => this.#ended(target, outcome))
      .catch((thrown: unknown) => this.#options.log.error('the dialler failed', { error: asMeshError(thrown).message }));
  }

  async #dial(target: Target): Promise<DialOutcome> {
    const { network, meet } = this.#options;
    const pipe = await network.dial(target.address);
    target.peer = pipe.remoteId;
    // Whoever answers is linked already, by another address: nothing more to say.
    if (this.#isStopped || (pipe.remoteId !== network.selfId && this.#options.isLinked(pipe.remoteId))) {
      pipe.close();
      return 'linked';
    }
    return meet(pipe);
  }

  #ended(target: Target, outcome: DialOutcome): void {
    target.isDialling = false;
    this.#dialling--;
    if (outcome === 'self') this.#targets.delete(target.address);
    if (outcome === 'failed') target.failures++;
    const pauseMs = Math.min(REDIAL_MS_MAX, REDIAL_MS_MIN * 2 ** Math.min(10, Math.max(0, target.failures - 1)));
    target.dueMs = this.#options.clock.now() + this.#jittered(pauseMs);
    const isGivenUp = target.source === 'sighted' && target.failures >= SIGHTED_FAILURES_MAX;
    if (isGivenUp) this.#targets.delete(target.address);
    this.#decide();
  }

  /** Up to a fifth more: peers that lost each other at once do not meet in step. */
  #jittered(ms: number): number {
    return ms + this.#options.random.integer(Math.floor(ms / 5));
  }
}
