import { MeshError } from '../../src/core/errors.ts';
import type { Store, StoreRange, StoreWrite } from '../../src/platform/store.ts';
import type { Incarnation } from './incarnation.ts';
import type { SimRandom } from './sim-random.ts';
import { fingerprint } from './trace.ts';

const KEY_CHARACTERS_MAX = 2_048;
const VALUE_BYTES_MAX = 1024 * 1024;
const RANGE_ROWS_MAX = 10_000;

/** How a simulated store misbehaves; may be changed while the simulation runs. */
export interface StoreFaults {
  latencyMinMs: number;
  latencyMaxMs: number;
  /** Every batch that sets something is refused with `full`. */
  isFull: boolean;
  /** Batches that fail, with nothing written. */
  batchErrorRate: number;
}

/** A good store. */
function calmStore(): StoreFaults {
  return { latencyMinMs: 0.05, latencyMaxMs: 1, isFull: false, batchErrorRate: 0 };
}

/** What the store of one machine has durably; outlives its processes. */
export class StoreFile {
  faults: StoreFaults = calmStore();
  readonly #random: SimRandom;
  #values = new Map<string, Uint8Array>();
  /** The keys in code-unit order. */
  #keys: string[] = [];
  #opener: Incarnation | undefined;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** Opens it for one incarnation, exclusively: `failed` while another that is alive has it. */
  open(incarnation: Incarnation): SimStore {
    if (this.#opener !== undefined && !this.#opener.isDead)
      throw new MeshError('failed', 'the store is in use by another process');
    this.#opener = incarnation;
    return new SimStore(this, incarnation, this.#random.fork(incarnation.name));
  }

  /** For SimStore: lets the next opener in. */
  unlock(): void {
    this.#opener = undefined;
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.slice();
  }

  range({ from, to, limit }: StoreRange): { key: string; value: Uint8Array }[] {
    const rows: { key: string; value: Uint8Array }[] = [];
    for (let index = this.#indexOf(from); index < this.#keys.length && rows.length < limit; index++) {
      const key = this.#keys[index] as string;
      if (key >= to) break;
      rows.push({ key, value: this.get(key) as Uint8Array });
    }
    return rows;
  }

  /** All at once, durable at once: what comes before is latency. */
  apply(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      const index = this.#indexOf(key);
      const isKnown = this.#keys[index] === key;
      if (value === undefined) {
        if (isKnown) this.#keys.splice(index, 1);
        this.#values.delete(key);
      } else {
        if (!isKnown) this.#keys.splice(index, 0, key);
        this.#values.set(key, value);
      }
    }
  }

  /** An image of the store as it is now. */
  snapshot(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#values);
  }

  /** Puts an image back; an empty one wipes the store. No process may run. */
  restore(image: ReadonlyMap<string, Uint8Array>): void {
    this.#values = new Map(image);
    this.#keys = [...image.keys()].sort();
  }

  /** Index of the first key that is not less than `key`. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The Store of one incarnation: one thing at a time, in the order of the calls. */
export class SimStore implements Store {
  readonly #file: StoreFile;
  readonly #incarnation: Incarnation;
  readonly #random: SimRandom;
  readonly #queue: (() => void)[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(file: StoreFile, incarnation: Incarnation, random: SimRandom) {
    this.#file = file;
    this.#incarnation = incarnation;
    this.#random = random;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#enqueue(() => this.#file.get(key));
  }

  range(range: StoreRange): Promise<{ key: string; value: Uint8Array }[]> {
    if (!(range.limit >= 1 && range.limit <= RANGE_ROWS_MAX)) throw new RangeError(`no range of ${range.limit} rows`);
    return this.#enqueue(() => this.#file.range(range));
  }

  batch(writes: readonly StoreWrite[]): Promise<void> {
    const own = writes.map(({ key, value }) => {
      if (key.length > KEY_CHARACTERS_MAX) throw new RangeError('a key is at most 2,048 bytes');
      if (value !== undefined && value.length > VALUE_BYTES_MAX) throw new RangeError('a value is at most 1 MiB');
      return { key, value: value?.slice() };
    });
    return this.#enqueue(() => {
      const { isFull, batchErrorRate } = this.#file.faults;
      const isBroken = this.#random.chance(batchErrorRate);
      if (isFull && own.some((write) => write.value !== undefined)) throw new MeshError('full', 'the disk of the store is full');
      if (isBroken) throw new MeshError('failed', 'the store could not write');
      this.#file.apply(own);
      this.#incarnation.tell(
        `store ${own
          .map(({ key, value }) => `${key}=${value ? fingerprint(value) : '-'}`)
          .join(' ')
          .slice(0, 300)}`,
      );
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    const last = this.#enqueue(() => this.#file.unlock());
    this.#isClosed = true;
    await last;
  }

  /** The effect comes after its latency, and the answer a moment after the effect: a kill in between finds it done and untold. */
  #enqueue<T>(effect: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new MeshError('failed', 'the store is closed'));
    return new Promise<T>((resolve, reject) => {
      const run = () => {
        const { latencyMinMs, latencyMaxMs } = this.#file.faults;
        this.#incarnation.after(this.#random.between(latencyMinMs, latencyMaxMs), () => {
          const answered = this.#incarnation.perform(this.#random.between(0, latencyMinMs), true, effect);
          answered.then(resolve, reject);
          this.#next();
        });
      };
      this.#queue.push(run);
      if (!this.#isBusy) this.#next();
    });
  }

  #next(): void {
    const run = this.#queue.shift();
    this.#isBusy = run !== undefined;
    run?.();
  }
}
