import type { FilePath, PeerId } from '../core/ids.ts';
import type { Batch } from './change-queue.ts';
import type { KnownPaths, NumberedRecord } from './known-paths.ts';

/** Sequences remembered: those that are told to others now. At the double of it the older half goes. Range 512–16,384. */
const RECENT_MAX = 4_096;

/** Where the newest records of the own index are, so that whoever tells them need not read them back from the store. */
export class RecentRecords {
  readonly #known: KnownPaths;
  readonly #peer: PeerId;
  /** In sequence order; a record may be gone since. */
  #entries: { readonly sequence: number; readonly path: FilePath }[] = [];
  /** All records beyond it are among the entries. */
  #after: number;

  constructor(known: KnownPaths, peer: PeerId, sequence: number) {
    this.#known = known;
    this.#peer = peer;
    this.#after = sequence;
  }

  /** Takes note of a batch that is durable and in memory. */
  add(lines: Batch['lines']): void {
    const last = this.#entries.at(-1)?.sequence ?? this.#after;
    const own = lines.filter(({ peer }) => peer === this.#peer);
    const added = own.flatMap(({ path, lines: said }) => said.map(({ sequence }) => ({ sequence, path })));
    const news = added.filter(({ sequence }) => sequence > last).sort((a, b) => a.sequence - b.sequence);
    for (const one of news) this.#entries.push(one);
    if (this.#entries.length >= 2 * RECENT_MAX) {
      const gone = this.#entries.length - RECENT_MAX;
      this.#after = this.#entries[gone - 1]?.sequence ?? this.#after;
      this.#entries = this.#entries.slice(gone);
    }
  }

  /** Nothing up to `sequence` is known here: a batch comes into memory too slowly to be followed. */
  forget(sequence: number): void {
    this.#entries = [];
    this.#after = sequence;
  }

  /** The first `limit` records with `after` < sequence; undefined when only the store has them all. */
  read(after: number, limit: number): NumberedRecord[] | undefined {
    if (after < this.#after) return undefined;
    const records: NumberedRecord[] = [];
    for (let at = this.#firstBeyond(after); at < this.#entries.length && records.length < limit; at++) {
      const { sequence, path } = this.#entries[at] as { sequence: number; path: FilePath };
      const record = this.#known.told(this.#peer, path, sequence);
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #firstBeyond(after: number): number {
    let [at, end] = [0, this.#entries.length];
    while (at < end) {
      const middle = (at + end) >> 1;
      if ((this.#entries[middle]?.sequence ?? 0) > after) end = middle;
      else at = middle + 1;
    }
    return at;
  }
}
