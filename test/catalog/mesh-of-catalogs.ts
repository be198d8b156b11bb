import { createHash } from 'node:crypto';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import { isOnTrail } from '../../src/core/trail.ts';
import type { Draft } from '../../src/core/version.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Log } from '../../src/platform/log.ts';
import type { Random } from '../../src/platform/random.ts';
import type { Store } from '../../src/platform/store.ts';
import { MemoryStore, StoreDisk } from './memory-store.ts';

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const still: Clock = { now: () => 0, wall: () => 0, after: () => ({ cancel: () => undefined }) };

/** Chance from a seed (splitmix32). */
function seededRandom(seed: number): Random {
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

export function peerNamed(name: string): PeerId {
  return createHash('sha256').update(name).digest('hex') as PeerId;
}

export function contentOf(text: string): ContentHash {
  return createHash('sha256').update(text).digest('hex') as ContentHash;
}

export function path(text: string): FilePath {
  return text as FilePath;
}

/** A draft of a file with that content. */
export function fileDraft(origin: PeerId, content: string, more: { found?: boolean } = {}): Draft {
  const hash = contentOf(content);
  const manifest = { scheme: 1, hash: contentOf(`manifest of ${content}`) };
  return { kind: 'file', hash, size: content.length, mode: 0o644, manifest, found: false, origin, modifiedMs: 1.5, ...more };
}

export function graveDraft(origin: PeerId, buried: readonly ContentHash[]): Draft {
  return { kind: 'tombstone', buried, origin, modifiedMs: 2 };
}

export function openCatalog(self: PeerId, store: Store, seed: number, clock = still): Promise<Catalog> {
  return Catalog.open({ self, store, clock, random: seededRandom(seed), log: silent });
}

/** A catalog, and what it lies on. */
export interface Opened {
  readonly disk: StoreDisk;
  readonly store: MemoryStore;
  readonly catalog: Catalog;
}

/** The first start of a peer; `disk`: a later one. */
export async function startOn(self: PeerId, seed: number, disk = new StoreDisk()): Promise<Opened> {
  const store = new MemoryStore(disk);
  return { disk, store, catalog: await openCatalog(self, store, seed) };
}

/** The same peer after its program was ended in order. */
export async function restart({ disk, catalog }: Pick<Opened, 'disk' | 'catalog'>, seed: number): Promise<Opened> {
  await catalog.close();
  return await startOn(catalog.self, seed, disk);
}

/** Makes a version of a file that follows all that is known there. */
export function mint(on: Catalog, at: FilePath, content: string) {
  return on.change([at], (tx) => {
    const base = (tx.view(at)?.known ?? []).map((one) => one.version);
    return tx.mint(at, fileDraft(on.self, content), base, 'all');
  });
}

/**
 * Lets `reader` read one index as `teller` has it, as gossip does: the delta after its cursor, or the whole when the cursor
 * is off the trail; an owner that meets one off its own trail starts anew. False when a piece was refused.
 */
export async function syncIndex(teller: Catalog, reader: Catalog, index: PeerId, pieceRecords = 1_000): Promise<boolean> {
  const cursor = reader.index(index)?.cursor;
  const told = teller.index(index);
  const isOn = cursor !== undefined && told !== undefined && isOnTrail(cursor, told.trail, told.sequence);
  if (teller.self === index && cursor !== undefined && !isOn) await teller.startAnew();
  const state = teller.index(index);
  if (state === undefined) return true;
  for (let after = isOn ? cursor.sequence : 0; ; ) {
    const page = await teller.read(index, after, pieceRecords);
    const { trail } = state;
    const delta = { index, trail, after, upTo: page.upTo, whole: !isOn, last: page.last, records: page.records };
    if (!(await reader.take(delta, teller.self === index))) return false;
    if (page.last) return true;
    after = page.upTo;
  }
}
