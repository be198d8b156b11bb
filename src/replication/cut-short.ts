import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Staging } from '../folder/folder.ts';
import type { Log } from '../platform/log.ts';
import { lastNameOf } from './renames.ts';

/** Fetches remembered as cut short: of those forgotten their bytes stay for as long as anybody's that nobody goes on with. */
const REMEMBERED_MAX = 1_000;

interface Slice {
  readonly catalog: Pick<Catalog, 'view' | 'onPaths'>;
  readonly log: Log;
}

interface Asked {
  readonly path: FilePath;
  readonly hash: ContentHash;
}

/** Fetches that their sources cut short: what came stays for the next try, as long as somebody wants that content. */
export class CutShort {
  readonly #slice: Slice;
  readonly #left = new Map<Staging, Asked>();
  readonly #underWay = new Map<Staging, Asked & { readonly stop: AbortController }>();

  constructor(slice: Slice) {
    this.#slice = slice;
    slice.catalog.onPaths((paths) => this.#look(paths));
  }

  /** A fetch into `staging` begins, anew or not. Calls it off once nobody wants that content under that name any more. */
  begin(staging: Staging, { path, hash }: Asked): AbortSignal {
    this.#left.delete(staging);
    const stop = new AbortController();
    this.#underWay.set(staging, { path, hash, stop });
    if (!this.isWanted({ path, hash })) stop.abort();
    return stop.signal;
  }

  /** It ended by `error`: any but a cut leaves nothing. */
  async end(staging: Staging, error: unknown, asked: Asked): Promise<void> {
    this.#underWay.delete(staging);
    const isCutShort = error instanceof MeshError && (error.code === 'unavailable' || error.code === 'closed');
    // It may have been deleted, or replaced: that is why nobody gives it any more.
    const path = this.#wantedAs(asked);
    if (!isCutShort || path === undefined) return await staging.discard();
    for (const oldest of this.#left.keys()) if (this.#left.size >= REMEMBERED_MAX) this.#left.delete(oldest);
    this.#left.set(staging, { path, hash: asked.hash });
  }

  /** What it was for came. */
  done(staging: Staging): void {
    this.#underWay.delete(staging);
  }

  /** All of a content is here: what was left of another try, under another name perhaps, is of no use any more. */
  came(hash: ContentHash): void {
    for (const [staging, asked] of this.#left) if (asked.hash === hash) this.#discard(staging, asked);
  }

  /** A file that is written to all the time is cut short each time: each would leave what had come of it, and its room. */
  #look(paths: ReadonlySet<FilePath>): void {
    for (const asked of this.#underWay.values()) if (paths.has(asked.path) && !this.isWanted(asked)) asked.stop.abort();
    for (const [staging, asked] of this.#left) {
      if (!paths.has(asked.path)) continue;
      const name = this.#wantedAs(asked);
      if (name === undefined) this.#discard(staging, asked);
      else this.#left.set(staging, { ...asked, path: name });
    }
  }

  #discard(staging: Staging, { path }: Asked): void {
    this.#left.delete(staging);
    staging.discard().catch((thrown: unknown) => {
      this.#slice.log.warn('what nobody wants stays staged', { path, reason: asMeshError(thrown).message });
    });
  }

  /** True while somebody wants that content under that name. */
  isWanted({ path, hash }: Asked): boolean {
    return this.#slice.catalog.view(path)?.contents.some((one) => one.hash === hash) === true;
  }

  /** The name under which somebody wants it: it may have been renamed. */
  #wantedAs({ path, hash }: Asked): FilePath | undefined {
    const name = lastNameOf(this.#slice.catalog, path, hash);
    return this.isWanted({ path: name, hash }) ? name : undefined;
  }
}
