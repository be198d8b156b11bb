import type { Catalog } from '../catalog/catalog.ts';
import type { PathWaiters } from '../catalog/path-waiters.ts';
import { asMeshError } from '../core/errors.ts';
import { FirstOut } from '../core/first-out.ts';
import type { FilePath } from '../core/ids.ts';
import type { PlacementRule } from '../core/placement.ts';
import { REPLICAS_DEFAULT } from '../core/settings.ts';
import type { Folder } from '../folder/folder.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { Holding } from './holding.ts';
import { Placing } from './placing.ts';
import { Renames } from './renames.ts';
import { Serving } from './serving.ts';
import { Standings } from './standings.ts';
import { Taking } from './taking.ts';
import { TakingMany } from './taking-many.ts';

/** Paths attended to at once. 1…64. */
const ATTENDING_MAX = 16;
/** Paths begun with in one turn of the event loop: most of them ask for nothing, so nothing else would end the turn. 20…500. */
const BEGUN_A_TURN_MAX = 100;
/** Paths of one step of a sweep: a step stays well below 50 ms. */
const SWEEP_PATHS = 100;
/** A path whose folder had a change of its own is looked at again after so long. */
const AGAIN_MS = 500;
/** Every path is considered again so often, whatever was missed: repair is the same step on a timer. */
const SWEEP_EVERY_MS = 60_000;
/** Of very many paths less often: each sweep rests so many times as long as the last one took, at most SWEEP_REST_MS_MAX. */
const SWEEP_REST_FACTOR = 50;
const SWEEP_REST_MS_MAX = 300_000;

export interface ReplicationOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  readonly waiters: PathWaiters;
  readonly healAfterMs: number;
  readonly placement: PlacementRule;
  /** See Placing; tests have small contents striped too. */
  readonly stripeBytesMin?: number | undefined;
  readonly stripeOverBytes?: number | undefined;
}

/**
 * Keeps R copies of every content. One decider looks at one path: what this peer owes as a holder, and what it sees to
 * as the owner of the name. Every event only marks paths; a sweep marks them all.
 */
