import { answers } from './answering.ts';
import type { Handover, Unfinished } from './handover.ts';
import { handoverOf, handoverUrl } from './handover.ts';
import { live } from './live.svelte.ts';
import { Lookout } from './lookout.ts';
import { nap } from './patience.ts';
import { type Place, peerAt, placesOf, rememberedPlaces, rememberPlaces, underName } from './places.ts';
import { router } from './router.svelte.ts';
import type { Route } from './routes.ts';
import { session } from './session.svelte.ts';

/** When the peer behind this page dies: another one is looked for, and one goes on there, at the same place. */

const PAUSE_MS = 700;
/** Whoever sends files from here would have to choose them again elsewhere: the own peer gets so long to come back. */
const PATIENCE_MS = 6_000;
/** Links to pages of other peers tell the address of this one, without a place in it; all others tell nothing. */
export const REFERRER = 'origin';

class Failover {
  /** Since when nobody answers here, as `performance.now()`; undefined: all is well. */
  lostAt = $state<number | undefined>();
  /** Where one could go by hand, when no probe gets through. */
  places = $state.raw<readonly Place[]>([]);
  /** Unsaved work: one does not leave by itself. */
  isHeld: () => boolean = () => false;
  /** What is on its way from this page. */
  unfinished: () => readonly Unfinished[] = () => [];
  /** Seconds into what is playing. */
  playing: () => number | undefined = () => undefined;
  readonly #lookout = new Lookout();
  #isLooking = false;
  #handover: Handover | undefined;

  /** Takes what another page handed over, and clears it away. True: there is something. */
  arrive(): boolean {
    this.#handover = handoverOf(location.hash);
    if (this.#handover === undefined) return false;
    router.replace(router.route);
    return true;
  }

  /**
   * What was handed over, and by which peer: once, when the peers are known. The browser itself says which page one comes from;
   * a link on any other page, or in a mail, hands over nothing.
   */
  takeHandover(): (Handover & { readonly from: string }) | undefined {
    const handover = this.#handover;
    this.#handover = undefined;
    const from = handover && peerAt(live.peers, document.referrer);
    return from && { ...handover, from: from.name };
  }

  /** What is known now is remembered for later. */
  remember(): void {
    const mesh = session.now?.meshId ?? '';
    const places = placesOf(live.peers, rememberedPlaces(mesh));
    const others = othersOf(places);
    this.places = others;
    this.#lookout.renew(others);
    rememberPlaces(mesh, places);
  }

  /** Looks until somebody answers: the own peer, else another one. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // The own peer may be gone before it told of any: those of earlier visits can be gone to by hand.
    if (this.places.length === 0) this.places = othersOf(rememberedPlaces(session.now?.meshId ?? ''));
    const beganMs = performance.now();
    try {
      for (let turn = 0; ; turn += 1) {
        if (await answers(location.origin)) return;
        this.lostAt ??= beganMs;
        const isPatient = this.unfinished().length > 0 && performance.now() - beganMs < PATIENCE_MS;
        if (turn > 0 && !isPatient && !this.isHeld()) {
          const place = await this.#lookout.firstOf(this.places);
          if (place !== undefined) return this.goTo(place);
        }
        await nap(PAUSE_MS).over;
      }
    } finally {
      this.#isLooking = false;
      if (await answers(location.origin)) {
        this.lostAt = undefined;
        live.open();
      }
    }
  }

  /** By a link, for that alone can tell the other page where one comes from. */
  goTo(place: Place): void {
    const link = document.createElement('a');
    link.href = this.urlAt(place);
    link.referrerPolicy = REFERRER;
    link.click();
  }

  urlAt(place: Place): string {
    return handoverUrl(underName(place.http, location.hostname), this.#route(), { unfinished: this.unfinished() });
  }

  #route(): Route {
    const at = this.playing();
    const { route } = router;
    return route.view === 'files' && at !== undefined ? { ...route, at: Math.floor(at * 10) / 10 } : route;
  }
}

function othersOf(places: readonly Place[]): Place[] {
  return places.filter(({ http }) => underName(http, location.hostname) !== location.origin);
}

export const failover = new Failover();
