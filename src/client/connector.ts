import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Address } from '../platform/network.ts';
import type { Link } from '../wire/link.ts';
import type { Route, Routes } from './routes.ts';

/** Dials under way at once: a dead peer costs no time, and a live mesh is not stormed. Range 2–8. */
const RACERS_MAX = 3;
/** Dials beside those to addresses that are learned meanwhile: in another network all known ones may be silent. Range 1–8. */
const NEWCOMERS_MAX = 3;
/** ms a dial may take alone before the next starts beside it (RFC 8305 §5): less, and a crowd of clients on a busy machine dials thrice as often. */
const STAGGER_MS = 250;

/** Opens a greeted link to a peer of the mesh, or rejects. */
export type OpenLink = (address: Address, expected?: PeerId) => Promise<Link>;

/** What a round of dials came to. `refusal`: a peer answered and did not admit this client; `isOnlyRefused`: all did so. */
export type RoundResult =
  | { readonly link: Link }
  | { readonly link: undefined; readonly refusal: MeshError | undefined; readonly isOnlyRefused: boolean };

/** Why and how one round is run. */
export interface RoundOptions {
  /** Peers not wanted: they have declined what is to be asked. */
  readonly without: ReadonlySet<PeerId>;
  /** ms after which the round is over, whatever is still silent. */
  readonly limitMs: number | 'never';
  /** Closes what a round opens too late. */
  readonly discard: (link: Link) => void;
}

/**
 * One round: tries every route once, best first, a few at a time, and what is learned meanwhile at once; the first link that
 * opens wins and the others are closed. Resolves when a link is open, every route has failed, or the time is over.
 */
export function dialRound(routes: Routes, open: OpenLink, clock: Clock, options: RoundOptions): Promise<RoundResult> {
  return new Promise((resolve) => new Round(routes, open, clock, options, resolve).start());
}

class Round {
  readonly #routes: Routes;
  readonly #open: OpenLink;
  readonly #clock: Clock;
  readonly #options: RoundOptions;
  readonly #resolve: (result: RoundResult) => void;
  readonly #waiting: Route[];
  #racing = 0;
  #over = false;
  #stagger: Timer | undefined;
  #limit: Timer | undefined;
  #unwatch = () => {};
  #failures = 0;
  #refusals = 0;
  #refusal: MeshError | undefined;

  constructor(routes: Routes, open: OpenLink, clock: Clock, options: RoundOptions, resolve: (result: RoundResult) => void) {
    this.#routes = routes;
    this.#open = open;
    this.#clock = clock;
    this.#options = options;
    this.#resolve = resolve;
    this.#waiting = routes.inOrder().filter((route) => this.#isWanted(route));
  }

  start(): void {
    const { limitMs } = this.#options;
    if (limitMs !== 'never') this.#limit = this.#clock.after(limitMs, () => this.#finish(this.#nothing()));
    this.#unwatch = this.#routes.watch((route) => this.#learned(route));
    this.#next();
  }

  #isWanted(route: Route): boolean {
    return route.peer === undefined || !this.#options.without.has(route.peer);
  }

  #learned(route: Route): void {
    if (!this.#isWanted(route)) return;
    this.#waiting.unshift(route);
    this.#next(RACERS_MAX + NEWCOMERS_MAX);
  }

  /** The one decider: starts the next dial, waits for the stagger, or ends the round. */
  #next(racersMax = RACERS_MAX): void {
    if (this.#over) return;
    this.#stagger?.cancel();
    const route = this.#racing < racersMax ? this.#waiting.shift() : undefined;
    if (route !== undefined) {
      this.#racing++;
      this.#stagger = this.#clock.after(STAGGER_MS, () => this.#next());
      // The dial tells its end itself and never rejects.
      this.#dial(route).catch(() => undefined);
    } else if (this.#racing === 0) {
      this.#finish(this.#nothing());
    }
  }

  async #dial(route: Route): Promise<void> {
    try {
      const link = await this.#open(route.address, route.peer);
      this.#routes.succeeded(route.address, link.peer);
      if (this.#over || this.#options.without.has(link.peer)) this.#options.discard(link);
      else this.#finish({ link });
    } catch (thrown) {
      const error = asMeshError(thrown);
      this.#routes.failed(route.address);
      this.#failures++;
      if (error.code === 'not-allowed') {
        this.#refusals++;
        this.#refusal = error;
      }
    }
    this.#racing--;
    this.#next();
  }

  #nothing(): RoundResult {
    const isOnlyRefused = this.#refusals > 0 && this.#refusals === this.#failures && this.#racing === 0;
    return { link: undefined, refusal: this.#refusal, isOnlyRefused };
  }

  #finish(result: RoundResult): void {
    if (this.#over) return;
    this.#over = true;
    this.#unwatch();
    this.#stagger?.cancel();
    this.#limit?.cancel();
    this.#resolve(result);
  }
}

/** What a refusal means for the user, and what to do next. */
export function refused(cause: MeshError): MeshError {
  return new MeshError(
    'not-allowed',
    'the peer that answers does not admit this client: the join line is not that of its mesh, or no longer; "filemesh invite" on a machine of the mesh prints the present one',
    { cause },
  );
}
