import type { PeerId } from '../core/ids.ts';
import type { Holding } from '../core/namespace.ts';
import { bytesOfRuns } from '../core/striping.ts';

/** What one peer holds in all, as its index says. */
export interface Held {
  readonly bytes: number;
  readonly files: number;
}

interface Line {
  /** Bytes; undefined for a tombstone. */
  readonly size: number | undefined;
  readonly holding: Holding;
}

const NOTHING: Held = { bytes: 0, files: 0 };

/** Bytes and files each index says are held, counted as the indexes change: placement asks for them at every copy. */
export class HeldTotals {
  readonly #held = new Map<PeerId, Held>();

  of(peer: PeerId): Held {
    return this.#held.get(peer) ?? NOTHING;
  }

  /** The index of `peer` says `after` of some path, where it said `before`. */
  change(peer: PeerId, before: readonly Line[], after: readonly Line[]): void {
    const { bytes, files } = this.of(peer);
    const less = sumOf(before);
    const more = sumOf(after);
    this.#held.set(peer, { bytes: bytes - less.bytes + more.bytes, files: files - less.files + more.files });
  }
}

function sumOf(lines: readonly Line[]): Held {
  let bytes = 0;
  let files = 0;
  for (const { size, holding } of lines) {
    if (size === undefined || holding === 'none') continue;
    const held = holding === 'all' ? size : bytesOfRuns(size, holding.mask);
    if (holding !== 'all' && held === 0) continue;
    bytes += held;
    files += 1;
  }
  return { bytes, files };
}
