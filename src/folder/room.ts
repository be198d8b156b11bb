import { asMeshError, MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { FileVersion } from '../core/version.ts';
import { nextTurn } from '../platform/clock.ts';
import type { DiskPath } from '../platform/disk.ts';
import { randomHex } from '../platform/random.ts';
import { Belief } from './belief.ts';
import { Calendar } from './calendar.ts';
import type { FolderOptions } from './face.ts';
import { type HeldCopy, HeldTable } from './held-table.ts';
import { KeptManifests } from './kept-manifests.ts';
import { LostCopies } from './lost-copies.ts';
import { Manifests } from './manifests.ts';
import { OldCopies } from './old-copies.ts';
import { PathLocks } from './path-locks.ts';
import { RunsTable } from './runs-table.ts';
import { StoreQueue } from './store-queue.ts';

/** What all parts of this room share: the seams, what is held, the locks, and whether the folder is believed. */
export class Room {
  readonly options: FolderOptions;
  readonly manifests: Manifests;
  readonly kept: KeptManifests;
  readonly held: HeldTable;
  readonly runs = new RunsTable();
  readonly locks = new PathLocks();
  readonly queue: StoreQueue;
  readonly belief: Belief;
  readonly calendar: Calendar;
  readonly old: OldCopies;
  readonly lost: LostCopies;
  /** Told of every path where the folder may have a change of its own. Set once, by the Folder. */
  suspect: (path: FilePath) => void = () => {};
  /** Private files of acts half done: not to be removed, for a missing one would be taken for one put in place. */
  readonly pinned = new Set<DiskPath>();
  isStopped = false;
  /** The acts a crash interrupted are finished: others may begin. */
  isOpen = false;
  readonly #listeners: (() => void)[] = [];
  readonly #tasks = new Set<Promise<void>>();

  constructor(given: FolderOptions) {
    this.manifests = new Manifests(given.hasher);
    const options = { ...given, hasher: this.manifests };
    this.options = options;
    this.held = new HeldTable(options.hasher);
    this.queue = new StoreQueue(options.store);
    const tell = () => this.tell();
    this.belief = new Belief(options, tell);
    this.calendar = new Calendar(options.clock, options.store, this.queue);
    this.old = new OldCopies({ options, queue: this.queue, belief: this.belief, calendar: this.calendar, tell });
    this.lost = new LostCopies(options);
    const { queue, manifests, held, runs, old } = this;
    this.kept = new KeptManifests({ store: options.store, queue, manifests, held, runs, old });
  }

  /** What the store tells of. */
  async load(): Promise<void> {
    await this.held.load(this.options.store);
    await this.runs.load(this.options.store);
    await this.calendar.load();
    await this.old.load();
    await this.lost.load();
    await this.kept.load();
  }

  /** Bytes held for the mesh. */
  get bytes(): number {
    return this.held.bytes + this.runs.bytes;
  }

  /** Throws `paused` unless acts are possible. */
  assertOpen(): void {
    this.belief.assert();
    if (!this.isOpen || this.isStopped) throw new MeshError('paused', 'the folder is being opened or closed');
  }

  /** A name that was never used, for a private file or an intent. */
  freshName(): string {
    return randomHex(this.options.random, 12);
  }

  freshPlace(folder: 'stage' | 'siblings' | 'versions' | 'trash'): DiskPath {
    return `.filemesh/${folder}/${this.freshName()}`;
  }

  /** The versions of what lies here as a copy: own records of that content, or what was recorded with it. */
  async versionsOf(copy: HeldCopy): Promise<readonly FileVersion[]> {
    const own = this.options.ledger.own(copy.path).map((record) => record.version);
    const known = own.filter((version): version is FileVersion => version.kind === 'file' && version.hash === copy.hash);
    return known.length > 0 ? known : this.held.versionsOf(this.options.store, copy, this.options.ledger);
  }

  /** Where a disk refuses to look, or a link or a mount hides it, a file is not known to be gone, and was not renamed. */
  isGone(path: FilePath): Promise<boolean> {
    return this.options.disk.isGone(path).catch(() => false);
  }

  onState(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Something that `state()` shows has changed. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Starts something nobody waits for: what it throws is logged, and `idle` waits for it. */
  spawn(what: string, act: () => Promise<void>): void {
    const task = act()
      .catch((thrown) => {
        if (!this.isStopped) this.options.log.error(`${what} failed`, { reason: asMeshError(thrown).message });
      })
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Does something that `idle` waits for; the caller hears how it ends. */
  async track<T>(act: () => Promise<T>): Promise<T> {
    const running = act();
    const task = running.then(
      () => undefined,
      () => undefined,
    );
    this.#tasks.add(task);
    try {
      return await running;
    } finally {
      this.#tasks.delete(task);
    }
  }

  /** Lets others have their turn of the event loop. */
  pause(): Promise<void> {
    return nextTurn(this.options.clock);
  }

  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
