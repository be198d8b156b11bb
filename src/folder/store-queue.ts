import type { Store, StoreRange, StoreWrite } from '../platform/store.ts';

/** Rows read at once while loading: decoding them stays well below 50 ms. */
const PAGE_ROWS = 1_000;
/** Writes gathered into one batch: bounds what one batch holds in memory and how long it takes. */
const BATCH_WRITES_MAX = 2_000;

interface Waiting {
  readonly writes: readonly StoreWrite[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Group commit: while one batch is being made durable, what comes is gathered into the next, so that many small acts at
 * once cost few syncs. Order is kept.
 */
export class StoreQueue {
  readonly #store: Store;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Durable when it resolves. Rejects with `full` or `failed`; then nothing of it was written. */
  write(writes: readonly StoreWrite[]): Promise<void> {
    if (writes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject });
      if (!this.#isWriting) this.#flush().catch(() => undefined);
    });
  }

  async #flush(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#store.batch(group.flatMap((one) => one.writes));
        for (const one of group) one.resolve();
      } catch (thrown) {
        for (const one of group) one.reject(thrown);
      }
    }
    this.#isWriting = false;
  }

  #takeGroup(): Waiting[] {
    let count = 0;
    let end = 0;
    while (end < this.#waiting.length && (end === 0 || count + (this.#waiting[end]?.writes.length ?? 0) <= BATCH_WRITES_MAX)) {
      count += this.#waiting[end]?.writes.length ?? 0;
      end += 1;
    }
    return this.#waiting.splice(0, end);
  }
}

/** All rows of a keyspace, in pages, in key order. */
export async function* rowsOf(
  store: Store,
  keys: Omit<StoreRange, 'limit'>,
): AsyncIterable<{ key: string; value: Uint8Array }[]> {
  let from = keys.from;
  for (;;) {
    const page = await store.range({ from, to: keys.to, limit: PAGE_ROWS });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_ROWS) return;
    // The next key after `last` in code-unit order.
    from = `${last.key}\u0000`;
  }
}
