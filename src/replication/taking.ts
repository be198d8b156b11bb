import { createHash } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { OTHERS_RECORDS_MAX } from '../catalog/index-copy.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { type FileVersion, isBefore, isSameVersion } from '../core/version.ts';
import type { Folder, Staging } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask } from '../wire/calls.ts';
import { fetchContent } from '../wire/fetch.ts';
import { Gate } from '../wire/gate.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { givingBack } from '../wire/tail-memory.ts';
import { announcedManifest } from './announced-manifest.ts';
import { askedVersion, isRecordHere } from './asked-version.ts';
import { CutShort } from './cut-short.ts';
import { MANIFESTS_WEIGHT_MAX, manifestWeight } from './manifest-weight.ts';
import { TakingRuns } from './taking-runs.ts';

/** Fetches of large contents under way at once; more wait. Each has a window of a few MiB in memory, and its manifest. 1…64. */
const LARGE_FETCHES_MAX = MANIFESTS_WEIGHT_MAX;
const LARGE_BYTES_MIN = 1024 * 1024;
/** The same of small ones: each is mostly waiting for the disk, and those that wait together share its syncs. 1…256. */
const SMALL_FETCHES_MAX = 48;
/** Askers that may wait for their turn; beyond that the owner is told to come later. */
const WAITING_MAX = 1_000;
/** The owner may know of a version a moment before its record has come here. */
const RECORD_WAIT_MS = 5_000;

/** Contents remembered as fetched wrongly. */
const DISTRUSTED_MAX = 1_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly waiters: PathWaiters;
}

