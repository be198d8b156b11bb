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

/** True where nobody on the way can read what is handed over. */
export function isPrivateWay(http: string): boolean {
  const { protocol, hostname } = new URL(http);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
