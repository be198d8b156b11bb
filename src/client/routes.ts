import type { PeerId } from '../core/ids.ts';
import type { Address } from '../platform/network.ts';

/** Addresses kept: a mesh of 50 peers with a few interfaces each, and as many stale ones. Range 16–1,024. */
const ROUTES_MAX = 256;

/** One way to a peer of the mesh. */
export interface Route {
  readonly address: Address;
  /** Who answered there, or is said to live there. */
  readonly peer: PeerId | undefined;
}

/** How a route came to be known, best first: named by the user, learned from the mesh, heard by multicast. */
export type RouteSource = 'given' | 'member' | 'sighting';

const RANK: Record<RouteSource, number> = { given: 0, member: 1, sighting: 2 };

interface KnownRoute {
  readonly address: Address;
  peer: PeerId | undefined;
  rank: number;
  /** Failures since the last success. */
  failures: number;
  /** Counts successes: the route that worked last comes first. */
  lastSuccess: number;
}

/** Where a client may find peers, best first. Given addresses are where to start; failover goes to any of them. */
export class Routes {
  readonly #routes = new Map<Address, KnownRoute>();
  readonly #watchers = new Set<(route: Route) => void>();
  #successes = 0;

  /** `told` hears of each address that was not known, until the answer is called. */
  watch(told: (route: Route) => void): () => void {
    this.#watchers.add(told);
    return () => this.#watchers.delete(told);
  }

  learn(source: RouteSource, address: Address, peer?: PeerId): void {
    const known = this.#routes.get(address);
    if (known !== undefined) {
      known.peer = peer ?? known.peer;
      known.rank = Math.min(known.rank, RANK[source]);
      if (source === 'sighting') known.failures = 0;
      return;
    }
    if (this.#routes.size >= ROUTES_MAX && !this.#forgetWorst()) return;
    const route = { address, peer, rank: RANK[source], failures: 0, lastSuccess: 0 };
    this.#routes.set(address, route);
    for (const told of [...this.#watchers]) told(route);
  }

  succeeded(address: Address, peer: PeerId): void {
    this.learn('member', address, peer);
    const route = this.#routes.get(address);
    if (route === undefined) return;
    route.failures = 0;
    route.lastSuccess = ++this.#successes;
  }

  failed(address: Address): void {
    const route = this.#routes.get(address);
    if (route !== undefined) route.failures++;
  }

  /** All routes in the order in which to try them. */
  inOrder(): Route[] {
    return [...this.#routes.values()].sort(byPromise);
  }

  /** What a later session should start with: routes that worked, or that the mesh told. */
  worthRemembering(limit: number): Address[] {
    return [...this.#routes.values()]
      .filter((route) => route.rank < RANK.sighting)
      .sort(byPromise)
      .slice(0, limit)
      .map((route) => route.address);
  }

  #forgetWorst(): boolean {
    const worst = [...this.#routes.values()].sort(byPromise).at(-1);
    return worst !== undefined && worst.rank > RANK.given && this.#routes.delete(worst.address);
  }
}

function byPromise(a: KnownRoute, b: KnownRoute): number {
  return (
    a.failures - b.failures || (a.lastSuccess === 0 && b.lastSuccess === 0 ? a.rank - b.rank : b.lastSuccess - a.lastSuccess)
  );
}
