import type { Fact, MemberFact } from '../core/facts.ts';
import type { FilePath, PeerId, WriterId } from '../core/ids.ts';
import type { IndexRecord, PathView } from '../core/namespace.ts';
import type { Cursor, Trail } from '../core/trail.ts';
import type { Draft, Version } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store.ts';
import type { PeerTable } from './peer-table.ts';

/** A record with the sequence its index gave it. */
export interface NumberedRecord {
  readonly sequence: number;
  readonly record: IndexRecord;
}

/** How far an index reaches, and how far it is read here. */
export interface IndexState {
  readonly peer: PeerId;
  readonly trail: Trail;
  /** Highest sequence of the copy here (for the own index: of what is durable). */
  readonly sequence: number;
  readonly cursor: Cursor | undefined;
}

/** What a plan may do inside `change`: all of it becomes durable at once, or nothing does. */
export interface Transaction {
  /** As durable now; with what this plan has put so far. */
  view(path: FilePath): PathView | undefined;
  /** Own records of a path, undominated ones: what this peer has, or last had. */
  own(path: FilePath): readonly IndexRecord[];
  /** Every version of the path in any index here, for `makeVersion` and for rules of descent. */
  known(path: FilePath): readonly Version[];
  /**
   * Makes a version with an entry of its own: of this start's writer, or of a fresh one-off writer where a larger
   * counter would be taken for descent. It is numbered by the next sequence, and recorded with `holding` at once.
   */
  mint(path: FilePath, draft: Draft, base: readonly Version[], holding: IndexRecord['holding']): Version;
  /** Records an existing version in the own index: replaces the record of that version, drops own records it dominates. */
  put(record: IndexRecord): void;
  /** A key of the caller's own keyspace (`f/…` folder, `m/…` membership, `s/…` server), in the same batch. */
  save(key: string, value: Uint8Array | undefined): void;
}

export interface Delta {
  readonly index: PeerId;
  readonly trail: Trail;
  readonly after: number;
  readonly upTo: number;
  readonly whole: boolean;
  readonly last: boolean;
  readonly records: readonly NumberedRecord[];
}

export interface CatalogOptions {
  readonly self: PeerId;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * All indexes known here, own and foreign, and the facts; what follows from them is the namespace. It stores and tells,
 * and decides nothing. Memory is never ahead of the store: a change is seen by readers once it is durable.
 */
export interface Catalog {
  readonly self: PeerId;
  /** Volatile: who lives, with what load. */
  readonly peers: PeerTable;

  // reading, from memory
  view(path: FilePath): PathView | undefined;
  own(path: FilePath): readonly IndexRecord[];
  /** Paths known, deleted ones too, in code-unit order after `after`. */
  paths(after: string, limit: number): FilePath[];
  pathCount(): number;
  /** Paths with contents now that equal `path` after case-fold, itself left out. */
  twinsOf(path: FilePath): FilePath[];
  /** True when a path with contents lies below the folder `path`. */
  isFolder(path: string): boolean;
  /** Own records, for walking all that is held here: in pages, after `after` in path order. */
  ownAfter(after: string, limit: number): IndexRecord[];

  // writing
  /** Runs `plan` alone against the durable state of `paths`, then makes what it did durable. Rejects with what plan threw, or `full`/`failed` (then nothing happened). */
  change<T>(paths: readonly FilePath[], plan: (transaction: Transaction) => T): Promise<T>;

  // indexes, for gossip
  readonly writer: WriterId;
  indexes(): IndexState[];
  index(peer: PeerId): IndexState | undefined;
  /** Records of an index after a sequence, in order, at most `limit`. `upTo`: the sequence the page reaches without a gap. */
  read(peer: PeerId, after: number, limit: number): Promise<{ records: NumberedRecord[]; upTo: number; last: boolean }>;
  /** Takes a delta in: false when it leaves a gap. Durable when it resolves. `fromOwner`: it came over the owner's own link. */
  take(delta: Delta, fromOwner: boolean): Promise<boolean>;
  /** A cursor off the own trail was met: the store was restored. Draws a new writer. */
  startAnew(): Promise<void>;

  // facts
  facts(): Fact[];
  members(): Map<PeerId, MemberFact>;
  /** The name every peer shows this peer under. */
  shownName(peer: PeerId): string;
  /** Merges facts in, durably; resolves with those that changed something. */
  adopt(facts: readonly Fact[]): Promise<Fact[]>;

  /** After a durable change: the paths whose view changed. Called once a batch. */
  onPaths(listener: (paths: ReadonlySet<FilePath>) => void): void;
  /** The own index grew up to a sequence. */
  onOwn(listener: (sequence: number) => void): void;
  onFacts(listener: (changed: readonly Fact[]) => void): void;
  close(): Promise<void>;
}
