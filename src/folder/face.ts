import type { ChunkList } from '../core/chunk-list.ts';
import type { ContentHash, FilePath, MeshId, PeerId } from '../core/ids.ts';
import type { Load } from '../core/placement.ts';
import type { Range } from '../core/range.ts';
import type { RunMask } from '../core/striping.ts';
import type { FileVersion, Version } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Disk, StageFile } from '../platform/disk.ts';
import type { Digest, Hasher, LentChunk } from '../platform/hasher.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store.ts';
import type { Ledger } from './ledger.ts';
import type { Lent } from './wanted-chunks.ts';

/** For whom something is looked for here: it counts under names that they see alone, or as what they sent themselves. */
export interface Asker {
  /** Nothing is hidden from them. */
  readonly all: boolean;
  readonly name: string;
  sees(path: string): boolean;
}

/** How the user wants the folder watched and used. */
export interface FolderConfig {
  /** ms a file must lie unchanged before it is taken in. 0…3,600,000. */
  readonly settleMs: number;
  /** ms between whole scans when hints work. */
  readonly scanEveryMs: number;
  /** What is offered to the mesh; absent: all but a tenth of the disk. A share of the disk is 0…1. */
  readonly capacity?: { readonly bytes: number } | { readonly share: number };
  /** Contents up to so many bytes are staged in memory; absent: SMALL_BYTES_MAX, and never more. Tests have them on the disk. */
  readonly smallBytesMax?: number;
  /** Contents of so many bytes and more come by chunks; absent: MANIFEST_FILE_BYTES_MIN. Above `smallBytesMax`. */
  readonly chunkedBytesMin?: number;
}

/** What a Folder is made of: the seams, the ledger it writes to, and whose folder it is. */
export interface FolderOptions {
  readonly disk: Disk;
  readonly store: Store;
  readonly hasher: Hasher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ledger: Ledger;
  /** The mesh of this folder, for the marker; asked from `start` on. The peer in it is the ledger's `self`. */
  readonly mesh: () => MeshId;
  readonly config: FolderConfig;
}

/** A content opened for reading. What is read is the file that was hashed: `read` rejects with `changed` when it is no more. */
export interface Copy {
  readonly size: number;
  /** See OpenFile.read. */
  read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array>;
  /** See Hasher.copy. Rejects with `changed` as `read` does. */
  copyTo(target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** How a staged content is cut: its encoded manifest, its chunks by that, and the hash of the manifest. */
export interface Cut {
  readonly manifest: Uint8Array;
  readonly manifestHash: ContentHash;
  readonly chunks: ChunkList;
}

/** A file on its way in, seen by nobody. */
export interface Staging {
  /** Bytes written so far without a gap from the start, durable ones after a restart. */
  readonly have: number;
  /** Rejects with `full` when there is no room for it. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /**
   * Tells how it is cut, by its proved manifest: from then on each chunk is checked by itself. What came in order before is
   * checked now, and what an earlier start of the program noted of its chunks counts. Of MANIFEST_FILE_BYTES_MIN and more only.
   */
  cut(cut: Cut): Promise<void>;
  /** Proves chunks of a cut one of which all bytes are written; gives the wrong ones. */
  check(chunks: readonly number[]): Promise<readonly number[]>;
  /** Copies chunks of a cut one that lie in another content; gives the wrong ones, which are not there then. */
  takeFrom(source: Copy, lent: readonly Lent[]): Promise<readonly number[]>;
  /** What is still to be written, in order; of a cut one whole chunks, else all behind `have`. None touches another. */
  missing(): Range[];
  /** Hash of what was written; the staging is closed for writing. */
  digest(): Promise<Digest>;
  /** Removes it and frees what it reserved. */
  discard(): Promise<void>;
  /** Nobody goes on with it: what it holds and reserved is given back; its bytes may stay for whoever opens it again. */
  leave(): Promise<void>;
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
  /** A striped content becomes the content of `path` as well: nothing is read, whoever has runs of it announces them. */
  | {
      readonly kind: 'stripe';
      readonly path: FilePath;
      readonly base: readonly Version[];
      readonly facts: Pick<FileVersion, 'hash' | 'size' | 'mode' | 'manifest' | 'modifiedMs'>;
    }
  | { readonly kind: 'bury'; readonly path: FilePath; readonly base: readonly Version[]; readonly renamedTo?: FilePath };

export interface OldCopy {
  /** Names this copy on this peer, for `restore`. */
  readonly copy: string;
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly size: number;
  readonly modifiedMs: number;
  /** Permission bits it had. */
  readonly mode: number;
  readonly origin: PeerId;
  /** Wall ms when it was set aside. */
  readonly asideMs: number;
  /** Of it runs are kept, by this manifest; absent: all of it. */
  readonly manifest?: ContentHash;
  /** … and which. */
  readonly runs?: RunMask;
}

/** All that the folder tells a person; `Folder.load` and `Folder.paused` are there for what is asked often. */
export interface FolderState extends Load {
  /** Why the folder is not believed, and what to type; undefined while it is. */
  readonly paused: string | undefined;
  /** The first scan of this start is done. */
  readonly scanned: boolean;
  readonly notKept: readonly { path: string; reason: string }[];
  /** Things a person should know: watcher's limits, files that never rest. */
  readonly warnings: readonly string[];
}
