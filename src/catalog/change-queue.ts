import { MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Log } from '../platform/log.ts';
import type { StoreWrite } from '../platform/store.ts';
import type { IndexLine } from './known-paths.ts';

/**
 * Paths that the changes of one durable batch touch, a single larger change aside. Range 50–2,000: above, planning them and
 * taking them in holds up the event loop; below, a sync is shared by too few.
 */
const BATCH_PATHS_MAX = 128;
/** Changes that may wait. Range 1,000–100,000: who has more to say waits for answers in between. */
const CHANGES_QUEUED_MAX = 20_000;

/** What one batch will do once it is durable. A plan adds to it only after it cannot throw any more. */
export class Batch {
  readonly writes: StoreWrite[] = [];
  /** By index: what it will say of a path. */
  readonly lines: { readonly peer: PeerId; readonly path: FilePath; readonly lines: readonly IndexLine[] }[] = [];
  /** The own index grows, or starts anew: its head is to be written too. */
  growsOwn = false;
  /** The index whose copy another history replaces. */
  replaces: PeerId | undefined;
  readonly #acts: (() => void)[] = [];

  write(key: string, value: Uint8Array | undefined): void {
    this.writes.push({ key, value });
  }

  /** `act` runs when the batch is durable, after memory took the lines in. It must not throw. */
  onDurable(act: () => void): void {
    this.#acts.push(act);
  }

  durable(): void {
    for (const act of this.#acts) act();
  }
}

/** One thing to be done to store and memory. */
interface Change {
  /** The only paths its plan touches; undefined: it must be alone. */
  readonly paths: ReadonlySet<FilePath> | undefined;
  readonly plan: (batch: Batch) => void | Promise<void>;
  readonly done: () => void;
  readonly failed: (reason: unknown) => void;
}

/**
 * Lets changes into store and memory one batch after the other, in the order of their coming. Changes that wait while a
 * batch is written go together into the next, as long as no two touch one path: so each plan sees durable state only, and a
 * hundred changes cost one sync.
 */
export class ChangeQueue {
  readonly #commit: (batch: Batch) => Promise<void>;
  readonly #log: Log;
  #waiting: Change[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  /** `commit` makes a batch durable and then takes it into memory; when it rejects, neither happened. */
  constructor(commit: (batch: Batch) => Promise<void>, log: Log) {
    this.#commit = commit;
    this.#log = log;
  }

  /**
   * Plans with nothing else under way on `paths`; resolves with what the plan returned, once its
   * batch is durable and in memory. Rejects with what the plan threw, with the store's error, `busy` when too many wait,
   * or `closed`.
   */
  run<T>(paths: ReadonlySet<FilePath>, plan: (batch: Batch) => T): Promise<T> {
    return this.#run<T>(paths, (batch, keep) => keep(plan(batch)));
  }

  /** The same with nothing else under way on anything, for as long as the plan takes: it may pause. */
  runAlone<T>(plan: (batch: Batch) => T | Promise<T>): Promise<T> {
    return this.#run<T>(undefined, (batch, keep) => {
      const planned = plan(batch);
      if (planned instanceof Promise) return planned.then(keep);
      keep(planned);
    });
  }

  #run<T>(
    paths: ReadonlySet<FilePath> | undefined,
    plan: (batch: Batch, keep: (result: T) => void) => void | Promise<void>,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(new MeshError('closed', 'the catalog is closed'));
    if (this.#waiting.length >= CHANGES_QUEUED_MAX) {
      return Promise.reject(new MeshError('busy', `${CHANGES_QUEUED_MAX} changes wait for the disk: try again later`));
    }
    return new Promise<T>((resolve, reject) => {
      let result: T;
      const planned = (batch: Batch) =>
        plan(batch, (value) => {
          result = value;
        });
      this.#waiting.push({ paths, plan: planned, done: () => resolve(result), failed: reject });
      this.#running ??= this.#drain();
    });
  }

  /** Refuses what comes from now on, and waits for what came before. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    // Calls made in one go share the first batch too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.slice(0, groupLength(this.#waiting));
      this.#waiting = this.#waiting.slice(group.length);
      await this.#carryOut(group);
    }
    this.#running = undefined;
  }

  async #carryOut(group: readonly Change[]): Promise<void> {
    const batch = new Batch();
    const planned: Change[] = [];
    for (const change of group) {
      try {
        const planning = change.plan(batch);
        if (planning !== undefined) await planning;
        planned.push(change);
      } catch (thrown) {
        change.failed(thrown);
      }
    }
    // One that pauses may have failed half-way: it was alone, and nothing of it counts.
    if (planned.length === 0) return;
    try {
      await this.#commit(batch);
    } catch (reason) {
      this.#log.error('the store refused a batch', { changes: planned.length, reason: String(reason) });
      for (const change of planned) change.failed(reason);
      return;
    }
    for (const change of planned) change.done();
  }
}

/** How many of the first changes may share a batch: one that overlaps an earlier one waits, and what follows with it. */
function groupLength(waiting: readonly Change[]): number {
  const taken = new Set<FilePath>();
  let [length, weight] = [0, 0];
  for (const { paths } of waiting) {
    if (paths === undefined) return Math.max(length, 1);
    weight += Math.max(paths.size, 1);
    if (length > 0 && weight > BATCH_PATHS_MAX) break;
    for (const path of paths) if (taken.has(path)) return length;
    for (const path of paths) taken.add(path);
    length += 1;
  }
  return length;
}