/** The candidate's side of placement: fetches a content from its holders, and keeps it. */
export class Taking {
  readonly #slice: Slice;
  readonly #underWay = new Map<string, Promise<void>>();
  /** How many of those are of each path. */
  readonly #ofPath = new Map<FilePath, number>();
  /** Contents whose fetch ended in wrong bytes. */
  readonly #distrusted = new Set<string>();
  readonly #large = new Gate(LARGE_FETCHES_MAX, WAITING_MAX);
  readonly #cutShort: CutShort;
  /** Fetches by the name of their staging; `ended` resolves when it is over, however it ended. */
  readonly #fetching = new Map<string, { readonly ask: Ask<'place'>; readonly ended: Promise<void> }>();
  readonly #runs: TakingRuns;
  readonly #small = new Gate(SMALL_FETCHES_MAX, WAITING_MAX);

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#cutShort = new CutShort(slice);
    this.#runs = new TakingRuns(slice, this.#large, this.#cutShort);
  }

  /**
   * Resolves when the content is here, verified, durable and recorded. Asked twice for one content, it is done once.
   * Rejects with the reason to decline: `full`, `paused`, `bad-place`, `unavailable`, `busy`, `corrupt`.
   */
  take(ask: Ask<'place'>): Promise<void> {
    const key = keyOf(ask);
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    const taking = this.#take(ask).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, taking);
    return taking;
  }

  async #take(ask: Ask<'place'>): Promise<void> {
    const { folder } = this.#slice;
    const { paused } = folder;
    if (paused !== undefined) throw new MeshError('paused', paused);
    const version = await this.#versionOf(ask);
    await this.#beside(ask.path, version, () => this.#takeVersion(ask, version));
  }

  async #takeVersion(ask: Ask<'place'>, version: FileVersion): Promise<void> {
    const { folder } = this.#slice;
    if (ask.runs !== undefined) return await this.#runs.take({ ...ask, runs: ask.runs }, version);
    if (await folder.keepFromHere(ask.path, version)) return;
    if (ask.size < LARGE_BYTES_MIN) await this.#small.pass(() => this.#fetch(ask, version));
    else await this.#large.pass(() => this.#fetch(ask, version), manifestWeight(ask.size));
  }

  async #versionOf(ask: Ask<'place'>): Promise<FileVersion> {
    await this.#slice.waiters.until(ask.path, () => isRecordHere(this.#slice.catalog, ask), RECORD_WAIT_MS);
    const version = askedVersion(this.#slice.catalog, ask);
    // Nor is what is taken on, and how, a matter of the size that somebody says.
    if (version?.size !== ask.size) throw new MeshError('busy', 'the version is not known here, or no longer current');
    return version;
  }

  /**
   * Of versions beside each other so many are recorded here at most: with more of them what is made here would be told to nobody.
   * One that is recorded already makes none more.
   */
  async #beside(path: FilePath, version: FileVersion, act: () => Promise<void>): Promise<void> {
    const own = this.#slice.catalog.own(path).map((one) => one.version);
    const isRecorded = own.some((one) => isSameVersion(one, version));
    const beside = own.filter((one) => !isBefore(one, version));
    const underWay = this.#ofPath.get(path) ?? 0;
    if (!isRecorded && beside.length + underWay >= OTHERS_RECORDS_MAX)
      throw new MeshError('busy', 'very many versions beside it are here');
    this.#ofPath.set(path, underWay + 1);
    try {
      await act();
    } finally {
      const left = (this.#ofPath.get(path) ?? 1) - 1;
      if (left > 0) this.#ofPath.set(path, left);
      else this.#ofPath.delete(path);
    }
  }

  async #fetch(ask: Ask<'place'>, version: FileVersion): Promise<void> {
    const name = await this.#stagingName(ask, version);
    const fetching = this.#fetchInto(name, ask, version).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, { ask, ended: fetching.catch(() => undefined) });
    await fetching;
  }

  async #fetchInto(name: string, ask: Ask<'place'>, version: FileVersion): Promise<void> {
    const { folder, clock, log } = this.#slice;
    const staging = await folder.stage(name, ask.size);
    const stop = this.#cutShort.begin(staging, ask);
    const sources = new Set<Link>();
    try {
      const ends = await this.#cut(ask, version, staging, sources);
      await fetchContent({
        path: ask.path,
        hash: ask.hash,
        size: ask.size,
        missing: staging.missing(),
        ends,
        sources: () => this.#sources(ask, sources),
        sink: { ...givingBack(staging), check: (chunks) => staging.check(chunks) },
        blamed: (link) => void suspectAt([link], ask),
        clock,
        limit: this.#slice.switchboard.limits.down,
        stop,
      });
      await folder.keep(ask.path, version, staging);
      this.#cutShort.done(staging);
      this.#cutShort.came(ask.hash);
    } catch (error) {
      if (error instanceof MeshError && error.code === 'corrupt') {
        this.#distrust(ask);
        await suspectAt(sources, ask);
      }
      log.debug('a copy could not be taken', { path: ask.path, error: String(error) });
      await this.#cutShort.end(staging, error, ask);
      throw error;
    }
  }

  /**
   * One name a content, so that a fetch begun again finds what it has, were the file renamed meanwhile. Fetched for two names at
   * once each has one of its own.
   */
  async #stagingName({ hash, path }: Ask<'place'>, { manifest }: FileVersion): Promise<string> {
    const nameOf = (words: string) => `place-${createHash('sha256').update(words).digest('hex').slice(0, 32)}`;
    const name = nameOf(`${hash}/${manifest.hash}`);
    // One for a name that is gone was called off.
    for (let other = this.#fetching.get(name); other !== undefined; other = this.#fetching.get(name)) {
      if (this.#cutShort.isWanted(other.ask)) return nameOf(`${hash}/${path}`);
      await other.ended;
    }
    return name;
  }

  /**
   * Learns how a large content is cut, and takes what of it lies here in others. The ends of its chunks; undefined: it
   * comes in one piece, for it is small, or nobody gives the announced manifest, or it did not come right by its chunks.
   */
  async #cut(ask: Ask<'place'>, version: FileVersion, staging: Staging, used: Set<Link>): Promise<ArrayLike<number> | undefined> {
    const { folder, log } = this.#slice;
    if (!folder.chunks.isCut(ask.size) || this.#distrusted.has(keyOf(ask))) return undefined;
    const cut = await announcedManifest(folder, this.#sources(ask, used), ask.path, version);
    if (cut === undefined) return undefined;
    await staging.cut(cut);
    if (folder.chunks.mayReuse(ask.path, version)) {
      await folder.chunks.fill(ask.path, version, staging, cut.manifest).catch((error: unknown) => {
        log.debug('what lies here could not be used', { path: ask.path, error: String(error) });
      });
    }
    return cut.chunks.ends;
  }

  /** The older content here cannot be read, or wrong bytes may have come from it: the next try takes none of it. */
  #distrust(ask: Ask<'place'>): void {
    if (this.#distrusted.size >= DISTRUSTED_MAX) this.#distrusted.clear();
    this.#distrusted.add(keyOf(ask));
  }

  /** Whoever announces the content now, and whom the owner named. */
  #sources(ask: Pick<Ask<'place'>, 'path' | 'hash' | 'holders'>, used: Set<Link>): Link[] {
    const { catalog, switchboard } = this.#slice;
    const content = catalog.view(ask.path)?.contents.find((one) => one.hash === ask.hash);
    const holders = new Set([...(content?.holders ?? []), ...ask.holders]);
    const links = [...holders].map((peer) => switchboard.link(peer)).filter((link) => link !== undefined);
    for (const link of links) used.add(link);
    return links;
  }
}

/** Wrong bytes came: the holders look at their copies, and set a bad one aside. */
async function suspectAt(links: Iterable<Link>, { path, hash }: Ask<'place'>): Promise<void> {
  await Promise.allSettled([...links].map((link) => link.call('verify', { path, hash })));
}

function keyOf({ hash, path, runs = '' }: Ask<'place'>): string {
  return `${runs}${hash}${path}`;
}
