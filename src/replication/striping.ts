import type { Catalog } from '../catalog/catalog.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import type { Candidate } from '../core/placement.ts';
import { type Shortage, shortageOf } from '../core/repair.ts';
import { planStripes, type StripePlan } from '../core/stripe-plan.ts';
import type { RunMask } from '../core/striping.ts';
import type { Clock } from '../platform/clock.ts';
import type { Declines } from './declines.ts';
import type { Need } from './needs.ts';
import type { Standings } from './standings.ts';

/** So long the peers may take to tell of the runs they keep, before the owner places what is missing. 500…5,000 ms. */
const TOLD_MS = 1_000;

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly standings: Standings;
  readonly wanted: () => number;
  /** Contents smaller than this are striped only once they are. In bytes. */
  readonly bytesMin: number;
  /** Live peers that may take something of a content. */
  readonly candidates: (need: Need, content: Content, shortage: Shortage, declined: Declines) => Candidate[];
  /** Live peers that have no room for all of a content. */
  readonly fullPeers: (need: Need, content: Content) => Declines;
  /** Asks a peer to take runs; resolves with why it declined. */
  readonly ask: (target: PeerId, need: Need, content: Content, runs: RunMask) => Promise<ErrorCode | undefined>;
}

/** The owner's side of a striped content: its missing runs are spread over the peers, by load. Decision 0010. */
export class Striping {
  readonly #slice: Slice;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** True when a content is to be placed in runs: it is striped, or too large for every single peer and not for all together. */
  isFor(need: Need, content: Content, declined: Declines): boolean {
    if (content.parts !== undefined) return true;
    return content.size >= this.#slice.bytesMin && this.#plan(need, content, declined).isComplete;
  }

  /** Places what is missing, until nothing is or nobody takes more. Resolves with who declined, and why. */
  async place(need: Need): Promise<Declines> {
    const declined = new Map<PeerId, ErrorCode>();
    const { clock } = this.#slice;
    // Whoever keeps runs of a new version says so once it has read of it: till then they only seem to be missing.
    await new Promise<void>((resolve) => clock.after(TOLD_MS, resolve));
    for (;;) {
      const content = this.#slice.catalog.view(need.path)?.contents.find((one) => one.hash === need.hash);
      if (content === undefined) return declined;
      const { masks, isComplete } = this.#plan(need, content, declined);
      if (masks.size === 0 && !isComplete) return new Map([...this.#slice.fullPeers(need, content), ...declined]);
      if (masks.size === 0) return declined;
      const asked = [...masks].map(async ([target, runs]) => {
        const reason = await this.#slice.ask(target, need, content, runs);
        if (reason !== undefined) declined.set(target, reason);
        return reason === undefined;
      });
      const taken = await Promise.all(asked);
      // Who took something may yet lack what the next look tells; who declined is not asked again.
      if (!taken.includes(true) && declined.size === 0) return declined;
    }
  }

  #plan(need: Need, content: Content, declined: Declines): StripePlan {
    const { standings, wanted } = this.#slice;
    const standing = (peer: PeerId) => standings.of(peer);
    const shortage = shortageOf(content, wanted(), standing);
    const candidates = this.#slice.candidates(need, content, shortage, declined);
    return planStripes(content, candidates, { wanted: wanted(), standing });
  }
}
