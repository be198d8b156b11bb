import { createHash } from 'node:crypto';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { NO_RUNS, type RunMask, rangeOfRun, runsIn, withoutRuns } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Store, StoreWrite } from '../platform/store.ts';
import type { Asker, OldCopy } from './face.ts';
import type { Ledger } from './ledger.ts';
import { decodeRow, encodeRow, RUNS_KEYS, runsKey } from './rows.ts';
import { rowsOf } from './store-queue.ts';

/** What a content's runs are, whoever holds them. */
export interface RunFacts {
  readonly hash: ContentHash;
  /** Of the whole content. */
  readonly size: number;
  /** Where each run ends, in bytes. */
  readonly ends: readonly number[];
  /** Hash of the manifest that says so. */
  readonly manifestHash: ContentHash;
  /** Names its row, its files and its manifest; absent: its hash does. See RunsTable.keyFor. */
  readonly key?: ContentHash;
}

/** A version that runs were held for. */
type PastRuns = Pick<OldCopy, 'path' | 'modifiedMs' | 'mode' | 'origin' | 'asideMs'>;

/** Runs of one content that lie here, each a file of its own: all names of that content share them. */
export interface HeldRuns extends RunFacts {
  readonly mask: RunMask;
  /** Names they are held for; none: kept for a while, as older contents are. */
  readonly paths: readonly FilePath[];
  /** Wall ms since when they are held for no name. */
  readonly idleMs?: number;
  /** They never were: the version they were sent for is still to come. */
  readonly isLoose?: boolean;
  /** What they were held for and are no more, the latest last: the history of those names. */
  readonly past?: readonly PastRuns[];
  /** Who sent which of them for a version to come, the latest last: they need not send these again. */
  readonly sentBy?: readonly SentRuns[];
}

interface SentRuns {
  readonly name: string;
  readonly mask: RunMask;
}

/** The runs that lie here, by content; durable as one row each, written by whoever records the change. */
export class RunsTable {
  readonly #held = new Map<ContentHash, HeldRuns>();
  readonly #byPath = new Map<FilePath, Set<ContentHash>>();
  #bytes = 0;
  #files = 0;
  #idleBytes = 0;

  async load(store: Store): Promise<void> {
    for await (const page of rowsOf(store, RUNS_KEYS)) for (const { value } of page) this.set(decodeRow<HeldRuns>(value));
  }

  /** Bytes of the runs held for some name. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Contents of which runs are held for some name. */
  get files(): number {
    return this.#files;
  }

  /** Bytes of the runs that were given up, and are kept for a while. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  at(key: ContentHash): HeldRuns | undefined {
    return this.#held.get(key);
  }

  /** What lies here of a content so cut. */
  of(hash: ContentHash, manifestHash: ContentHash): HeldRuns | undefined {
    const first = this.#held.get(hash);
    return first?.manifestHash === manifestHash ? first : this.#held.get(secondKey(hash, manifestHash));
  }

  /**
   * Under which key a content so cut is to lie. Runs are proved by the manifest, and whether that is one of the hash nobody can
   * tell before all of them are together: so whoever claims a hash for other bytes has runs of their own, in nobody's way.
   */
  keyFor({ hash, manifestHash }: RunFacts): ContentHash {
    const held = this.of(hash, manifestHash);
    if (held !== undefined) return keyOf(held);
    return this.#held.has(hash) ? secondKey(hash, manifestHash) : hash;
  }

  /** The runs held for one name; none: undefined. */
  heldFor(path: FilePath, hash: ContentHash): HeldRuns | undefined {
    for (const key of this.#byPath.get(path) ?? []) {
      const held = this.#held.get(key);
      if (held?.hash === hash) return held;
    }
    return undefined;
  }

  /** Contents of which runs are held for a name. */
  hashesOf(path: FilePath): ContentHash[] {
    const keys = this.#byPath.get(path);
    if (keys === undefined) return [];
    const held = [...keys].map((key) => this.#held.get(key)?.hash);
    return [...new Set(held.filter((hash) => hash !== undefined))];
  }

  /** Contents of which runs were held for a name. */
  pastOf(path: FilePath): OldCopy[] {
    return [...this.#held.values()].flatMap(({ hash, size, manifestHash, mask, past = [] }) => {
      const known = past.filter((one) => one.path === path);
      return known.map((one) => ({ ...one, copy: hash, hash, size, manifest: manifestHash, runs: mask }));
    });
  }

  /** Own records of a path that tell of runs. */
  recordsOf(ledger: Pick<Ledger, 'own'>, path: FilePath): { readonly version: FileVersion }[] {
    return ledger.own(path).flatMap(({ version, holding }) => {
      return version.kind === 'file' && holding !== 'all' && holding !== 'none' ? [{ version }] : [];
    });
  }

  all(): Iterable<HeldRuns> {
    return this.#held.values();
  }

  row(held: HeldRuns): StoreWrite {
    return { key: runsKey(keyOf(held)), value: encodeRow(held) };
  }

  /** Takes recorded runs in: they replace what was known of that content. */
  set(held: HeldRuns): void {
    const key = keyOf(held);
    this.delete(key);
    this.#held.set(key, held);
    for (const path of held.paths) this.#byPath.set(path, (this.#byPath.get(path) ?? new Set()).add(key));
    this.#count(held, 1);
  }

  delete(key: ContentHash): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    for (const path of held.paths) {
      this.#byPath.get(path)?.delete(key);
      if (this.#byPath.get(path)?.size === 0) this.#byPath.delete(path);
    }
    this.#count(held, -1);
  }

  #count(held: HeldRuns, sign: 1 | -1): void {
    if (held.paths.length === 0 && held.isLoose !== true) this.#idleBytes += sign * bytesHeld(held);
    if (held.paths.length === 0 || held.mask === NO_RUNS) return;
    this.#bytes += sign * bytesHeld(held);
    this.#files += sign;
  }
}

export function bytesHeld({ ends, mask }: HeldRuns): number {
  return runsIn(mask).reduce((sum, run) => sum + rangeOfRun(ends, run).length, 0);
}

/** Those that count for one who asks; for nobody in particular: all. */
export function runsFor({ mask, paths, past = [], sentBy = [] }: HeldRuns, asker: Asker | undefined): RunMask {
  if (asker === undefined || asker.all) return mask;
  if ([...paths, ...past.map(({ path }) => path)].some((path) => asker.sees(path))) return mask;
  const sent = sentBy.find(({ name }) => name === asker.name)?.mask ?? NO_RUNS;
  return withoutRuns(sent, withoutRuns(sent, mask));
}

export function keyOf({ key, hash }: RunFacts): ContentHash {
  return key ?? hash;
}

function secondKey(hash: ContentHash, manifestHash: ContentHash): ContentHash {
  return createHash('sha256').update(`${hash}/${manifestHash}`).digest('hex') as ContentHash;
}

export function placeOfRun(key: ContentHash, run: number): DiskPath {
  return `.filemesh/runs/${key}-${String(run).padStart(2, '0')}`;
}
