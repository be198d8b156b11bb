import { api, type OthersTraffic } from '../api.ts';
import { othersRates, type Rates } from '../rates.ts';

/** They are asked anew so long after they answered: no sooner than the peer of this page would ask them. Range 2–10 s. */
const PAUSE_MS = 2_000;

/** What the other peers say they move: asked while somebody looks at it, and not beside. */
export class Others {
  /** Undefined: they were not asked yet, or the peer of this page could not say it twice. */
  told = $state.raw<OthersTraffic | undefined>();
  rates = $state.raw<ReadonlyMap<string, Rates>>(new Map());
  /** The last time the peer of this page could not say it. */
  isFailed = $state(false);

  /** Begins to ask; returns how to stop. */
  watch(): () => void {
    let isWatched = true;
    let pause: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      if (!document.hidden) await this.#ask();
      if (isWatched) pause = setTimeout(() => void look(), PAUSE_MS);
    };
    void look();
    return () => {
      isWatched = false;
      clearTimeout(pause);
    };
  }

  async #ask(): Promise<void> {
    const told = await api.traffic().catch(() => undefined);
    if (told === undefined) {
      this.rates = new Map();
      if (this.isFailed) this.told = undefined;
      this.isFailed = true;
      return;
    }
    this.isFailed = false;
    // Somebody else looks too, and got these answers a moment ago.
    if (told.atMs === this.told?.atMs) return;
    this.rates = othersRates(this.told, told);
    this.told = told;
  }
}
