import type { ContentHash } from '../core/ids.ts';

/** BLAKE3-256 of bytes that come piece by piece. */
export interface RunningHash {
  update(bytes: Uint8Array): void;
  /** The hash of all so far: 64 hex digits. Last call. */
  hex(): ContentHash;
}

/** A content as it is cut into chunks. */
export interface Cut {
  readonly hash: ContentHash;
  /** Encoded. */
  readonly manifest: Uint8Array;
  readonly manifestHash: ContentHash;
}

export interface CutOptions {
  /** Calls it off. */
  readonly signal?: AbortSignal | undefined;
  /** Told now and then: so many bytes are read. */
  readonly progress?: ((bytes: number) => void) | undefined;
}

/** What is uploaded: may be read again from its start, for another peer after a failover. */
export interface Source {
  /** Bytes, as of its opening: no more are read. */
  readonly size: number;
  /** Permission bits to keep; absent: the mesh's default. */
  readonly mode?: number;
  /** Wall ms of its last change; absent: now. */
  readonly modifiedMs?: number;
  /** Tells this file from any other, also in a later run of the program, for as long as it is not changed; absent: nothing does. */
  readonly key?: string;
  /** Up to `length` bytes from `offset`; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Reads all of it off this thread, for its hash and chunks; absent: it is sent as it is read. */
  cut?(options: CutOptions): Promise<Cut>;
  /** Called when all was read: rejects with `changed` when it is not what it was at its opening. */
  check(): Promise<void>;
}

/** What a download is given of the content that comes. */
export interface Incoming {
  /** Origin as shown, in a conflict: tells the contents of one name apart. */
  readonly label?: string;
  /** Path in the mesh; in a conflict `name (origin).ext`. */
  readonly path: string;
  readonly size: number;
  readonly hash: ContentHash;
  readonly mode: number;
  readonly modifiedMs: number;
}

/** Where one content goes. Nothing is seen under the final name before `finish`, and never half of it. */
export interface Sink {
  /** Bytes in order from the start, the next call after this one resolved. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** All bytes are there and verified: makes them visible at once; resolves with the name they have now. */
  finish(): Promise<string>;
  /** Takes back what was written. Safe to call twice. */
  discard(): Promise<void>;
  /** What an earlier try left of the same content, from its start: not verified. */
  readonly left?: { readonly bytes: number; read(offset: number, length: number): Promise<Uint8Array> };
  /** Instead of `discard`: keeps what was written for a later try. True when it pays, and was done. */
  leave?(): Promise<boolean>;
}

/** Opens the place for one content; rejects with `exists` when a local file is in the way. */
export type OpenSink = (incoming: Incoming) => Promise<Sink>;

/**
 * Told while bytes move: of `total` bytes so many are done. May go back after a failover.
 *
 * @param savedBytes of those that are done, what did not have to move: it was there before.
 */
export type Progress = (what: string, doneBytes: number, totalBytes: number, savedBytes?: number) => void;

/** What every verb is run with. */
export interface VerbOptions {
  /** Calls the verb off. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  readonly newHash: () => RunningHash;
}
