import { invariant } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { IndexRecord, PathView } from '../core/namespace.ts';
import { type Draft, isBefore, isSameVersion, makeVersion, mayWrite, type Version } from '../core/version.ts';
import type { StoreWrite } from '../platform/store.ts';
import type { Batch } from './change-queue.ts';
import { type IndexLine, isSameHolding, type KnownPaths } from './known-paths.ts';
import type { OwnIndex } from './own-index.ts';
import { bytesOf } from './packed-version.ts';
import { encodeRecord } from './persistence.ts';
import { recordKey } from './store-keys.ts';

/** What a plan may do inside `change`: all of it becomes durable at once, or nothing does. Only for the paths named. */
export interface Transaction {
  /** As durable now; with what this plan has put so far. */
  view(path: FilePath): PathView | undefined;
  /** Own records of a path: what this peer has, or last had. */
  own(path: FilePath): readonly IndexRecord[];
  /** Every version of the path in any index here, for `makeVersion` and for rules of descent. */
  known(path: FilePath): readonly Version[];
  /**
   * Makes a version with an entry of its own: of this start's writer, or of a fresh one-off writer where a larger
   * counter would be taken for descent. It is numbered by the next sequence, and recorded with `holding` at once, unless
   * an own record dominates it.
   */
  mint(path: FilePath, draft: Draft, base: readonly Version[], holding: IndexRecord['holding']): Version;
  /**
   * Records an existing version in the own index: replaces the record of that version, drops own records it dominates.
   * Nothing happens when an own record dominates it, or says the same.
   */
  put(record: IndexRecord): void;
  /** A version of the path for a row of the caller's own, as `Catalog.versions` unpacks it: not packed again when it is recorded here. */
  pack(path: FilePath, version: Version): Uint8Array;
  /** A key of the caller's own keyspace (`f/…` folder, `m/…` membership, `s/…` server), in the same batch. */
  save(key: string, value: Uint8Array | undefined): void;
}

/**
 * The own index as one plan changes it: durable state below, its own puts above. Nothing leaves it before `finish`.
 *
 * All records of a path have consecutive sequences: whoever changes one numbers the others anew behind it. A reader that
 * missed the steps between can so tell which records are gone, even where the record that replaced them is gone too.
 */
export class OwnChange implements Transaction {
  readonly #known: KnownPaths;
  readonly #index: OwnIndex;
  readonly #paths: ReadonlySet<FilePath> | undefined;
  readonly #changed = new Map<FilePath, readonly IndexLine[]>();
  readonly #saved: StoreWrite[] = [];

  /** `paths`: the only ones it may touch; undefined: any. */
  constructor(known: KnownPaths, index: OwnIndex, paths: ReadonlySet<FilePath> | undefined) {
    this.#known = known;
    this.#index = index;
    this.#paths = paths;
  }

  view(path: FilePath): PathView | undefined {
    return this.#known.view(path, this.#index.peer, this.#lines(path));
  }

  own(path: FilePath): readonly IndexRecord[] {
    return this.#lines(path).map(({ version, holding }) => ({ path, version, holding }));
  }

  known(path: FilePath): readonly Version[] {
    const own = this.#lines(path).map((line) => line.version);
    const others = this.#known.versions(path).filter((version) => !own.some((one) => isSameVersion(one, version)));
    return [...own, ...others];
  }

  mint(path: FilePath, draft: Draft, base: readonly Version[], holding: IndexRecord['holding']): Version {
    const known = this.known(path);
    const sequence = this.#index.nextSequence();
    const own = { writer: this.#index.writer, counter: sequence };
    const entry = mayWrite(own, base, known) ? own : { ...own, writer: this.#index.newWriter() };
    const version = makeVersion(draft, base, entry, known);
    this.#record(path, this.#lineOf(path, version, holding, sequence));
    return version;
  }

  put({ path, version, holding }: IndexRecord): void {
    const lines = this.#lines(path);
    const same = lines.find((line) => isSameVersion(line.version, version));
    if (same !== undefined && isSameHolding(same.holding, holding)) return;
    if (lines.some((line) => isBefore(version, line.version))) return;
    this.#record(path, this.#lineOf(path, version, holding, this.#index.nextSequence()));
  }

  pack(path: FilePath, version: Version): Uint8Array {
    const line = this.#changed.get(path)?.find((one) => one.version === version);
    return line === undefined ? this.#known.pack(path, version) : bytesOf(line.packed);
  }

  save(key: string, value: Uint8Array | undefined): void {
    invariant(/^[fms]\//.test(key), `the key ${key} is in the keyspace of a room`);
    this.#saved.push({ key, value });
  }

  /** Hands what the plan did to the batch. */
  finish(batch: Batch): void {
    for (const { key, value } of this.#saved) batch.write(key, value);
    for (const [path, lines] of this.#changed) {
      const peer = this.#index.peer;
      writeLines(batch, this.#known.lines(peer, path), lines, { peer, path });
    }
  }

  #lines(path: FilePath): readonly IndexLine[] {
    invariant(this.#paths?.has(path) !== false, 'a change touches only the paths it named');
    return this.#changed.get(path) ?? this.#known.lines(this.#index.peer, path);
  }

  #lineOf(path: FilePath, version: Version, holding: IndexRecord['holding'], sequence: number): IndexLine {
    return { version, packed: this.#known.packed(path, version), holding, sequence };
  }

  #record(path: FilePath, line: IndexLine): void {
    const others = this.#lines(path).filter((one) => !isSameVersion(one.version, line.version));
    const all = [line, ...others];
    // The new one may be replaced already: what a replay makes, when the request was carried out elsewhere meanwhile.
    const staying = all.filter((one) => !all.some((other) => isBefore(one.version, other.version)));
    const numbered = (one: IndexLine) => (one === line ? line : { ...one, sequence: this.#index.nextSequence() });
    this.#changed.set(path, staying.map(numbered));
  }
}

/** Adds to the batch what takes these lines of an index out of the store. */
export function eraseLines(batch: Batch, lines: readonly IndexLine[], peer: PeerId): void {
  for (const { sequence } of lines) batch.write(recordKey(peer, sequence), undefined);
}

/** Adds to the batch what turns the lines `before` of one path in one index into `after`, in store and memory. */
export function writeLines(
  batch: Batch,
  before: readonly IndexLine[],
  after: readonly IndexLine[],
  { peer, path }: { peer: PeerId; path: FilePath },
): void {
  const gone = before.filter(({ sequence }) => !after.some((line) => line.sequence === sequence));
  eraseLines(batch, gone, peer);
  for (const { packed, holding, sequence } of after) {
    const stored = before.find((line) => line.sequence === sequence);
    if (stored !== undefined && stored.packed === packed && isSameHolding(stored.holding, holding)) continue;
    batch.write(recordKey(peer, sequence), encodeRecord({ path, holding, packed }));
  }
  batch.lines.push({ peer, path, lines: after });
}
