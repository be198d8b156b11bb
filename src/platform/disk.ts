import type { ErrorCode } from '../core/errors.ts';

/** A place below the shared folder: a FilePath of the user's, or `.filemesh/<room>/<name>` of the program's own. */
export type DiskPath = string;

/** What stat tells of a regular file. Two equal stats: the file was not touched in between. */
export interface FileStat {
  /** Bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  /** A rename changes it: never compared across a rename. */
  readonly ctimeMs: number;
  readonly inode: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Why something on the disk is not kept. */
export type SkipReason =
  | 'symlink'
  | 'not a regular file'
  | 'on another device'
  | 'unreadable'
  | 'name not in composed Unicode form'
  | 'name is no valid text'
  | 'private folder of another peer';

/** One thing a walk met. `path` is as the disk has it, unchecked. */
export type WalkEntry =
  | { readonly path: string; readonly kind: 'file'; readonly stat: FileStat }
  | { readonly path: string; readonly kind: 'skipped'; readonly reason: SkipReason };

/** How the root looks now. */
export type RootState =
  | {
      readonly state: 'present';
      readonly device: number;
      /** Of the folder itself: another one in its place has another. */
      readonly inode: number;
      readonly marker: Uint8Array | undefined;
    }
  | { readonly state: 'missing' | 'unreadable'; readonly reason: string };

/** A regular file opened for reading; what is read is the file opened, whatever its name points to later. */
export interface OpenFile {
  /** As of the opening. */
  readonly stat: FileStat;
  /** The stat of the same open file now. */
  restat(): Promise<FileStat>;
  /** What a person's program wrote, and the name it was opened by, are durable when it resolves. */
  sync(): Promise<void>;
  /**
   * At most `length` ≤ 1 MiB bytes from `offset`; fewer only at the end. Rejects with `failed` on a read error. `memory`: of
   * `length` bytes, to read into; it is what is given when it is full.
   */
  read(offset: number, length: number, memory?: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file nobody looks at yet, in `.filemesh/stage/`. It survives a restart, with what was written and synced. */
export interface StageFile {
  readonly path: DiskPath;
  /** Writes at any offset; rejects with `full` when the disk is full, `failed` otherwise. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Cuts or extends to `size` bytes. */
  truncate(size: number): Promise<void>;
  /** Durable when it resolves. A failed sync is final for this file: discard it and write anew. */
  sync(): Promise<void>;
  /** Gives the file its last mode and mtime, before the commit. */
  finish(mode: number, mtimeMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A small file that is staged at once. */
export interface StagedWhole {
  /** Below `.filemesh/stage/`; never used before. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly mtimeMs: number;
}

/**
 * One act on a name, told durably before it begins, so that it can be finished after a crash.
 * With `staged`: put that file at `path`. Without: only set aside what lies there.
 */
export interface CommitIntent {
  readonly path: DiskPath;
  readonly staged?: DiskPath;
  /** Where that which lies at `path` goes, below `.filemesh/`. A fresh name each time. */
  readonly aside: DiskPath;
  /** The stat of what the caller believes lies at `path`; absent: nothing does. */
  readonly replaces?: FileStat;
}

/** An intent that puts a file where nothing lies. */
export type NewFileIntent = CommitIntent & { readonly staged: DiskPath; readonly replaces?: never };

/** How a commit ended. Nothing of a person's is ever lost, whichever it is. */
export type CommitOutcome =
  /**
   * Done and durable. `stat`: of the staged file where it lies now (absent when nothing was staged). It is never the
   * stat of bytes that somebody else put there: when the file was changed or replaced since, or a crash left that
   * open, it matches nothing on the disk, so that the next scan looks at the path anew.
   */
  | { readonly result: 'done'; readonly stat?: FileStat }
  /**
   * Given up, because what lay at `path` was not `replaces` (or was there when nothing should be, or was gone). It lies
   * there again; `staged` is untouched. `asideKept`: its place was taken meanwhile, so it remains at `aside` too.
   */
  | { readonly result: 'changed'; readonly asideKept: boolean }
  /** Given up after `replaces` was set aside: a new file took `path` and stays. `staged` is untouched. */
  | { readonly result: 'taken' };

/** Why one act of many could not be done; the others were. */
export interface ActFault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A small file, read whole. */
export interface WholeFile {
  /** As of the opening. */
  readonly stat: FileStat;
  /** Of the same open file after all of it was read, and synced where that was asked. */
  readonly after: FileStat;
  /** Fewer than `stat.size` when it became shorter, never more. */
  readonly bytes: Uint8Array;
}

/** What `readMany` takes: files of so many bytes at most, 4 MiB of them in all. */
export const WHOLE_BYTES_MAX = 256 * 1024;
export const WHOLE_BYTES_ALL = 4 * 1024 * 1024;

/** A hint that something happened: at `path`, or anywhere below the folder when undefined. Never believed. */
export type Hint = (path: string | undefined) => void;

export interface Watch {
  /** Why hints are incomplete, for a person; undefined while all is well. */
  fault(): string | undefined;
  close(): Promise<void>;
}

/**
 * The shared folder and nothing else. No act follows a symlink or leaves the folder. Every path is checked again at the
 * time of use. Errors: `gone` (no such file), `full`, `bad-place` (name impossible here), `failed`.
 */
export interface Disk {
  /** Looks at the root and the marker anew. Never rejects. */
  probe(): Promise<RootState>;
  /** Makes `.filemesh/` and its rooms, tries hard links, writes the marker durably. Rejects when the folder cannot serve. */
  prepare(marker: Uint8Array): Promise<void>;
  /** Every file below the folder (or below `under`), `.filemesh` left out, in batches of ≤ 1,000 and in no order. Rejects when a directory cannot be read. */
  walk(under?: string): AsyncIterable<readonly WalkEntry[]>;
  /** The regular file at `path`; undefined when there is none. */
  stat(path: DiskPath): Promise<FileStat | undefined>;
  /** `stat` of each, in order. */
  statMany(paths: readonly DiskPath[]): Promise<readonly (FileStat | undefined | ActFault)[]>;
  /** Nothing lies at `path`, or a folder does; false where a link, a mount or a refusal of the disk may hide a file. */
  isGone(path: DiskPath): Promise<boolean>;
  /**
   * The folders on the way list each component of `path` as it is written. A disk that does not tell upper from lower case finds a
   * file by names it does not have. Slow: it reads those folders.
   */
  isNamed(path: DiskPath): Promise<boolean>;
  open(path: DiskPath): Promise<OpenFile>;
  /**
   * Reads small files whole, each as `open`, `read`, `restat` would; with `sync` each is synced before it is read, and the folders
   * they lie in once. `changed`: one has more than WHOLE_BYTES_MAX. The caller keeps to WHOLE_BYTES_ALL.
   */
  readMany(paths: readonly DiskPath[], options: { readonly sync: boolean }): Promise<readonly (WholeFile | ActFault)[]>;
  /** Opens `.filemesh/stage/<name>`, new or as a crash left it. */
  stage(name: string): Promise<StageFile>;
  /** Writes a staged file with its last mode and mtime; durable when it resolves, and gone when it rejects (`full`, `failed`). */
  stageWhole(whole: StagedWhole): Promise<FileStat>;
  /** `stageWhole` of each, in order; the folder of the stage is synced once. */
  stageMany(wholes: readonly StagedWhole[]): Promise<readonly (FileStat | ActFault)[]>;
  /**
   * Runs an intent, or what a crash left of it: done steps are skipped, and an intent that was done is `done` again.
   * Durable when it resolves. Call `sync` on the staged file before the intent is told. One commit a path at a
   * time. Discard the staged file of a commit given up only after its intent is cleared: a missing one reads as linked.
   */
  commit(intent: CommitIntent): Promise<CommitOutcome>;
  /**
   * `commit` of each, in order, of different paths. They replace nothing, and what is staged is durable already. Each folder
   * is synced once, when all are linked.
   */
  commitMany(intents: readonly NewFileIntent[]): Promise<readonly (CommitOutcome | ActFault)[]>;
  /** Moves one private file to another private name, durably (stage → siblings, siblings → stage …). Replaces nothing: rejects with `exists`. */
  move(from: DiskPath, to: DiskPath): Promise<void>;
  /** Removes one private file durably; no error when it is gone. */
  remove(path: DiskPath): Promise<void>;
  /**
   * Makes durable which names the folder of `path` has now, and all folders above it: what a person unlinked or renamed
   * is not durable by itself. Folders that are gone are passed over: the one above tells that.
   */
  syncNames(path: DiskPath): Promise<void>;
  /** Removes the folders above `path` that are empty now, up to the root. */
  removeEmptyFolders(path: DiskPath): Promise<void>;
  /** The private files in `.filemesh/<room>/` with their stats, names relative to the room. */
  list(room: string): Promise<{ name: string; stat: FileStat }[]>;
  /** Bytes free for this user and in all, on the folder's file system. */
  free(): Promise<{ free: number; total: number }>;
  watch(hint: Hint): Promise<Watch>;
}
