import type { Clock } from '../clock.ts';
import type { Sighting } from '../discovery.ts';

/** Sightings remembered; a mesh has at most some tens of peers, the rest is somebody's flood. Range 100–10,000. */
export const SIGHTINGS_REMEMBERED_MAX = 1_000;
/** The same sighting again within this time is no news: it comes twice, and by several sockets. */
export const SIGHTING_REPEAT_MS = 1_000;

/**
 * What was sighted lately, so that the same is not handed on again and again. In a flood it lets pass at most
 * SIGHTINGS_REMEMBERED_MAX in SIGHTING_REPEAT_MS.
 */
export class SightingMemory {
  readonly #clock: Clock;
  /** When it was handed on last, by all that a sighting says; oldest first. */
  readonly #handedMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#handedMs.size;
  }

  /** True when it should be handed on; then it counts as handed on. */
  isNews({ instance, tag, addresses }: Sighting): boolean {
    const key = `${instance} ${tag} ${[...addresses].sort().join(' ')}`;
    const now = this.#clock.now();
    const handedMs = this.#handedMs.get(key);
    if (handedMs !== undefined && now - handedMs < SIGHTING_REPEAT_MS) return false;
    if (handedMs === undefined && this.#handedMs.size >= SIGHTINGS_REMEMBERED_MAX) {
      const [oldest] = this.#handedMs;
      if (oldest === undefined || now - oldest[1] < SIGHTING_REPEAT_MS) return false;
      this.#handedMs.delete(oldest[0]);
    }
    this.#handedMs.delete(key);
    this.#handedMs.set(key, now);
    return true;
  }

  /** `instance` said goodbye: when it comes again, that is news. */
  forget(instance: string): void {
    for (const key of this.#handedMs.keys()) if (key.startsWith(`${instance} `)) this.#handedMs.delete(key);
  }
}
