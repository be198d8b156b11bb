import type { Clock } from '../platform/clock.ts';
import type { Sighting } from '../platform/discovery.ts';
import { tagOf } from '../wire/mesh-line.ts';

/** Peers of other meshes counted. Range 16–4,096: above, more are not news. */
export const FOREIGN_MAX = 256;
/** Addresses taken of one sighting: cables, wireless, VPN. More is no honest one. */
const ADDRESSES_SIGHTED_MAX = 8;

/** Peers of the own mesh sighted in OWN_MS, and sightings of each: anybody can repeat a tag that he heard. Range 64–1,024, 4–64. */
const OWN_MAX = 256;
export const OWN_EACH_MAX = 16;
const OWN_MS = 1_000;

export interface SightingsOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Own: what this peer said itself is no news. */
  readonly instance: string;
  readonly idPrefix: () => string;
  /** One that shares the tag of the own mesh. It is unproved all the same. */
  readonly onOwn: (sighting: Sighting) => void;
  /** One more peer of another mesh; how many there are. */
  readonly onForeign: (count: number) => void;
}

/** Tells sightings of the own mesh from those of others: one keyed hash each, before anything else, and bounded memories. */
export class Sightings {
  readonly #options: SightingsOptions;
  readonly #foreign = new Set<string>();
  /** How often each of the own mesh was sighted since `#sinceMs`. */
  readonly #own = new Map<string, number>();
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: SightingsOptions) {
    this.#options = options;
  }

  take(sighting: Sighting): void {
    const { instance, idPrefix, onOwn, onForeign } = this.#options;
    if (sighting.instance === instance) return;
    if (sighting.tag === tagOf(idPrefix(), sighting.instance)) {
      if (this.#isFlood(sighting.instance)) return;
      onOwn({ ...sighting, addresses: sighting.addresses.slice(0, ADDRESSES_SIGHTED_MAX) });
      return;
    }
    if (this.#foreign.has(sighting.instance) || this.#foreign.size >= FOREIGN_MAX) return;
    this.#foreign.add(sighting.instance);
    onForeign(this.#foreign.size);
  }

  #isFlood(instance: string): boolean {
    const now = this.#options.clock.now();
    if (now - this.#sinceMs >= OWN_MS) {
      this.#own.clear();
      this.#sinceMs = now;
    }
    const count = this.#own.get(instance) ?? 0;
    if (count >= OWN_EACH_MAX || (count === 0 && this.#own.size >= OWN_MAX)) return true;
    this.#own.set(instance, count + 1);
    return false;
  }
}
