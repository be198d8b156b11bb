import type { Fact, MemberFact } from '../core/facts.ts';
import type { FilePath, PeerId, WriterId } from '../core/ids.ts';
import type { Holding, IndexRecord, PathView } from '../core/namespace.ts';
import type { Version } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Store } from '../platform/store.ts';
import { type Batch, ChangeQueue } from './change-queue.ts';
import type { FactsBook } from './facts-book.ts';
import type { Held } from './held-totals.ts';
import { IndexCopies } from './index-copies.ts';
import { checkDelta, type Delta, type IndexState, stateOf } from './index-copy.ts';
import { type IndexPage, readIndex } from './index-page.ts';
import type { KnownPaths } from './known-paths.ts';
import { type Loaded, load } from './loading.ts';
import { OwnIndex } from './own-index.ts';
import { Pauses } from './pauses.ts';
import { PeerTable } from './peer-table.ts';
import { RecentRecords } from './recent-records.ts';
import { headKey } from './store-keys.ts';
import { takeIn, takeInSlowly } from './taking-in.ts';
import { OwnChange, type Transaction } from './transaction.ts';

export type { Delta, IndexState, NumberedRecord } from './index-copy.ts';
export type { Transaction } from './transaction.ts';

export interface CatalogOptions {
  readonly self: PeerId;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * All indexes known here, own and foreign, and the facts; what follows from them is the namespace. It stores and tells,
 * and decides nothing. Memory is never ahead of the store: a change is seen by readers once it is durable.
 */
export class Catalog {
  readonly self: PeerId;
  /** Volatile: who lives, with what load. */
  readonly peers = new PeerTable();
  /** Versions as short strings of bytes, for rows of the store. */
  readonly versions: Pick<KnownPaths, 'pack' | 'unpack'>;
  /** The folders in which paths with contents lie. */
  readonly folders: Pick<KnownPaths['tree'], 'isFolder' | 'foldersIn'>;
  readonly #store: Store;
  readonly #log: Log;
  readonly #known: KnownPaths;
  readonly #facts: FactsBook;
  readonly #own: OwnIndex;
  readonly #recent: RecentRecords;
  readonly #copies: IndexCopies;
  /** The copy whose replacement is on its way into the store: until it is in memory the two are of different histories. */
  #replacing: PeerId | undefined;
  readonly #pauses: Pauses;
  readonly #queue: ChangeQueue;
  readonly #pathListeners: ((paths: ReadonlySet<FilePath>) => void)[] = [];
  readonly #ownListeners: ((sequence: number) => void)[] = [];
  readonly #factListeners: ((changed: readonly Fact[]) => void)[] = [];

  /** Reads the store whole. Rejects with the store's error, or `failed` when the store is damaged. */
  static async open(options: CatalogOptions): Promise<Catalog> {
    return new Catalog(options, await load(options.store));
  }

  private constructor({ self, store, clock, random, log }: CatalogOptions, { known, facts, heads }: Loaded) {
    this.self = self;
    this.#store = store;
    this.#log = log;
    this.#known = known;
    this.versions = known;
    this.folders = known.tree;
    this.#facts = facts;
    const own = heads.get(self) ?? { trail: [], sequence: 0 };
    this.#own = new OwnIndex(self, random, own.trail, own.sequence);
    this.#recent = new RecentRecords(known, self, own.sequence);
    this.#pauses = new Pauses(clock);
    this.#copies = new IndexCopies({ known, heads }, { own: this.#own, pauses: this.#pauses, log });
    this.#queue = new ChangeQueue((batch) => this.#commit(batch), log);
  }

  // reading, from memory

  /** Undefined when no index here knows the path. */
  view(path: FilePath): PathView | undefined {
    return this.#known.view(path);
  }

  /** Own records of a path: what this peer has, or last had. */
  own(path: FilePath): readonly IndexRecord[] {
    return this.#known.lines(this.self, path).map(({ version, holding }) => ({ path, version, holding }));
  }

  /** What every index says of a path, dominated versions too: who still has what was replaced. */
  records(path: FilePath): { peer: PeerId; version: Version; holding: Holding }[] {
    return this.#known.records(path);
  }

  /** Bytes and files a peer holds in all, as its index says. */
  heldBy(peer: PeerId): Held {
    return this.#known.held.of(peer);
  }

  /** Paths known, deleted ones too, in code-unit order after `after`. */
  paths(after: string, limit: number): FilePath[] {
    return this.#known.after(after, limit);
  }

  /** Paths with contents now that equal `path` after case-fold, itself left out. */
  twinsOf(path: FilePath): FilePath[] {
    return this.#known.tree.twinsOf(path);
  }

  // writing

  /**
   * Runs `plan` alone against the durable state of `paths`, then makes what it did durable. The plan runs once, later, and
   * touches no other path. Rejects with what plan threw, `full`/`failed` of the store, `busy` (too many wait) or `closed`;
   * then nothing happened.
   */
  change<T>(paths: readonly FilePath[], plan: (transaction: Transaction) => T): Promise<T> {
    const touched = new Set(paths);
    return this.#queue.run(touched, (batch) => {
      const change = new OwnChange(this.#known, this.#own, touched);
      const result = plan(change);
      change.finish(batch);
      return result;
    });
  }

  // indexes, for gossip

  /** Of this start. */
  get writer(): WriterId {
    return this.#own.writer;
  }

