import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import { byCodeUnits, type FilePath, type RequestId, type VersionKey } from '../core/ids.ts';
import { foldCase } from '../core/path.ts';
import type { Clock } from '../platform/clock.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { Claims } from './claims.ts';

/** A busy owner is asked again so often and so long, before the client is told to come later. */
const RETRY_MS = 100;
const RETRIES_MAX = 50;
/** An owner that could not be told that a name is free is told again after so long, twice as long each time, up to the second. */
const RELEASE_MS = 250;
const RELEASE_MS_MAX = 10_000;

/** A name to be claimed. */
export interface Wish {
  readonly path: FilePath;
  readonly base: readonly VersionKey[];
  /** Nothing is to be there now. */
  readonly fresh: boolean;
  /** The verb makes a new name: one that is there already is `exists`, where others are `overtaken` by it. */
  readonly isNew?: boolean;
  /** A name it may be a case-twin of, or lie below: the source of a rename. */
  readonly except?: FilePath;
}

/** Names granted to one request. */
export interface Grant {
  /** False once a link to one of the owners has died: then the names must be claimed again. */
  holds(): boolean;
  /** Gives the names back; `made` tells the version that came of each. */
  release(made: ReadonlyMap<FilePath, VersionKey>): Promise<void>;
}

interface Slice {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly switchboard: Switchboard;
  readonly claims: Claims;
}

interface Granted {
  readonly path: FilePath;
  readonly link: Link | undefined;
}

/** The maker's side of claims: asks the owners of all names, in path order, so that two requests never wait in a ring. */
export class Claiming {
  readonly #slice: Slice;
  /** Names whose owner is still to be told that they are free, by request and name. Bounded by the claims of live links. */
  readonly #releasing = new Map<string, Granted>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * Resolves when every name is granted, or with undefined once `isMoot`: asked when the owners are to be asked again.
   * Rejects with `exists`, `overtaken`, or `busy`; then none is held.
   */
  async claim(request: RequestId, wishes: readonly Wish[], isMoot: () => boolean): Promise<Grant | undefined> {
    const ordered = [...wishes].sort((a, b) => byCodeUnits(foldCase(a.path), foldCase(b.path)));
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#claimAll(request, ordered);
      } catch (error) {
        const { code } = asMeshError(error);
        const retried = code === 'busy' || code === 'closed' || code === 'timeout';
        if (!retried) throw error;
        if (attempt >= RETRIES_MAX) throw new MeshError('busy', 'the name could not be claimed: try again', { cause: error });
      }
      await this.#pause();
      if (isMoot()) return undefined;
    }
  }

  async #claimAll(request: RequestId, wishes: readonly Wish[]): Promise<Grant> {
    const granted: Granted[] = [];
    const release = async (made: ReadonlyMap<FilePath, VersionKey>) => {
      await Promise.all(granted.map((one) => this.#release(request, one, made.get(one.path))));
    };
    try {
      for (const wish of wishes) granted.push(await this.#claimOne(request, wish).catch((error) => refused(wish, error)));
    } catch (error) {
      await release(new Map());
      throw error;
    }
    return { holds: () => granted.every(({ link }) => link === undefined || link.open), release };
  }

  async #claimOne(request: RequestId, wish: Wish): Promise<Granted> {
    const { catalog, switchboard, claims } = this.#slice;
    const owner = catalog.peers.ownerOf(wish.path);
    const except = wish.except === undefined ? {} : { except: wish.except };
    const ask = { request, path: wish.path, base: [...wish.base], fresh: wish.fresh, ...except };
    if (owner === catalog.self) {
      claims.grant(ask, undefined);
      return { path: wish.path, link: undefined };
    }
    const link = owner === undefined ? undefined : switchboard.link(owner);
    if (link === undefined) throw new MeshError('busy', 'no peer owns this name now');
    const granted = { path: wish.path, link };
    // What a release said late would take away again.
    this.#releasing.delete(keyOf(request, granted));
    try {
      await link.call('claim', ask);
    } catch (error) {
      // It may have been granted all the same.
      if (asMeshError(error).code === 'timeout') this.#releaseLater(request, granted, undefined, RELEASE_MS);
      throw error;
    }
    return granted;
  }

  /** Tells the owner that a name is free; not in reach now, it is told later, and nobody waits for that. */
  async #release(request: RequestId, granted: Granted, made: VersionKey | undefined): Promise<void> {
    if (!(await this.#tellFree(request, granted, made))) this.#releaseLater(request, granted, made, RELEASE_MS);
  }

  #releaseLater(request: RequestId, granted: Granted, made: VersionKey | undefined, ms: number): void {
    const key = keyOf(request, granted);
    this.#releasing.set(key, granted);
    this.#slice.clock.after(ms, async () => {
      if (this.#releasing.get(key) !== granted) return;
      const isTold = await this.#tellFree(request, granted, made);
      if (this.#releasing.get(key) !== granted) return;
      if (isTold) this.#releasing.delete(key);
      else this.#releaseLater(request, granted, made, Math.min(2 * ms, RELEASE_MS_MAX));
    });
  }

  /** False when the owner holds the name on. */
  async #tellFree(request: RequestId, { path, link }: Granted, made: VersionKey | undefined): Promise<boolean> {
    const ask = { request, path, ...(made === undefined ? {} : { made }) };
    try {
      if (link === undefined) await this.#slice.claims.release(ask, undefined);
      else if (link.open) await link.call('release', ask);
      return true;
    } catch (error) {
      // The claim dies with its link. An owner that will never hear of it is not asked for ever.
      return link?.open !== true || asMeshError(error).advice === 'never';
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#slice.clock.after(RETRY_MS, resolve));
  }
}

function keyOf(request: RequestId, { path }: Granted): string {
  return `${request}/${path}`;
}

function refused({ path, isNew }: Wish, error: unknown): never {
  if (isNew !== true || asMeshError(error).code !== 'overtaken') throw error;
  throw new MeshError('exists', `${path} exists already`, { cause: error });
}
