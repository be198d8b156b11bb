import type { PagePeer } from './api.ts';

/** Pages of other peers: where one goes on when the own one is gone. Kept by the browser, per mesh. */

export interface Place {
  readonly name: string;
  /** `http://127.0.0.1:4781`, without a slash at its end. */
  readonly http: string;
}

/** More are never tried. */
const PLACES_MAX = 50;
const KEY = 'filemesh-places';
const LOOPBACK = '127.0.0.1';

/** An address of a page, as an origin; undefined for what is none. */
function originOf(text: string): string | undefined {
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

/** Those of the list before those known of old; who lives comes first, who was removed stays until others need the room. */
export function placesOf(peers: readonly PagePeer[], known: readonly Place[]): Place[] {
  const told = [...peers]
    .sort((a, b) => Number(b.alive) - Number(a.alive))
    .flatMap(({ name, http }) => {
      const origin = http ? originOf(http) : undefined;
      return origin === undefined ? [] : [{ name, http: origin }];
    });
  const addresses = new Set(told.map(({ http }) => http));
  return [...told, ...known.filter(({ http }) => !addresses.has(http))].slice(0, PLACES_MAX);
}

/** The other peer that has its page at that address. */
export function peerAt(peers: readonly PagePeer[], address: string): PagePeer | undefined {
  const origin = address === '' ? undefined : originOf(address);
  if (origin === undefined) return undefined;
  const isThere = (http: string): boolean => underName(http, LOOPBACK) === underName(origin, LOOPBACK);
  return peers.find(({ self, http }) => !self && http && isThere(originOf(http) ?? ''));
}

/**
 * The same place on this machine under the name by which the browser is here, `host`: a browser gives a login to all ports of a
 * host, and to no other name of it.
 */
export function underName(http: string, host: string): string {
  const isLocal = (name: string) => name === LOOPBACK || name === 'localhost';
  if (!URL.canParse(http)) return http;
  const url = new URL(http);
  if (url.protocol === 'http:' && isLocal(url.hostname) && isLocal(host)) url.hostname = host;
  return url.origin;
}

/** What the browser kept, or nothing: it may hold anything. */
export function rememberedPlaces(mesh: string): Place[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(`${KEY}-${mesh}`) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.flatMap((item: { name?: unknown; http?: unknown }) => {
      const origin = typeof item?.http === 'string' ? originOf(item.http) : undefined;
      return origin === undefined || typeof item.name !== 'string' ? [] : [{ name: item.name, http: origin }];
    });
  } catch {
    return [];
  }
}

export function rememberPlaces(mesh: string, places: readonly Place[]): void {
  try {
    localStorage.setItem(`${KEY}-${mesh}`, JSON.stringify(places));
  } catch {
    // A browser that keeps nothing: the list of this visit must do.
  }
}
