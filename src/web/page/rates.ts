import type { PagePeer } from './api.ts';

/** Bytes a second, from two looks at what a peer has sent and received in all. */

export interface Rate {
  readonly sent: number;
  readonly received: number;
}

/** Looks that are nearer to each other tell nothing. */
const STRETCH_MS_MIN = 200;

/** `known`: what is shown while the looks are too near to each other. A peer that started anew begins at nothing. */
export function ratesOf(
  before: readonly PagePeer[],
  now: readonly PagePeer[],
  stretchMs: number,
  known: ReadonlyMap<string, Rate>,
): ReadonlyMap<string, Rate> {
  if (stretchMs < STRETCH_MS_MIN) return known;
  const then = new Map(before.map((peer) => [peer.id, peer]));
  return new Map(
    now.map((peer) => {
      const old = then.get(peer.id);
      const rate = (all = 0, earlier = all) => (peer.alive ? (Math.max(0, all - earlier) * 1000) / stretchMs : 0);
      return [peer.id, { sent: rate(peer.sent, old?.sent), received: rate(peer.received, old?.received) }];
    }),
  );
}