export class Replication {
  readonly #options: ReplicationOptions;
  readonly #standings: Standings;
  readonly #placing: Placing;
  readonly #holding: Holding;
  readonly #serving: Serving;
  readonly #renames: Renames;
  readonly #marked = new FirstOut<FilePath, FilePath>();
  /** Paths looked at now; true: marked meanwhile, to be looked at once more. */
  readonly #attending = new Map<FilePath, boolean>();
  readonly #again = new Set<FilePath>();
  #againTimer: Timer | undefined;
  #begunInTurn = 0;
  #turnTimer: Timer | undefined;
  #sweepTimer: Timer | undefined;
  #sweepingFrom: string | undefined;
  #sweepAnew = false;
  #sweepBeganMs = 0;
  #sweepTookMs = 0;
  #wanted = REPLICAS_DEFAULT;
  #sawOpen = false;
  #stopped = false;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    const { clock, catalog, switchboard } = options;
    const wanted = () => this.#wanted;
    const changed = () => {
      this.#placing.wake();
      this.#sweep();
    };
    const taking = new Taking(options);
    const takingMany = new TakingMany({ ...options, take: (ask) => taking.take(ask) });
    this.#renames = new Renames(catalog);
    this.#standings = new Standings({ clock, peers: catalog.peers, healAfterMs: options.healAfterMs, changed });
    const shared = { ...options, standings: this.#standings, renames: this.#renames, wanted };
    this.#placing = new Placing({
      ...shared,
      rule: options.placement,
      takeHere: (ask) => taking.take(ask),
      owns: (path) => this.#isOwner(path),
      takeManyHere: (ask) => takingMany.take(ask),
    });
    this.#holding = new Holding(shared);
    this.#serving = new Serving(options);
    switchboard.answer('place', async (ask) => {
      await taking.take(ask);
      return {};
    });
    switchboard.answer('place-many', (ask) => takingMany.take(ask));
    switchboard.answer('read-many', (ask) => this.#serving.readMany(ask));
    switchboard.answer('read', (ask) => this.#serving.read(ask));
    switchboard.answer('manifest', (ask, from) => this.#serving.manifest(ask, from));
    switchboard.answer('verify', (ask, from) => this.#serving.verify(ask, from));
  }

  start(): void {
    const { catalog, clock, folder } = this.#options;
    catalog.onPaths((paths) => this.#mark(paths));
    catalog.onFacts((changed) => {
      const wanted = catalog.wantedCopies();
      // Who comes, or goes for a while, the table of peers tells; accounts and grants are nothing to a copy.
      if (wanted === this.#wanted && !changed.some(({ kind }) => kind === 'removal')) return;
      this.#wanted = wanted;
      this.#sweep();
    });
    this.#wanted = catalog.wantedCopies();
    catalog.peers.onChange(() => this.#standings.refresh());
    this.#standings.refresh();
    this.#sweep();
    // Until the folder knows what it holds nobody is to judge by it.
    folder.onState(() => {
      if (this.#sawOpen || !folder.isOpen) return;
      this.#sawOpen = true;
      this.#sweep();
    });
    const repeat = () => {
      this.#sweep();
      const restMs = Math.min(SWEEP_REST_MS_MAX, this.#sweepTookMs * SWEEP_REST_FACTOR);
      this.#sweepTimer = clock.after(Math.max(SWEEP_EVERY_MS, restMs), repeat);
    };
    this.#sweepTimer = clock.after(SWEEP_EVERY_MS, repeat);
  }

  stop(): void {
    this.#stopped = true;
    this.#againTimer?.cancel();
    this.#turnTimer?.cancel();
    this.#sweepTimer?.cancel();
    this.#placing.stop();
    this.#standings.stop();
    this.#serving.close();
  }

  /** Why a path has too few copies, in words; known to the owner of its name only. */
  noteOf(path: FilePath): string | undefined {
    return this.#placing.noteOf(path);
  }

  #mark(paths: Iterable<FilePath>): void {
    for (const path of paths) {
      this.#markOne(path);
      for (const target of this.#renames.note(path)) this.#markOne(target);
    }
    this.#pump();
  }

  #markOne(path: FilePath): void {
    if (this.#attending.has(path)) this.#attending.set(path, true);
    else this.#marked.set(path, path);
  }

  #pump(): void {
    while (!this.#stopped && this.#attending.size < ATTENDING_MAX && this.#begunInTurn < BEGUN_A_TURN_MAX) {
      const path = this.#marked.take();
      if (path === undefined) return;
      this.#countInTurn();
      this.#look(path);
    }
  }

  /** Most paths ask for nothing, or for copies elsewhere: no promise is made for them. */
  #look(path: FilePath): void {
    try {
      if (this.#owes(path)) this.#begin(path);
      else this.#placing.consider(path);
    } catch (error) {
      this.#failed(path, error);
    }
  }

  /** Something is to be done in the folder about it; until that is believed and open nobody is to judge by it. */
  #owes(path: FilePath): boolean {
    const { folder } = this.#options;
    return folder.isOpen && folder.paused === undefined && this.#holding.owes(path);
  }

  #begin(path: FilePath): void {
    this.#attending.set(path, false);
    const attended = this.#attend(path).finally(() => {
      if (this.#attending.get(path) === true) this.#marked.set(path, path);
      this.#attending.delete(path);
      this.#pump();
    });
    attended.catch((error: unknown) => this.#failed(path, error));
  }

  #failed(path: FilePath, error: unknown): void {
    this.#options.log.error('replication failed', { path, error: String(error) });
  }

  #countInTurn(): void {
    this.#begunInTurn += 1;
    this.#turnTimer ??= this.#options.clock.after(1, () => {
      this.#turnTimer = undefined;
      this.#begunInTurn = 0;
      this.#pump();
    });
  }

  async #attend(path: FilePath): Promise<void> {
    try {
      await this.#holding.attend(path);
    } catch (error) {
      const reason = asMeshError(error).code;
      this.#options.log.debug('a path must wait', { path, reason });
      // A full disk does not get room within the second: the sweep comes by again.
      if (reason !== 'full') this.#later(path);
    }
    this.#placing.consider(path);
  }

  #isOwner(path: FilePath): boolean {
    const { catalog } = this.#options;
    return catalog.peers.ownerOf(path) === catalog.self;
  }

  #later(path: FilePath): void {
    this.#again.add(path);
    this.#againTimer ??= this.#options.clock.after(AGAIN_MS, () => {
      this.#againTimer = undefined;
      const paths = [...this.#again];
      this.#again.clear();
      this.#mark(paths);
    });
  }

  /** Marks all paths, some at a time; asked for again while it runs, it goes round once more. */
  #sweep(): void {
    if (this.#sweepingFrom !== undefined) this.#sweepAnew = true;
    else {
      this.#sweepBeganMs = this.#options.clock.now();
      this.#sweepStep('');
    }
  }

  #sweepStep(from: string): void {
    if (this.#stopped) return;
    const paths = this.#options.catalog.paths(from, SWEEP_PATHS);
    this.#mark(paths);
    this.#sweepingFrom = paths.at(-1);
    if (this.#sweepingFrom === undefined && this.#sweepAnew) {
      this.#sweepAnew = false;
      this.#sweepingFrom = '';
    }
    const next = this.#sweepingFrom;
    if (next === undefined) this.#sweepTookMs = this.#options.clock.now() - this.#sweepBeganMs;
    if (next !== undefined) this.#options.clock.after(1, () => this.#sweepStep(next));
  }
}
