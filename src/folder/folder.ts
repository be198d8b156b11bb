import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, RequestId } from '../core/ids.ts';
import type { FileVersion, Version } from '../core/version.ts';
import type { Copy, FolderOptions, FolderState, OldCopy, Staging, Step } from './face.ts';

export type { Copy, FolderConfig, FolderOptions, FolderState, OldCopy, Staging, Step } from './face.ts';
export type { Ledger, LedgerTransaction } from './ledger.ts';

const todo = (): never => {
  throw new MeshError('failed', 'not there yet');
};

/**
 * The shared folder: the only room that looks at it or writes it. One lock a path; every act is a durable intent first.
 * What people do in the folder becomes versions in the ledger; what the mesh decides becomes files.
 */
export class Folder {
  constructor(_options: FolderOptions) {}

  state(): FolderState {
    return todo();
  }

  onState(_listener: () => void): void {
    todo();
  }

  /** Checks the marker, finishes intents, starts hints, and begins the first scan (not awaited). */
  async start(): Promise<void> {
    todo();
  }

  async stop(): Promise<void> {
    todo();
  }

  /** Scans now; resolves when that whole scan is taken in. */
  async scan(): Promise<void> {
    todo();
  }

  /** `filemesh resume`: `deleted` believes what is missing, `restore` writes a new marker and gets everything back. */
  async resume(_how: 'deleted' | 'restore'): Promise<void> {
    todo();
  }

  /** True when this content of this path lies here, plain or as a sibling, as far as known. */
  holds(_path: FilePath, _hash: ContentHash): boolean {
    return todo();
  }

  /** True when these bytes lie here under any name. */
  hasBytes(_hash: ContentHash): boolean {
    return todo();
  }

  /** Rejects with `gone`, `paused`, or `corrupt`. */
  async open(_path: FilePath, _hash: ContentHash): Promise<Copy> {
    return todo();
  }

  /** Hashes the copy anew; a wrong one is set aside and recorded as `none`. False when it was wrong or is gone. */
  async verify(_path: FilePath, _hash: ContentHash): Promise<boolean> {
    return todo();
  }

  /** Opens a staging, new or as it was left; `size` is reserved against capacity when known. Rejects with `full` or `paused`. */
  async stage(_name: string, _size: number | undefined): Promise<Staging> {
    return todo();
  }

  /**
   * Takes a fetched copy of a content in: verified against its hash, committed under the plain name (or as a sibling where
   * another content has that), recorded `all`, durable. Rejects with `corrupt`, `paused`, `full`, `bad-place`, `busy`.
   */
  async keep(_path: FilePath, _version: FileVersion, _staging: Staging): Promise<void> {
    todo();
  }

  /** The same from bytes that lie here under any name; false when there are none. */
  async keepFromHere(_path: FilePath, _version: FileVersion): Promise<boolean> {
    return todo();
  }

  /**
   * Lets go of what lies here of a path and is no longer in its view: to the trash when `by` is a tombstone, else to the
   * versions; records `by` as none in the same batch. Nothing happens when the folder has a change of its own there.
   */
  async letGo(_path: FilePath, _hash: ContentHash, _by: Version): Promise<void> {
    todo();
  }

  /** Brings plain name and siblings of a path in line with its view: after a conflict ended, or a better content came. */
  async arrange(_path: FilePath): Promise<void> {
    todo();
  }

  /** Carries out a client's change as one act: durable when it resolves with the versions made, one a step. */
  async make(_request: RequestId, _steps: readonly Step[]): Promise<Version[]> {
    return todo();
  }

  /** Older contents of a path here, newest first. */
  async oldCopies(_path: FilePath): Promise<OldCopy[]> {
    return todo();
  }

  async openOld(_path: FilePath, _hash: ContentHash): Promise<Copy> {
    return todo();
  }

  /** An older content here becomes a staging, to be put as a new version. */
  async stageOld(_path: FilePath, _copy: string, _name: string): Promise<Staging> {
    return todo();
  }
}
