import type { ContentHash, FilePath, RequestId } from '../core/ids.ts';
import { isIgnoreFile } from '../core/path.ts';
import type { Load } from '../core/placement.ts';
import type { Range } from '../core/range.ts';
import type { FileVersion, Version } from '../core/version.ts';
import type { Watch } from '../platform/disk.ts';
import { Acts } from './acts.ts';
import { Asides } from './asides.ts';
import { Chunks } from './chunks.ts';
import { Copies } from './copies.ts';
import type { Copy, FolderOptions, FolderState, OldCopy, Staging, Step } from './face.ts';
import { IgnoreRules } from './ignore-rules.ts';
import { Intake } from './intake.ts';
import { Keeping } from './keeping.ts';
import { LateEdits } from './late-edits.ts';
import { LentRuns } from './lent-runs.ts';
import { Making } from './making.ts';
import { Many } from './many.ts';
import { Missing } from './missing.ts';
import { Renaming } from './renaming.ts';
import { Restoring } from './restoring.ts';
import { Room } from './room.ts';
import { Runs } from './runs.ts';
import { faultOfName, Scanning } from './scanning.ts';
import { Scrub } from './scrub.ts';
import { Settling } from './settling.ts';
import { Stagings } from './stagings.ts';
import { Upkeep } from './upkeep.ts';
import { warningsOf } from './warnings.ts';

export type { Asker, Copy, FolderConfig, FolderOptions, FolderState, OldCopy, Staging, Step } from './face.ts';
export type { Ledger, LedgerTransaction } from './ledger.ts';
export type { Striped } from './runs.ts';

/**
 * The shared folder: the only room that looks at it or writes it. One lock a path; every act is a durable intent first.
 * What people do in the folder becomes versions in the ledger; what the mesh decides becomes files.
 */
export class Folder {
  /** Manifests, and what of a new content lies here in an older one. */
  readonly chunks: Chunks;
  readonly lentRuns: LentRuns;
  /** Striped contents, of which runs lie here. */
  readonly runs: Runs;
  /** Small contents, many at once. */
  readonly many: Many;
  readonly renaming: Renaming;
  /** Contents that were set aside. */
  readonly restoring: Restoring;
  readonly #room: Room;
  readonly #settling: Settling;
  readonly #scanning: Scanning;
  readonly #missing: Missing;
  readonly #intake: Intake;
  readonly #asides: Asides;
  readonly #stagings: Stagings;
  readonly #keeping: Keeping;
  readonly #making: Making;
  readonly #copies: Copies;
  readonly #ignore: IgnoreRules;
  readonly #upkeep: Upkeep;
  readonly #scrub: Scrub;
  readonly #unreadable = new Map<FilePath, string>();
  #watch: Watch | undefined;
  #wasPaused = false;

