import type { DiskPath } from '../platform/disk.ts';
import type { Staging } from './face.ts';

/** A staging as the acts of this room use it. */
export interface Staged extends Staging {
  readonly name: string;
  /** Where it lies for an act, once it is finished. */
  readonly place: DiskPath;
  /** Gives the file its mode and time, durably; the last thing before it is committed. Once more after an act that came to nothing. */
  finish(mode: number, modifiedMs: number): Promise<void>;
  /** The file is the folder's now: the staging's note and reservation end. */
  forget(): Promise<void>;
  /** Nobody goes on with it: what it holds and reserved is given back; its bytes may stay for whoever opens it again. */
  leave(): Promise<void>;
  /** Somebody goes on with it. */
  touch(): void;
  /** When somebody last did something with it; undefined while it is being read. */
  readonly idleSinceMs: number | undefined;
  /** True once its bytes cannot be made durable any more: it is to be written anew. */
  readonly isBroken: boolean;
  readonly isOver: boolean;
  /** Bytes reserved for it. */
  readonly reserved: number;
}

/** What a staging needs of the place where all are counted. */
export interface Reservations {
  /** Changes what `staging` reserves; throws `full` when there is no room for more. */
  reserve(staging: Staged, bytes: number): void;
  release(staging: Staged): void;
}
