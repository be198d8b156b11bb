import type { Clock } from '../clock.ts';
import type { Sighting } from '../discovery.ts';

/** Sightings remembered; a mesh has at most some tens of peers, the rest is somebody's flood. Range 100–10,000. */
export const SIGHTINGS_REMEMBERED_MAX = 1_000;
/** The same sighting again within this time is no news: it comes twice, and by several sockets. */
export const SIGHTING_REPEAT_MS = 1_000;

/**
 * What was sighted lately, so that the same is not handed on again and again. In a flood what was sighted first is forgotten
 * first, and may be handed on twice: a new sighting is never dropped for the many that somebody made up, whose tag is wrong.
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
    this.#handedMs.delete(key);
    const [oldest] = this.#handedMs.keys();
    if (oldest !== undefined && this.#handedMs.size >= SIGHTINGS_REMEMBERED_MAX) this.#handedMs.delete(oldest);
    this.#handedMs.set(key, now);
    return true;
  }

  /** `instance` said goodbye: when it comes again, that is news. */
  forget(instance: string): void {
    for (const key of this.#handedMs.keys()) if (key.startsWith(`${instance} `)) this.#handedMs.delete(key);
  }
}
