import { type Fact, factKey } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import { FactsBook } from './facts-book.ts';
import { KnownPaths } from './known-paths.ts';
import { damaged, decodeFact, decodeHead, decodeRecord, encodeFact, type StoredHead, unpackStored } from './persistence.ts';
import { factStoreKey, keysUnder, parseRecordKey } from './store-keys.ts';

/** Entries read at once. Range 100–10,000. */
const PAGE_ENTRIES = 500;

/** Everything the store has of the catalog. */
export interface Loaded {
  readonly known: KnownPaths;
  readonly facts: FactsBook;
  readonly heads: Map<PeerId, StoredHead>;
}

/** Reads the catalog from the store. Rejects with `failed` when the store holds what no catalog wrote. */
export async function load(store: Store): Promise<Loaded> {
  const facts = await loadFacts(store);
  const heads = new Map<PeerId, StoredHead>();
  await forEach(store, 'i', (key, value) => {
    heads.set(key.slice('i/'.length) as PeerId, decodeHead(key, value));
  });
  const known = new KnownPaths();
  await forEach(store, 'x', (key, value) => {
    const { peer, sequence } = parseRecordKey(key);
    if (!(sequence <= (heads.get(peer)?.sequence ?? 0))) throw damaged(`its entry ${key} belongs to no index`);
    const { path, holding, packed } = decodeRecord(key, value);
    known.load(path, { packed, peer, holding, sequence }, () => unpackStored(key, packed));
  });
  return { known, facts, heads };
}

/**
 * The key of a grant follows from the fold of its path, which another version of the program, or of Unicode, may have had
 * otherwise: what lies elsewhere than it would be written now is moved there, merged with what lies there.
 */
async function loadFacts(store: Store): Promise<FactsBook> {
  const facts = new FactsBook();
  const moved = new Map<string, Fact>();
  await forEach(store, 'a', (key, value) => {
    const fact = decodeFact(key, value);
    if (factKey(fact) === undefined) throw damaged(`its entry ${key} is of no known kind`);
    if (factStoreKey(fact) !== key) moved.set(key, fact);
    facts.set(facts.mergedWith(fact));
  });
  if (moved.size === 0) return facts;
  const removals: StoreWrite[] = [...moved.keys()].map((key) => ({ key, value: undefined }));
  const rows = [...moved.values()].map((fact) => ({ key: factStoreKey(fact), value: encodeFact(facts.mergedWith(fact)) }));
  await store.batch([...removals, ...rows]);
  return facts;
}

async function forEach(store: Store, prefix: string, take: (key: string, value: Uint8Array) => void): Promise<void> {
  let { from, to } = keysUnder(prefix);
  for (;;) {
    const page = await store.range({ from, to, limit: PAGE_ENTRIES });
    for (const { key, value } of page) take(key, value);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ENTRIES) return;
    // The smallest key greater than the last one.
    from = `${last.key}\0`;
  }
}
