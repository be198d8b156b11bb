import type { StoreRange, StoreWrite } from '../store.ts';

/** What the main thread asks of the store's worker; answered in order by `StoreAnswer`s of the same id. */
export type StoreAsk = { readonly id: number } & (
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'range'; readonly range: StoreRange }
  | { readonly kind: 'batch'; readonly writes: PackedRows }
  | { readonly kind: 'close' }
);

/** The first writes of a batch that is too long for one message: more parts follow, then the `batch` with the last. Not answered. */
export interface StorePart {
  readonly kind: 'part';
  readonly writes: PackedRows;
}

export type StoreAnswer =
  | { readonly id: number; readonly rows: PackedRows }
  | { readonly id: number; readonly error: { readonly code: 'full' | 'failed'; readonly message: string } };

/** Keys and values as one message part: cheaper to hand over than an array of arrays, and nothing else is copied along. */
export interface PackedRows {
  readonly keys: readonly string[];
  /** Of each value, in bytes; -1 for none. */
  readonly sizes: readonly number[];
  /** All values, one after another. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export function packRows(rows: readonly StoreWrite[]): PackedRows {
  const sizes = rows.map((row) => row.value?.length ?? -1);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + Math.max(0, size), 0));
  let offset = 0;
  for (const { value } of rows) {
    if (value === undefined) continue;
    bytes.set(value, offset);
    offset += value.length;
  }
  return { keys: rows.map((row) => row.key), sizes, bytes };
}

/** Values are views on the packed bytes. */
export function* unpackRows({ keys, sizes, bytes }: PackedRows): Generator<StoreWrite> {
  let offset = 0;
  for (const [index, key] of keys.entries()) {
    const size = sizes[index] as number;
    yield { key, value: size < 0 ? undefined : bytes.subarray(offset, offset + size) };
    offset += Math.max(0, size);
  }
}
