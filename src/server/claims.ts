import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { MeshError } from '../core/errors.ts';
import type { FilePath, RequestId, VersionKey } from '../core/ids.ts';
import { madeBy } from '../core/namespace.ts';
import { foldCase, foldersOf } from '../core/path.ts';
import { versionKey } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Ask, ENTRY_BASE_MAX } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';

/** Names held at once at one owner: each client has one change under way. */
const CLAIMS_MAX = 10_000;
/** A name whose change was made is held until its record has come here, at most this long. */
const MADE_WAIT_MS = 5_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly waiters: PathWaiters;
}

interface Claim {
  readonly request: RequestId;
  /** The links it came over: a replay asks by another one. Undefined for this peer's own. It dies with the last of them. */
  readonly links: Set<Link | undefined>;
}

/**
 * The owner's side of serializing changes of a name: it grants a name when the set of versions it sees is the base asked
 * for and no other request holds it. A wrong grant costs a sibling, never a loss.
 */
export class Claims {
  readonly #slice: Slice;
  /** By case-folded name: two names of one fold are one claim. */
  readonly #claims = new Map<string, Claim>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Throws `busy` (later), `overtaken`, or `exists`. Granted again to the same request. */
  grant(ask: Ask<'claim'>, link: Link | undefined): void {
    const { catalog } = this.#slice;
    if (catalog.peers.ownerOf(ask.path) !== catalog.self) {
      throw new MeshError('busy', 'another peer owns this name, or none does yet');
    }
    const fold = foldCase(ask.path);
    const claim = this.#claims.get(fold);
    if (claim !== undefined && claim.request !== ask.request) throw new MeshError('busy', 'another request holds this name');
    if (madeBy(catalog.view(ask.path), ask.request) !== undefined) {
      throw new MeshError('busy', 'this request was carried out already: its record is on its way');
    }
    if (ask.fresh) this.#checkFresh(ask.path, ask.except);
    this.#checkBase(ask);
    if (claim === undefined && this.#claims.size >= CLAIMS_MAX) throw new MeshError('busy', 'too many changes are under way');
    if (claim === undefined) this.#claims.set(fold, { request: ask.request, links: new Set([link]) });
    else claim.links.add(link);
  }

  /** `link`: the one it was granted over. */
  async release(ask: Ask<'release'>, link: Link | undefined): Promise<void> {
    const { made } = ask;
    if (made !== undefined) await this.#slice.waiters.until(ask.path, () => this.#isKnown(ask.path, made), MADE_WAIT_MS);
    const fold = foldCase(ask.path);
    if (this.#claims.get(fold)?.request === ask.request) this.#letGo(fold, link);
  }

  /** Claims die with the link they came over. */
  dropLink(link: Link): void {
    for (const fold of [...this.#claims.keys()]) this.#letGo(fold, link);
  }

  #letGo(fold: string, link: Link | undefined): void {
    const links = this.#claims.get(fold)?.links;
    links?.delete(link);
    if (links?.size === 0) this.#claims.delete(fold);
  }

  #isKnown(path: FilePath, key: VersionKey): boolean {
    return this.#slice.catalog.records(path).some((record) => versionKey(record.version) === key);
  }

  #checkFresh(path: FilePath, except: FilePath | undefined): void {
    const { catalog } = this.#slice;
    if ((catalog.view(path)?.contents.length ?? 0) > 0) throw new MeshError('overtaken', `${path} exists already`);
    const twin = catalog.twinsOf(path).find((one) => one !== except);
    if (twin !== undefined) throw new MeshError('exists', `${path} differs only in case from ${twin}`);
    if (catalog.folders.isFolder(path)) throw new MeshError('exists', `${path} is a folder`);
    const file = foldersOf(path).find((folder) => (catalog.view(folder as FilePath)?.contents.length ?? 0) > 0);
    if (file !== undefined && file !== except) throw new MeshError('exists', `${file} is a file, so nothing can lie below it`);
  }

  #checkBase(ask: Ask<'claim'>): void {
    const view = this.#slice.catalog.view(ask.path);
    const base = new Set(ask.base);
    // Whoever asks was told of no more: what is beyond is not covered, and stays beside it.
    const seen = (view?.known ?? []).slice(0, ENTRY_BASE_MAX).map((one) => one.version);
    const unseen = ask.base.find((key) => !this.#isKnown(ask.path, key) && !seen.some((version) => versionKey(version) === key));
    // A fresh name follows whatever tombstones there are; the claimant takes them into its base.
    const missing = seen.filter((version) => !base.has(versionKey(version)) && !(ask.fresh && version.kind === 'tombstone'));
    if (missing.length > 0) throw new MeshError('overtaken', `${ask.path} was changed meanwhile`);
    if (unseen !== undefined) throw new MeshError('busy', 'the owner has not read of the base yet');
  }
}
