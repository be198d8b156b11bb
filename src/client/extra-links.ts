import type { PeerId } from '../core/ids.ts';
import type { Holder } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { OpenLink } from './connector.ts';

/** Links kept beside the session's own one: as many holders as one download asks. Range 2–16. */
const EXTRA_LINKS_MAX = 16;

/** Links to holders that the session's own peer named, opened when needed and kept for the next time. */
export class ExtraLinks {
  readonly #open: OpenLink;
  /** Oldest use first. */
  readonly #links = new Map<PeerId, Link>();
  /** Dials under way: two downloads share one link. */
  readonly #dials = new Map<PeerId, Promise<Link | undefined>>();
  #closed = false;

  constructor(open: OpenLink) {
    this.#open = open;
  }

  /** The link to `holder`; undefined when it has no address or does not answer. */
  async to(holder: Holder): Promise<Link | undefined> {
    const kept = this.#links.get(holder.id);
    if (kept?.open === true) {
      this.#keep(kept);
      return kept;
    }
    const address = holder.address;
    if (address === undefined || this.#closed) return undefined;
    const dial = this.#dials.get(holder.id) ?? this.#dial(holder.id, address);
    this.#dials.set(holder.id, dial);
    return await dial;
  }

  /** When one of them answered last. */
  get answeredMs(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...[...this.#links.values()].map((link) => link.answeredMs));
  }

  forget(link: Link): void {
    if (this.#links.get(link.peer) === link) this.#links.delete(link.peer);
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close('the client is done');
    this.#links.clear();
  }

  async #dial(peer: PeerId, address: string): Promise<Link | undefined> {
    try {
      const link = await this.#open(address, peer);
      if (this.#closed) {
        link.close('the client is done');
        return undefined;
      }
      this.#keep(link);
      return link;
    } catch {
      // Out of reach from here: the caller asks the next holder, or its own peer to relay.
      return undefined;
    } finally {
      this.#dials.delete(peer);
    }
  }

  #keep(link: Link): void {
    this.#links.delete(link.peer);
    this.#links.set(link.peer, link);
    for (const [peer, oldest] of this.#links) {
      if (this.#links.size <= EXTRA_LINKS_MAX) return;
      this.#links.delete(peer);
      oldest.close('not needed now');
    }
  }
}
