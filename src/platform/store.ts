/** One write of a batch: a value to set, or undefined to remove the key. */
export interface StoreWrite {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A range of keys: `from` ≤ key < `to`, in code-unit order, at most `limit` of them. */
export interface StoreRange {
  readonly from: string;
  readonly to: string;
  /** 1…10,000. */
  readonly limit: number;
}

/**
 * The embedded store: ordered keys (ASCII, ≤ 2,048 bytes), binary values (≤ 1 MiB). Works off the main thread.
 * It is exclusively locked while open: a second opener fails with `failed`, a killed one's lock never blocks.
 */
export interface Store {
  get(key: string): Promise<Uint8Array | undefined>;
  range(range: StoreRange): Promise<{ key: string; value: Uint8Array }[]>;
  /**
   * All writes or none, durable when the promise resolves; batches take effect in the order of the calls.
   * Of a very long batch the values are read until then: they stay as they are.
   * Rejects with `full` on a full disk and `failed` otherwise; then nothing of it was written and the store is still usable.
   */
  batch(writes: readonly StoreWrite[]): Promise<void>;
  /** Waits for what is under way. Later calls reject. */
  close(): Promise<void>;
}
