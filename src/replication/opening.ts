import type { Catalog } from '../catalog/catalog.ts';
import type { Content } from '../core/namespace.ts';
import type { Clock } from '../platform/clock.ts';
import type { Standings } from './standings.ts';

/** So long after a peer came its folder may take to open before its share goes to others. 1…30 s. */
const OPENING_MS_MAX = 5_000;
/** Part of those that might take a content which may still be opening. 0…1. */
const OPENING_SHARE_MAX = 0.25;

interface Slice {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly standings: Standings;
}

/** All were started again: what comes in that moment would fill those that are quickest. A single one is not waited for. */
export function areManyOpening({ catalog, clock, standings }: Slice, content: Content): boolean {
  let takers = 0;
  let opening = 0;
  for (const one of catalog.peers.all()) {
    if (content.holders.includes(one.id) || standings.of(one.id) !== 'live') continue;
    takers += 1;
    if (one.opening && clock.now() - one.sinceMs < OPENING_MS_MAX) opening += 1;
  }
  return opening > 1 && opening > takers * OPENING_SHARE_MAX;
}
