import { MeshError } from '../../src/core/errors.ts';
import type { Store, StoreRange, StoreWrite } from '../../src/platform/store.ts';

/** What lies on the disk below a store: it outlives crashes, and can be copied and put back. */
export class StoreDisk {
  readonly values = new Map<string, Uint8Array>();
  #keys: string[] | undefined;

  apply(writes: readonly StoreWrite[]): void {
    for (const { key, value } of writes) {
      if (value === undefined ? this.values.has(key) : !this.values.has(key)) this.#keys = undefined;
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value.slice());
    }
  }

  /** All keys in code-unit order. */
  keys(): string[] {
    this.#keys ??= [...this.values.keys()].sort();
    return this.#keys;
  }

  /** A copy as a backup has it. */
  backup(): StoreDisk {
    const copy = new StoreDisk();
    for (const [key, value] of this.values) copy.values.set(key, value);
    return copy;
  }
}

/** A store in memory for one process; `crash` ends it with what was not durable lost. */
export class MemoryStore implements Store {
  readonly disk: StoreDisk;
  /** Batches written so far. */
  batches = 0;
  /** Ranges read so far. */
  ranges = 0;
  /** Refuses batches while set. */
  refusal: MeshError | undefined;
  readonly #held: (() => void)[] = [];
  #isHeld = false;
  #isCrashed = false;

  constructor(disk: StoreDisk) {
    this.disk = disk;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.disk.values.get(key)?.slice();
  }

  async range({ from, to, limit }: StoreRange): Promise<{ key: string; value: Uint8Array }[]> {
    this.ranges += 1;
    const keys = this.disk.keys();
    const page: { key: string; value: Uint8Array }[] = [];
    for (let at = firstAtLeast(keys, from); at < keys.length && page.length < limit; at++) {
      const key = keys[at] as string;
      if (key >= to) break;
      page.push({ key, value: (this.disk.values.get(key) as Uint8Array).slice() });
    }
    return page;
  }

  async batch(writes: readonly StoreWrite[]): Promise<void> {
    if (this.#isHeld) await new Promise<void>((release) => this.#held.push(release));
    if (this.#isCrashed) return new Promise(() => undefined);
    if (this.refusal !== undefined) throw this.refusal;
    this.disk.apply(writes);
    this.batches += 1;
  }

  /** Holds back every batch until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const release of this.#held.splice(0)) release();
  }

  /** The process is gone: batches not yet written never are. */
  crash(): void {
    this.#isCrashed = true;
    this.release();
  }

  async close(): Promise<void> {
    this.#isCrashed = true;
  }
}

function firstAtLeast(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function fullDisk(): MeshError {
  return new MeshError('full', 'the disk is full');
}
