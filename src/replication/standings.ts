import type { PeerTable } from '../catalog/peer-table.ts';
import type { PeerId } from '../core/ids.ts';
import type { Standing } from '../core/repair.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** Grace after a goodbye: a machine that was switched off on purpose is back tomorrow. */
const GOODBYE_GRACE_MS = 24 * 60 * 60 * 1000;

interface Slice {
  readonly clock: Clock;
  readonly peers: PeerTable;
  /** Grace of a peer that vanished. */
  readonly healAfterMs: number;
  /** Some peer's standing turned to `gone`, or may have turned back. */
  readonly changed: () => void;
}

/** Who counts as a holder: live now, away for a while, or gone for good. One timer for all of them. */
export class Standings {
  readonly #slice: Slice;
  readonly #absentSinceMs = new Map<PeerId, number>();
  #timer: Timer | undefined;
  #signature = '';

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  of(peer: PeerId): Standing {
    const status = this.#slice.peers.get(peer);
    if (status === undefined) return 'gone';
    if (this.#slice.peers.isServing(peer)) return 'live';
    return this.#graceEndMs(peer) > this.#slice.clock.now() ? 'away' : 'gone';
  }

  /** Call when the peer table changed: tells `changed` when a standing did. */
  refresh(): void {
    for (const { id, live, sinceMs } of this.#slice.peers.all()) {
      if (this.#slice.peers.isServing(id)) this.#absentSinceMs.delete(id);
      else if (!this.#absentSinceMs.has(id)) this.#absentSinceMs.set(id, live ? this.#slice.clock.now() : sinceMs);
    }
    this.#arm();
    const signature = this.#slice.peers
      .all()
      .map(({ id, caughtUp, opening }) => `${id}${this.of(id)}${caughtUp}${opening}`)
      .sort()
      .join();
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#slice.changed();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #graceEndMs(peer: PeerId): number {
    const status = this.#slice.peers.get(peer);
    const sinceMs = this.#absentSinceMs.get(peer) ?? this.#slice.clock.now();
    return sinceMs + (status?.saidGoodbye ? Math.max(GOODBYE_GRACE_MS, this.#slice.healAfterMs) : this.#slice.healAfterMs);
  }

  #arm(): void {
    this.#timer?.cancel();
    const nowMs = this.#slice.clock.now();
    const ends = [...this.#absentSinceMs.keys()].map((peer) => this.#graceEndMs(peer)).filter((end) => end > nowMs);
    if (ends.length === 0) return;
    this.#timer = this.#slice.clock.after(Math.min(...ends) - nowMs + 1, () => this.refresh());
  }
}
