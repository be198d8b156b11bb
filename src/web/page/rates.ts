import type { OthersTraffic, PagePeer, Traffic } from './api.ts';

/** Bytes a second, from two looks at what a peer has moved in all; and what of that travels where. */

/** All clients of a peer together. */
const CLIENTS = 'clients';
/** Of a longer stretch, as of a page that was out of sight, nobody would call the mean what moves now. Range 5–60 s. */
const STRETCH_MS_MAX = 10_000;

export interface Rate {
  readonly inBytes: number;
  readonly outBytes: number;
}

/** By the id of who is at the other end; under the empty one all together. */
export type Rates = ReadonlyMap<string, Rate>;

/** File data on its way between two. */
export interface Flow {
  /** Names; undefined: a client, or a browser. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Bytes a second. */
  readonly rate: number;
  /** Bytes since the peer that tells it started. */
  readonly bytes: number;
}

/** A peer that started anew begins at nothing. */
export function ratesOf(before: Traffic, now: Traffic, stretchMs: number): Rates {
  const then = new Map(before.links.map((link) => [link.id, link]));
  const perSecond = (all: number, earlier = 0) => (Math.max(0, all - earlier) * 1000) / Math.max(1, stretchMs);
  const rates = now.links.map(({ id, inBytes, outBytes }) => {
    const old = then.get(id);
    return [id, { inBytes: perSecond(inBytes, old?.inBytes), outBytes: perSecond(outBytes, old?.outBytes) }] as const;
  });
  const all = { inBytes: perSecond(now.inBytes, before.inBytes), outBytes: perSecond(now.outBytes, before.outBytes) };
  return new Map([...rates, ['', all] as const]);
}

/** What a peer moves now; `teller`: its name. What it says of itself, or of somebody nobody knows, is left out. */
export function flowsOf(
  teller: string | undefined,
  { links }: Pick<Traffic, 'links'>,
  rates: Rates,
  peers: readonly PagePeer[],
): Flow[] {
  const names = namesOf(peers);
  return links
    .filter(({ id }) => id === CLIENTS || (names.has(id) && names.get(id) !== teller))
    .flatMap(({ id, inBytes, outBytes }) => {
      const [other, rate] = [names.get(id), rates.get(id)];
      return [
        { from: teller, to: other, rate: rate?.outBytes ?? 0, bytes: outBytes },
        { from: other, to: teller, rate: rate?.inBytes ?? 0, bytes: inBytes },
      ];
    })
    .filter(({ rate }) => rate > 0);
}

/** What moves in the mesh, the fastest first. What two tell is one: as its sender says, or the peer of this page where it is one of them. */
export function meshFlows(
  own: readonly Flow[],
  told: OthersTraffic | undefined,
  rates: ReadonlyMap<string, Rates>,
  peers: readonly PagePeer[],
): Flow[] {
  const self = peers.find((peer) => peer.self)?.name;
  const names = namesOf(peers);
  const flows = new Map(own.map((flow) => [keyOf(flow), flow]));
  for (const teller of told?.peers ?? []) {
    const name = names.get(teller.id);
    if (name === undefined) continue;
    for (const flow of flowsOf(name, teller, rates.get(teller.id) ?? new Map(), peers)) {
      if (flow.from === self || flow.to === self) continue;
      if (flow.from === name || !flows.has(keyOf(flow))) flows.set(keyOf(flow), flow);
    }
  }
  return [...flows.values()].sort((a, b) => b.rate - a.rate);
}

/** Who is linked with whom, by id and each pair once: the peer of this page with all that are here, the others as they say. */
export function meshLinks(told: OthersTraffic | undefined, peers: readonly PagePeer[]): (readonly [string, string])[] {
  const self = peers.find((peer) => peer.self);
  const known = new Set(peers.map(({ id }) => id));
  const own = self === undefined ? [] : peers.filter(({ alive, id }) => alive && id !== self.id).map(({ id }) => [self.id, id]);
  const others = (told?.peers ?? []).flatMap(({ id, links }) => links.map((link) => [id, link.id]));
  const pairs = [...own, ...others].map((pair) => pair.sort() as [string, string]);
  const once = new Map(pairs.map((pair) => [pair.join(), pair]));
  return [...once.values()].filter(([a, b]) => a !== b && known.has(a) && known.has(b));
}

/**
 * By teller, from two times that all were asked. One that told nothing the time before has none yet, nor has a link that was not
 * there: what went over it was moved who knows when. A clock that went back is that of a peer that started anew.
 */
export function othersRates(before: OthersTraffic | undefined, now: OthersTraffic): ReadonlyMap<string, Rates> {
  const stretchMs = now.atMs - (before?.atMs ?? now.atMs);
  if (before === undefined || stretchMs <= 0 || stretchMs > STRETCH_MS_MAX) return new Map();
  const then = new Map(before.peers.map((one) => [one.id, one]));
  return new Map(
    now.peers.flatMap((one) => {
      const old = then.get(one.id);
      if (old === undefined) return [];
      const links = one.links.filter(({ id }) => old.links.some((link) => link.id === id));
      return [[one.id, ratesOf(old, { ...one, links }, stretchMs)] as const];
    }),
  );
}

function namesOf(peers: readonly PagePeer[]): ReadonlyMap<string, string> {
  return new Map(peers.map(({ id, name }) => [id, name]));
}

function keyOf({ from, to }: Flow): string {
  return JSON.stringify([from, to]);
}
