import type { ContentHash } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import type { ManifestId } from '../core/version.ts';
import type { OpenFile, StageFile } from './disk.ts';

/** What one pass over a file tells of its content. */
export interface Digest {
  readonly hash: ContentHash;
  /** Bytes hashed: may differ from the stat when the file changed meanwhile. */
  readonly size: number;
  readonly manifest: ManifestId;
  /** The encoded manifest itself, of a content of MANIFEST_FILE_BYTES_MIN and more: 36 bytes a chunk. */
  readonly rows?: Uint8Array;
}

/** A content that a file is probably much like: what it was before somebody edited it. */
export interface Likeness {
  /** Encoded. */
  readonly manifest: Uint8Array;
  /** In bytes. */
  readonly size: number;
}

/** One pass over a file that is still being written. End it by `finish` or `drop`: until then the file stays open. */
export interface Following {
  /** The bytes before `end` are there, and stay as they are. Never less than before. */
  reach(end: number): void;
  /** Of the bytes before the last `reach`, or of fewer when the file has fewer. Rejects with `failed` on a read error. */
  finish(): Promise<Digest>;
  drop(): void;
}

/** A chunk of a content, and the hash it must have: 32 bytes of BLAKE3-256. */
export interface ProvedChunk extends Range {
  readonly hash: Uint8Array;
}

/** A chunk that lies in another file too. */
export interface LentChunk extends ProvedChunk {
  /** Where it begins there. */
  readonly from: number;
}

/**
 * One pass over a file that comes in chunk by chunk, in any order, each held against its hash. End it by `finish` or
 * `drop`: until then the file stays open.
 */
export interface Proving {
  /** These lie there whole. Gives those that are wrong, as places in `chunks`; the others stay as they are. Rejects with `failed` on a read error. */
  check(chunks: readonly ProvedChunk[]): Promise<readonly number[]>;
  /** These bytes were found right before, and stay as they are. They do not cut a chunk that is checked. */
  trust(range: Range): void;
  /** Hash of the first `size` bytes; undefined when it must be read anew, since not all of them are right or one was wrong once. */
  finish(size: number): Promise<ContentHash | undefined>;
  drop(): void;
}

/** Hashes. Never blocks the event loop. */
export interface Hasher {
  /**
   * Hash, size and manifest of a whole open file in one pass, off the main thread. Rejects with `failed` on a read error. `like`:
   * makes it faster where it is like that, and changes nothing of what is told.
   */
  digest(file: OpenFile, like?: Likeness): Promise<Digest>;
  /** The same while the file grows: it will have `size` bytes. Throws `failed` when the hasher is closed. */
  follow(file: OpenFile, size: number): Following;
  /** The same of a file whose chunks are known. Throws `failed` when the hasher is closed. */
  prove(file: OpenFile): Proving;
  /**
   * Copies chunks of `source` to their places in `target`, off the main thread: each is held against its hash between its one
   * read and its write. Gives the wrong ones, as places in `chunks`: what lies at their places then is nothing. Rejects with
   * `failed` on a read error, else with what a write would.
   */
  copy(source: OpenFile, target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]>;
  /**
   * BLAKE3-256 of consecutive pieces of an open file from its start, off the main thread: 32 bytes each, of those that the
   * file has whole. Rejects with `failed` on a read error.
   */
  hashPieces(file: OpenFile, lengths: readonly number[]): Promise<Uint8Array>;
  /** BLAKE3-256 of at most 1 MiB, at once. */
  hash(bytes: Uint8Array): ContentHash;
  /** The same of more: what is short at once, the rest in short turns of the event loop. The bytes stay as they are meanwhile. */
  hashLarge(bytes: Uint8Array): Promise<ContentHash>;
}

/** Hashes passwords. */
export interface PasswordHasher {
  /**
   * Argon2id of a password: 32 bytes, of 19 MiB of memory, two passes and one lane (RFC 9106), off the main thread: 10 to
   * 50 ms of a core. `salt`: 16 bytes. How many run at once is the caller's to bound.
   */
  passwordKey(password: string, salt: Uint8Array): Promise<Uint8Array>;
}