  constructor(options: FolderOptions) {
    const room = new Room(options);
    this.#room = room;
    room.suspect = (path) => this.#suspect(path);
    this.#ignore = new IgnoreRules(room);
    this.#intake = new Intake(room, (path) => this.#ignore.isIgnored(path), {
      done: (path) => this.#takenIn(path),
      again: (path) => this.#settling.again(path),
      nothing: (path) => this.#lookBelow(path),
      back: (path) => room.spawn('arranging a name', () => this.#keeping.arrange(path)),
      unreadable: (path, reason) => this.#noteUnreadable(path, reason),
      bad: (path) => room.spawn('looking at a copy', () => this.#copies.loseUnreadable(path)),
    });
    this.#settling = new Settling(room, this.#intake);
    this.#asides = new Asides(room, (aside, digest, stat, key) => lateEdits.recover(aside, digest, stat, key));
    const acts = new Acts(room, this.#asides);
    this.#stagings = new Stagings(room);
    this.#keeping = new Keeping(room, acts, this.#stagings);
    this.many = new Many(room, acts, this.#stagings, (path) => this.arrange(path));
    this.renaming = new Renaming(room, acts, (path) => this.arrange(path));
    this.#making = new Making(room, acts, this.#stagings);
    this.restoring = new Restoring(room, acts, this.#stagings);
    this.#copies = new Copies(room, acts);
    this.runs = new Runs(room, acts, this.#stagings);
    this.chunks = new Chunks(room, this.#copies, this.runs);
    this.lentRuns = new LentRuns(room, this.#copies, this.runs, (name, size) => this.stage(name, size));
    this.#scrub = new Scrub(room, (path, hash) => this.verify(path, hash));
    const lateEdits = new LateEdits(room, acts, this.#keeping);
    this.#missing = new Missing(room, (path) => this.#arrangeLater(path));
    this.#upkeep = new Upkeep(room, acts, this.#asides, this.#stagings, this.runs);
    this.#scanning = new Scanning({
      room,
      settling: this.#settling,
      missing: this.#missing,
      ignore: this.#ignore,
      before: () => this.#upkeep.beforeScan(),
      hasWatchFault: () => this.#watch?.fault() !== undefined,
    });
    room.onState(() => this.#noticeBelief());
  }

  /** Why the folder is not believed, and what to type; undefined while it is. */
  get paused(): string | undefined {
    return this.#room.belief.paused;
  }

  /** What is held for the mesh (plain, siblings), and what is accepted and not yet held. */
  get load(): Load {
    return this.#stagings.load;
  }

  /** For a person: it may list thousands of names. */
  state(): FolderState {
    const unreadable = [...this.#unreadable].map(([path, reason]) => ({ path, reason }));
    const ignored = this.#ignore.told(this.#scanning.ignored);
    const notKept = [...ignored, ...this.#scanning.notKept, ...unreadable, ...this.#room.lost.notKept()];
    const faults = [this.#watch?.fault(), ...this.#upkeep.warnings()];
    const warnings = warningsOf(faults, this.#scanning.fault, this.#settling.busyPaths());
    return { ...this.load, paused: this.paused, scanned: this.#scanning.isDone, notKept, warnings };
  }

  /** What lies here is known, and acts are possible: before, `holds` may say less than there is. */
  get isOpen(): boolean {
    return this.#room.isOpen && !this.#room.isStopped;
  }

  /** Called after anything that `state` shows has changed; often, so that the listener must be quick. */
  onState(listener: () => void): void {
    this.#room.onState(listener);
  }

  /** Checks the marker, finishes intents, starts hints, and begins the first scan (not awaited). */
  async start(): Promise<void> {
    const room = this.#room;
    await room.belief.begin();
    await room.load();
    if (room.belief.paused === undefined) await this.#upkeep.open();
    this.#watch = await room.options.disk.watch((path) => this.#hint(path));
    room.spawn('the first scan', () => this.#scanning.scan());
    this.#scrub.start();
  }

  /** Ends hints and timers, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#room.isStopped = true;
    this.#scanning.stop();
    this.#settling.stop();
    this.#asides.stop();
    this.#upkeep.stop();
    this.#scrub.stop();
    this.#room.belief.stop();
    await this.#watch?.close();
    await this.#room.idle();
  }

  /** Scans now; resolves when that whole scan is taken in. */
  scan(): Promise<void> {
    return this.#scanning.scan();
  }

  /** `filemesh resume`: `deleted` believes what is missing, `restore` writes a new marker and gets everything back. */
  async resume(how: 'deleted' | 'restore'): Promise<void> {
    await this.#room.belief.adopt();
    await this.#room.old.release();
    this.#missing.answer = how;
    try {
      await this.scan();
      // Also what a person confirmed is believed by a second scan only, a settle time after the first.
      if (how === 'deleted' && this.#missing.count > 0) {
        await this.#upkeep.sleep(this.#room.options.config.settleMs + 1);
        await this.scan();
      }
    } finally {
      this.#missing.answer = undefined;
    }
  }

  /** True when this content of this path lies here, plain or as a sibling, as far as known. */
  holds(path: FilePath, hash: ContentHash): boolean {
    return this.#room.held.find(path, hash) !== undefined;
  }

  /** Rejects with `gone`, `paused`, or `changed`: then the folder has a change of its own there, which is looked at. */
  open(path: FilePath, hash: ContentHash): Promise<Copy> {
    return this.#copies.open(path, hash);
  }

  /** Hashes the copy anew, or runs of `range`; a wrong one is set aside and recorded as not held. False when one was, or is gone. */
  verify(path: FilePath, hash: ContentHash, range?: Range): Promise<boolean> {
    return this.holds(path, hash) ? this.#copies.verify(path, hash) : this.runs.verify(path, hash, range);
  }

  /** Opens a staging, new or as it was left; `size` is reserved against capacity when known. Rejects with `full` or `paused`. */
  async stage(name: string, size: number | undefined): Promise<Staging> {
    this.#room.assertOpen();
    return this.#stagings.open(name, size);
  }

  /**
   * Takes a fetched copy of a content in: verified against its hash, committed under the plain name (or as a sibling where
   * another content has that), recorded `all`, durable; the staging ends. Rejects with `corrupt` (the staging is gone
   * then), `overtaken` when a newer content is here, `paused`, `full`, `bad-place`, `busy`: the staging stays.
   */
  keep(path: FilePath, version: FileVersion, staging: Staging): Promise<void> {
    return this.#keeping.keep(path, version, staging);
  }

  /** The same from bytes that lie here under any name; false when there are none. */
  keepFromHere(path: FilePath, version: FileVersion): Promise<boolean> {
    return this.#keeping.keepFromHere(path, version);
  }

  /**
   * Lets go of what lies here of a path and is no longer in its view: to the trash when `by` is a tombstone, else to the
   * versions; records `by` as none in the same batch, unless it is recorded. `busy` when the folder has a change of its own.
   */
  async letGo(path: FilePath, hash: ContentHash, by: Version): Promise<void> {
    await this.#keeping.letGo(path, hash, by);
    if (this.runs.heldFor(path, hash) !== undefined) await this.runs.letGo(path, hash, by);
  }

  /** Brings plain name and siblings of a path in line with its view; what is neither current nor in the own index is set aside. */
  async arrange(path: FilePath): Promise<void> {
    await this.#keeping.arrange(path);
    await this.runs.arrange(path);
  }

  /** False while `arrange` has something to do. */
  isArranged(path: FilePath): boolean {
    return this.#keeping.isArranged(path) && this.runs.isArranged(path);
  }

  /**
   * Carries out a client's change as one act: durable when it resolves with the versions made, one a step. Rejects with
   * `busy` when the folder has a change of its own there; whatever it rejects with, nothing was made.
   */
  make(request: RequestId, steps: readonly Step[]): Promise<Version[]> {
    return this.#making.make(request, steps);
  }

  /** Older contents of a path here: those not set aside yet, then the others, newest first. */
  async oldCopies(path: FilePath): Promise<OldCopy[]> {
    return this.restoring.copiesOf(path);
  }

  #hint(path: string | undefined): void {
    if (this.#room.isStopped) return;
    // Before what was put beside it has settled.
    if (path !== undefined && isIgnoreFile(path)) this.#readIgnored();
    if (path === undefined) this.#scanning.want();
    else if (faultOfName(path) === undefined && !this.#settling.add(path as FilePath)) this.#scanning.want();
  }

  #suspect(path: FilePath): void {
    if (!this.#settling.suspect(path)) this.#scanning.want();
  }

  #takenIn(path: FilePath): void {
    this.#settling.done(path);
    this.#unreadable.delete(path);
    if (isIgnoreFile(path)) this.#readIgnored();
  }

  #readIgnored(): void {
    this.#room.spawn('reading ignore patterns', () => this.#ignore.load());
  }

  /** Hinted, and no file: a new folder is walked at once; where held files are gone, scans find out. */
  #lookBelow(path: FilePath): void {
    if (this.#room.held.plain(path) !== undefined) this.#scanning.want();
    else this.#scanning.lookBelow(path);
  }

  #noteUnreadable(path: FilePath, reason: string | undefined): void {
    if (reason === undefined) this.#unreadable.delete(path);
    else if (this.#unreadable.size < 100) this.#unreadable.set(path, reason);
  }

  #arrangeLater(path: FilePath): void {
    if (this.#room.held.siblings(path).length === 0) return;
    this.#room.spawn('arranging a name', () => this.#keeping.arrange(path));
  }

  /** Believed again: what waited is looked at, and a scan tells what happened meanwhile. */
  #noticeBelief(): void {
    const isPaused = this.#room.belief.paused !== undefined;
    if (isPaused === this.#wasPaused) return;
    this.#wasPaused = isPaused;
    if (isPaused) return;
    this.#settling.wake();
    this.#scanning.want();
  }
}