  /** The own index first. */
  indexes(): IndexState[] {
    return [this.#own.state, ...this.#copies.all().map(stateOf)];
  }

  index(peer: PeerId): IndexState | undefined {
    const copy = this.#copies.get(peer);
    return peer === this.self ? this.#own.state : copy && stateOf(copy);
  }

  /**
   * Records of an index after a sequence, in order, about `limit` (1…9,000): those of one path are never parted by the end of
   * a page. `upTo`: the sequence the page reaches without a gap. When the copy is replaced meanwhile: an empty page up to
   * `after`, not the last.
   */
  async read(peer: PeerId, after: number, limit: number): Promise<IndexPage> {
    // Whoever asks on and on leaves the turn to others.
    if (this.#replacing === peer) await this.#pauses.turn();
    const head = this.index(peer)?.sequence ?? 0;
    const replaced = this.#copies.get(peer)?.replaced;
    const page = await readIndex(this.#store, peer, { after, head, limit }, peer === this.self ? this.#recent : undefined);
    const isOther = this.#replacing === peer || this.#copies.get(peer)?.replaced !== replaced;
    return isOther ? { records: [], upTo: after, last: false } : page;
  }

  /**
   * Takes a delta in: false when it leaves a gap, or is of a history that does not count here. Durable when it resolves,
   * save that pieces of a whole that replaces a copy wait in memory for the last one. `fromOwner`: it came over the
   * owner's own link. Rejects with `protocol` (the delta contradicts itself), `full`, `failed`, `busy`, `closed`.
   */
  async take(delta: Delta, fromOwner: boolean): Promise<boolean> {
    if (delta.index === this.self) return false;
    checkDelta(delta);
    return this.#queue.runAlone((batch) => {
      const relay = this.peers.isLive(delta.index) ? 'relay beside owner' : 'relay';
      return this.#copies.take(delta, fromOwner ? 'owner' : relay, batch);
    });
  }

  /** Forgets the pieces of a whole that wait for the last one: who told them does not go on. */
  readonly forgetPieces = (index: PeerId): void => this.#copies.forgetPieces(index);

  /**
   * A cursor off the own trail was met: the store was restored. Draws a new writer, durably. Call it once for one such
   * cursor: each call adds a start to the trail.
   */
  async startAnew(): Promise<void> {
    await this.#queue.runAlone((batch) => {
      this.#own.startAnew();
      batch.growsOwn = true;
    });
  }

  facts(): readonly Fact[] {
    return this.#facts.all();
  }

  /** R: the wanted number of copies of every content in this mesh. */
  wantedCopies(): number {
    return this.#facts.wantedCopies();
  }

  /** Who may log in, and do what. */
  get people(): Pick<FactsBook, 'accounts' | 'accountFact' | 'founder' | 'hasAccounts' | 'rights' | 'sessionKey'> {
    return this.#facts;
  }

  members(): Map<PeerId, MemberFact> {
    return this.#facts.members();
  }

  /** The name every peer shows this peer under; the first digits of its id when it is no member. */
  shownName(peer: PeerId): string {
    return this.#facts.shownName(peer);
  }

  /** Merges facts in, durably; resolves with those that changed something. */
  adopt(facts: readonly Fact[]): Promise<Fact[]> {
    return this.#queue.runAlone((batch) => {
      const changed = this.#facts.adopt(facts, batch);
      if (changed.length > 0) batch.onDurable(() => this.#tell(this.#factListeners, changed));
      return changed;
    });
  }

  /** After a durable change: the paths whose view changed. Called once a batch. */
  onPaths(listener: (paths: ReadonlySet<FilePath>) => void): void {
    this.#pathListeners.push(listener);
  }

  /** The own index grew up to a sequence. */
  onOwn(listener: (sequence: number) => void): void {
    this.#ownListeners.push(listener);
  }

  onFacts(listener: (changed: readonly Fact[]) => void): void {
    this.#factListeners.push(listener);
  }

  /** Waits for the changes under way; later ones reject with `closed`. The store stays open: it is its opener's. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** One batch into the store, then into memory, then to who listens. Rejects with the store's error: then nothing happened. */
  async #commit(batch: Batch): Promise<void> {
    const grows = batch.growsOwn || batch.lines.some((one) => one.peer === this.self);
    const head = grows ? this.#own.head() : undefined;
    if (head !== undefined) batch.write(headKey(this.self), head.value);
    this.#replacing = batch.replaces;
    try {
      if (batch.writes.length > 0) await this.#store.batch(batch.writes);
    } catch (reason) {
      // Whatever the store did with it: no counter of this batch may ever name another version.
      if (grows) this.#own.startAnew();
      this.#replacing = undefined;
      throw reason;
    }
    head?.durable();
    const tell = (changed: ReadonlySet<FilePath>) => this.#tell(this.#pathListeners, changed);
    const into = { known: this.#known, recent: this.#recent };
    if (batch.replaces === undefined) takeIn(into, batch, tell);
    else await takeInSlowly(into, batch, { pauses: this.#pauses, head: this.#own.sequence }, tell);
    this.#replacing = undefined;
    if (grows) this.#tell(this.#ownListeners, this.#own.sequence);
  }

  #tell<News>(listeners: readonly ((news: News) => void)[], news: News): void {
    for (const listener of listeners) {
      try {
        listener(news);
      } catch (reason) {
        this.#log.error('a listener of the catalog threw', { reason: String(reason) });
      }
    }
  }
}
