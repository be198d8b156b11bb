import type { PeerId } from '../core/ids.ts';
import type { Store } from '../platform/store.ts';
import type { NumberedRecord } from './known-paths.ts';
import { decodeRecord } from './persistence.ts';
import type { RecentRecords } from './recent-records.ts';
import { parseRecordKey, recordKey } from './store-keys.ts';

/** Records asked of the store at once: it gives 10,000, and one more tells whether the page is the last. */
const PAGE_RECORDS_MAX = 9_000;

/** Records of an index in sequence order. */
export interface IndexPage {
  readonly records: NumberedRecord[];
  /** The sequence the page reaches without a gap. */
  readonly upTo: number;
  /** It reaches the head. */
  readonly last: boolean;
}

/**
 * Reads the records with `after` < sequence ≤ `head` of one index, about `limit` of them. The records of a path, which
 * have consecutive sequences, stay on one page (see OwnChange): the page ends before them where that is possible. `recent`:
 * of the own index.
 */
export async function readIndex(
  store: Store,
  peer: PeerId,
  { after, head, limit }: { after: number; head: number; limit: number },
  recent?: RecentRecords,
): Promise<IndexPage> {
  if (after >= head) return { records: [], upTo: head, last: true };
  const asked = Math.min(Math.max(limit, 1), PAGE_RECORDS_MAX);
  const records = recent?.read(after, asked + 1) ?? (await readStored(store, peer, { after, head, limit: asked + 1 }));
  if (records.length <= asked) return { records, upTo: head, last: true };
  const page = records.slice(0, endOfPage(records));
  return { records: page, upTo: page.at(-1)?.sequence ?? after, last: false };
}

async function readStored(
  store: Store,
  peer: PeerId,
  { after, head, limit }: { after: number; head: number; limit: number },
): Promise<NumberedRecord[]> {
  const rows = await store.range({ from: recordKey(peer, after + 1), to: recordKey(peer, head + 1), limit });
  return rows.map(({ key, value }) => numberedOf(key, value));
}

/** Position of the last place in `records` before its last record where one path ends and another begins. */
function endOfPage(records: readonly NumberedRecord[]): number {
  let end = records.length - 1;
  while (end > 0 && records[end - 1]?.path === records[end]?.path) end -= 1;
  return end > 0 ? end : records.length - 1;
}

function numberedOf(key: string, value: Uint8Array): NumberedRecord {
  return { sequence: parseRecordKey(key).sequence, ...decodeRecord(key, value) };
}
