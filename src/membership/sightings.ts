import type { Sighting } from '../platform/discovery.ts';
import { tagOf } from '../wire/mesh-line.ts';

/** Peers of other meshes counted. Range 16–4,096: above, more are not news. */
export const FOREIGN_MAX = 256;
/** Addresses taken of one sighting: cables, wireless, VPN. More is no honest one. */
export const ADDRESSES_SIGHTED_MAX = 8;

export interface SightingsOptions {
  /** Own: what this peer said itself is no news. */
  readonly instance: string;
  readonly idPrefix: () => string;
  /** One that shares the tag of the own mesh. It is unproved all the same. */
  readonly onOwn: (sighting: Sighting) => void;
  /** One more peer of another mesh; how many there are. */
  readonly onForeign: (count: number) => void;
}

/** Tells sightings of the own mesh from those of others: one keyed hash each, and a bounded memory. */
export class Sightings {
  readonly #options: SightingsOptions;
  readonly #foreign = new Set<string>();

  constructor(options: SightingsOptions) {
    this.#options = options;
  }

  take(sighting: Sighting): void {
    const { instance, idPrefix, onOwn, onForeign } = this.#options;
    if (sighting.instance === instance) return;
    if (sighting.tag === tagOf(idPrefix(), sighting.instance)) {
      onOwn({ ...sighting, addresses: sighting.addresses.slice(0, ADDRESSES_SIGHTED_MAX) });
      return;
    }
    if (this.#foreign.has(sighting.instance) || this.#foreign.size >= FOREIGN_MAX) return;
    this.#foreign.add(sighting.instance);
    onForeign(this.#foreign.size);
  }
}
