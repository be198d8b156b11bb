import { FirstOut } from '../core/first-out.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';

/** A content that lacks copies. */
export interface Need {
  readonly path: FilePath;
  readonly hash: ContentHash;
}

export function keyOf(need: Need): string {
  return `${need.hash}${need.path}`;
}

/** Contents that wait to be offered, each once: fewest copies first, and before them what waited for a taker that is free now. */
export class Needs {
  /** By number of live copies: a content with one copy goes before one with two. */
  readonly #queues: FirstOut<string, Need>[] = [];
  /** Contents for which every taker has as many on their way as it may, by one of these takers. */
  readonly #parked = new Map<PeerId, FirstOut<string, Need>>();

  add(need: Need, copies: number): void {
    const key = keyOf(need);
    for (const queue of this.#queues) queue?.delete(key);
    const queue = this.#queues[copies] ?? new FirstOut<string, Need>();
    this.#queues[copies] = queue;
    queue.set(key, need);
  }

  /** Waits for the next free place at `peer`. */
  park(need: Need, peer: PeerId): void {
    const parked = this.#parked.get(peer) ?? new FirstOut<string, Need>();
    parked.set(keyOf(need), need);
    this.#parked.set(peer, parked);
  }

  next(isBusy: (peer: PeerId) => boolean): Need | undefined {
    for (const [peer, parked] of this.#parked) {
      if (isBusy(peer)) continue;
      const need = parked.take();
      if (parked.size === 0) this.#parked.delete(peer);
      if (need !== undefined) return need;
    }
    for (const queue of this.#queues) {
      const need = queue?.take();
      if (need !== undefined) return need;
    }
    return undefined;
  }
}
