import type { Place } from './places.ts';

/** The peer gives it to whoever is logged in, with a policy that names the peers there are then. */
const FILE = '/lookout.js';
/** Longer than any probe takes: what answers later was ended meanwhile. */
const LOOK_MS = 4_000;

/** Looks for other peers. It has to be there before the own one is gone, which is where it comes from. */
export class Lookout {
  #worker: Worker | undefined;
  /** The addresses that stood in its policy, and those that should. */
  #known = '';
  #wanted = '';
  #isComing = false;

  /** Gets one that may ask these, unless it is here; the one before stays until then. */
  renew(places: readonly Place[]): void {
    this.#wanted = places
      .map(({ http }) => http)
      .sort()
      .join(' ');
    this.#get();
  }

  /** The first of them that answers; undefined: none, or there is nobody to look. */
  async firstOf(places: readonly Place[]): Promise<Place | undefined> {
    const worker = this.#worker;
    if (worker === undefined) return undefined;
    const http = await new Promise<unknown>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      setTimeout(resolve, LOOK_MS);
      worker.postMessage(places.map((place) => place.http));
    });
    return places.find((place) => place.http === http);
  }

  #get(): void {
    const coming = this.#wanted;
    if (coming === this.#known || this.#isComing) return;
    this.#isComing = true;
    const worker = new Worker(FILE, { type: 'module' });
    worker.onmessage = () => {
      this.#isComing = false;
      this.#known = coming;
      this.#worker?.terminate();
      this.#worker = worker;
      this.#get();
    };
    // The next news of peers tries again.
    worker.onerror = () => {
      this.#isComing = false;
    };
  }
}
