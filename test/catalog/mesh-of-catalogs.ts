import { Catalog } from '../../src/catalog/catalog.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { isOnTrail } from '../../src/core/trail.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Log } from '../../src/platform/log.ts';
import type { Random } from '../../src/platform/random.ts';
import type { Store } from '../../src/platform/store.ts';

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const still: Clock = { now: () => 0, wall: () => 0, after: () => ({ cancel: () => undefined }) };

/** Chance from a seed (splitmix32). */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
  return {
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
    integer: (below) => next() % below,
    fork: () => seededRandom(next()),
  };
}

export function openCatalog(self: PeerId, store: Store, seed: number): Promise<Catalog> {
  return Catalog.open({ self, store, clock: still, random: seededRandom(seed), log: silent });
}

/** Records of one piece: few in the properties, so that indexes take several. */
const PIECE_RECORDS = 1_000;

/**
 * Lets `reader` read one index as `teller` has it, as gossip does: the delta after its cursor, or the whole when the cursor
 * is off the trail. False when a piece was refused.
 */
export async function syncIndex(teller: Catalog, reader: Catalog, index: PeerId, pieceRecords = PIECE_RECORDS): Promise<boolean> {
  const state = teller.index(index);
  if (state === undefined) return true;
  const cursor = reader.index(index)?.cursor;
  const isOn = cursor !== undefined && isOnTrail(cursor, state.trail, state.sequence);
  const whole = !isOn;
  for (let after = isOn ? cursor.sequence : 0; ; ) {
    const page = await teller.read(index, after, pieceRecords);
    const delta = { index, trail: state.trail, after, upTo: page.upTo, whole, last: page.last, records: page.records };
    if (!(await reader.take(delta, teller.self === index))) return false;
    if (page.last) return true;
    after = page.upTo;
  }
}
