import type { FilePath, PeerId } from '../core/ids.ts';
import type { IndexRecord, PathView } from '../core/namespace.ts';
import type { Draft, Version } from '../core/version.ts';

/** What the folder needs of the catalog: its own slice (see Catalog and its Transaction for the promises). */
export interface Ledger {
  readonly self: PeerId;
  readonly versions: {
    pack(path: FilePath, version: Version): Uint8Array;
    unpack(bytes: Uint8Array): Version;
  };
  view(path: FilePath): PathView | undefined;
  own(path: FilePath): readonly IndexRecord[];
  /** What somebody told who was removed is told by nobody any more. */
  members(): ReadonlyMap<PeerId, unknown>;
  readonly peers: { isLive(peer: PeerId): boolean };
  change<T>(paths: readonly FilePath[], plan: (transaction: LedgerTransaction) => T): Promise<T>;
}

export interface LedgerTransaction {
  view(path: FilePath): PathView | undefined;
  own(path: FilePath): readonly IndexRecord[];
  known(path: FilePath): readonly Version[];
  mint(path: FilePath, draft: Draft, base: readonly Version[], holding: IndexRecord['holding']): Version;
  put(record: IndexRecord): void;
  pack(path: FilePath, version: Version): Uint8Array;
  save(key: string, value: Uint8Array | undefined): void;
}
