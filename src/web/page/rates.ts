import type { PagePeer, Traffic } from './api.ts';

/** Bytes a second, from two looks at what the peer of this page has moved in all; and what of that travels where. */

export interface Rate {
  readonly inBytes: number;
  readonly outBytes: number;
}

/** By the id of who is at the other end; under the empty one all together. */
export type Rates = ReadonlyMap<string, Rate>;

/** File data on its way between two, as the peer of this page sees it. */
export interface Flow {
  /** Names; undefined: a client, or a browser. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Bytes a second. */
  readonly rate: number;
  /** Bytes since that peer started. */
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

/** What moves now, the fastest first. */
export function flowsOf(traffic: Traffic, rates: Rates, peers: readonly PagePeer[]): Flow[] {
  const self = peers.find((peer) => peer.self)?.name;
  const nameOf = (id: string) => peers.find((peer) => peer.id === id)?.name;
  return traffic.links
    .flatMap(({ id, inBytes, outBytes }) => {
      const rate = rates.get(id);
      return [
        { from: self, to: nameOf(id), rate: rate?.outBytes ?? 0, bytes: outBytes },
        { from: nameOf(id), to: self, rate: rate?.inBytes ?? 0, bytes: inBytes },
      ];
    })
    .filter(({ rate }) => rate > 0)
    .sort((a, b) => b.rate - a.rate);
}
