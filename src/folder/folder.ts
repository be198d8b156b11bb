import type { ContentHash, FilePath, PeerId, RequestId } from '../core/ids.ts';
import type { IndexRecord, PathView } from '../core/namespace.ts';
import type { Draft, FileVersion, Version } from '../core/version.ts';
import type { Digest } from '../platform/hasher.ts';

/** What the folder needs of the catalog: its own slice (see Catalog and its Transaction for the promises). */
export interface Ledger {
  readonly self: PeerId;
  view(path: FilePath): PathView | undefined;
  own(path: FilePath): readonly IndexRecord[];
  change<T>(paths: readonly FilePath[], plan: (transaction: LedgerTransaction) => T): Promise<T>;
}

export interface LedgerTransaction {
  view(path: FilePath): PathView | undefined;
  own(path: FilePath): readonly IndexRecord[];
  known(path: FilePath): readonly Version[];
  mint(path: FilePath, draft: Draft, base: readonly Version[], holding: IndexRecord['holding']): Version;
  put(record: IndexRecord): void;
  save(key: string, value: Uint8Array | undefined): void;
}

/** A content opened for reading. What is read is the file that was hashed: `read` rejects with `changed` when it is no more. */
export interface Copy {
  readonly size: number;
  /** At most 1 MiB; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file on its way in, seen by nobody. */
export interface Staging {
  /** Bytes written so far without a gap from the start, durable ones after a restart. */
  readonly have: number;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Hash of what was written; the staging is closed for writing. */
  digest(): Promise<Digest>;
  discard(): Promise<void>;
}

/** One step of a change by a client. `base`: the versions it descends from, as the owner granted them. */
export type Step =
  | {
      readonly kind: 'put';
      readonly path: FilePath;
      readonly base: readonly Version[];
      readonly staging: Staging;
      readonly digest: Digest;
      readonly mode: number;
      readonly modifiedMs: number;
    }
  /** A content held here under `from` becomes the content of `path` as well (rename's target, resolve, restore). */
  | {
      readonly kind: 'copy';
      readonly path: FilePath;
      readonly base: readonly Version[];
      readonly from: FilePath;
      readonly hash: ContentHash;
    }
  | { readonly kind: 'bury'; readonly path: FilePath; readonly base: readonly Version[]; readonly renamedTo?: FilePath };

export interface OldCopy {
  /** Names this copy on this peer, for `restore`. */
  readonly copy: string;
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly size: number;
  readonly modifiedMs: number;
  readonly origin: PeerId;
  /** Wall ms when it was set aside. */
  readonly asideMs: number;
}

export interface FolderState {
  /** Why the folder is not believed, and what to type; undefined while it is. */
  readonly paused: string | undefined;
  /** The first scan of this start is done. */
  readonly scanned: boolean;
  /** Bytes and files held for the mesh (plain, siblings). */
  readonly bytes: number;
  readonly files: number;
  /** Bytes of accepted and not yet held. */
  readonly incomingBytes: number;
  readonly incomingFiles: number;
  readonly capacity: number;
  readonly notKept: readonly { path: string; reason: string }[];
  /** Things a person should know: watcher's limits, files that never rest. */
  readonly warnings: readonly string[];
}

/**
 * The shared folder: the only room that looks at it or writes it. One lock a path; every act is a durable intent first.
 * What people do in the folder becomes versions in the ledger; what the mesh decides becomes files.
 */
export interface Folder {
  state(): FolderState;
  onState(listener: () => void): void;
  /** Checks the marker, finishes intents, starts hints, and begins the first scan (not awaited). */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Scans now; resolves when that whole scan is taken in. */
  scan(): Promise<void>;
  /** `filemesh resume`: `deleted` believes what is missing, `restore` writes a new marker and gets everything back. */
  resume(how: 'deleted' | 'restore'): Promise<void>;

  /** True when this content of this path lies here, plain or as a sibling, as far as known. */
  holds(path: FilePath, hash: ContentHash): boolean;
  /** True when these bytes lie here under any name. */
  hasBytes(hash: ContentHash): boolean;
  /** Rejects with `gone`, `paused`, or `corrupt`. */
  open(path: FilePath, hash: ContentHash): Promise<Copy>;
  /** Hashes the copy anew; a wrong one is set aside and recorded as `none`. False when it was wrong or is gone. */
  verify(path: FilePath, hash: ContentHash): Promise<boolean>;

  /** Opens a staging, new or as it was left; `size` is reserved against capacity when known. Rejects with `full` or `paused`. */
  stage(name: string, size: number | undefined): Promise<Staging>;
  /**
   * Takes a fetched copy of a content in: verified against its hash, committed under the plain name (or as a sibling where
   * another content has that), recorded `all`, durable. Rejects with `corrupt`, `paused`, `full`, `bad-place`, `busy`.
   */
  keep(path: FilePath, version: FileVersion, staging: Staging): Promise<void>;
  /** The same from bytes that lie here under any name; false when there are none. */
  keepFromHere(path: FilePath, version: FileVersion): Promise<boolean>;
  /**
   * Lets go of what lies here of a path and is no longer in its view: to the trash when `by` is a tombstone, else to the
   * versions; records `by` as none in the same batch. Nothing happens when the folder has a change of its own there.
   */
  letGo(path: FilePath, hash: ContentHash, by: Version): Promise<void>;
  /** Brings plain name and siblings of a path in line with its view: after a conflict ended, or a better content came. */
  arrange(path: FilePath): Promise<void>;

  /** Carries out a client's change as one act: durable when it resolves with the versions made, one a step. */
  make(request: RequestId, steps: readonly Step[]): Promise<Version[]>;

  /** Older contents of a path here, newest first. */
  oldCopies(path: FilePath): Promise<OldCopy[]>;
  openOld(path: FilePath, hash: ContentHash): Promise<Copy>;
  /** An older content here becomes a staging, to be put as a new version. */
  stageOld(path: FilePath, copy: string, name: string): Promise<Staging>;
}
