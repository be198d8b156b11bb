import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { MultiMap } from '../core/multi-map.ts';
import { folderOf } from '../core/path.ts';
import { type FileVersion, modifiedMsOf } from '../core/version.ts';
import type { Timer } from '../platform/clock.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Effect } from './act.ts';
import { isAlias } from './aliases.ts';
import { burialEffects } from './burial.ts';
import type { Settled, SettlingEvents } from './candidate.ts';
import { findingOf, isCurrent } from './descent.ts';
import { Digesting } from './digesting.ts';
import { writeEffects } from './effects.ts';
import { isFault } from './faults.ts';
import type { HeldCopy } from './held-table.ts';
import { inParallel } from './in-parallel.ts';
import type { LedgerTransaction } from './ledger.ts';
import type { LostCopy } from './lost-copies.ts';
import { type Read, Reading } from './reading.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** Files recorded in one change of the ledger. 1…2,000: above 128, recording them holds up the event loop. */
const RECORD_FILES_MAX = 128;
/** While more files are being read, a read one waits at most so long for others to be recorded with. 0…200 ms. */
const GATHER_MS = 30;
/** Folders synced at once. */
const SYNCS_MAX = 4;
/** Names of the same bytes that are looked at for a rename: of thousands of empty files one is as good as another. */
const SOURCES_MAX = 8;
/** What people put there no act moved. */
const NO_MOVES: ReadonlyMap<DiskPath, FileStat> = new Map();

/** A read file that is as it was, its lock held, with what was known of its name and of the name it came from. */
interface Ready extends Read {
  readonly plain: HeldCopy | undefined;
  readonly versions: readonly FileVersion[];
  readonly source: { readonly copy: HeldCopy; readonly versions: readonly FileVersion[] } | undefined;
}

/** What the intake tells of a path it took over. */
export interface IntakeEvents {
  /** Taken in, or nothing to take. */
  done(path: FilePath): void;
  /** Lost for a while, and here again. */
  back(path: FilePath): void;
  /** To be looked at again. */
  again(path: FilePath): void;
  /** No file lies there: a held one is missing, or the path is a folder, or something came and went. */
  nothing(path: FilePath): void;
  /** The file cannot be read; undefined: it can again. */
  unreadable(path: FilePath, reason: string | undefined): void;
  /** It is held, and could not be read the last time either. */
  bad(path: FilePath): void;
}

/** Turns what people do in the folder into versions: hashes what settled, and records it many files at a time. */
export class Intake implements SettlingEvents {
  readonly #room: Room;
  readonly #events: IntakeEvents;
  readonly #isIgnored: (path: FilePath) => boolean;
  readonly #digesting: Digesting;
  readonly #reading: Reading;
  readonly #read: Read[] = [];
  #timer: Timer | undefined;
  #isRecording = false;
  /** Held files that could not be read the last time. */
  readonly #faulty = new Set<FilePath>();

  constructor(room: Room, isIgnored: (path: FilePath) => boolean, events: IntakeEvents) {
    this.#room = room;
    this.#isIgnored = isIgnored;
    this.#digesting = new Digesting(room);
    this.#events = events;
    this.#reading = new Reading(room, this.#digesting, {
      isWanted: (settled) => this.#isWanted(settled),
      read: (read) => {
        this.#faulty.delete(read.path);
        events.unreadable(read.path, undefined);
        this.#read.push(read);
      },
      failed: (path, error) => {
        if (error !== undefined && error.code !== 'gone') this.#noteFault(path, error.message);
        events.again(path);
      },
      // The last one read may have had nothing to record.
      went: () => this.#recordSoon(),
    });
  }

  /** The queue is bounded by what settles at once. */
  settled(settled: Settled): void {
    this.#reading.take(settled);
  }

  /** A large file is read meanwhile. */
  settling(path: FilePath, stat: FileStat): void {
    if (!this.#isIgnored(path)) this.#digesting.begin(path, stat);
  }

  #isWanted({ path, stat }: Settled): boolean {
    const plain = this.#room.held.plain(path);
    if (this.#room.belief.paused !== undefined) {
      this.#events.again(path);
      return false;
    }
    if (stat === undefined) this.#events.nothing(path);
    const isWanted = stat !== undefined && (plain === undefined ? !this.#isIgnored(path) : !isSameStat(plain.stat, stat));
    if (!isWanted) this.#events.done(path);
    return isWanted;
  }

  /** Once may be a matter of a moment: somebody is changing its mode, or memory ran out. */
  #noteFault(path: FilePath, reason: string): void {
    this.#events.unreadable(path, reason);
    if (this.#faulty.delete(path)) this.#events.bad(path);
    else if (this.#room.held.plain(path) !== undefined) this.#faulty.add(path);
  }

  /** At once when many wait or none is to come; else a little later. */
  #recordSoon(): void {
    if (this.#isRecording || this.#read.length === 0 || this.#room.isStopped) return;
    const isLast = this.#reading.isIdle;
    if (this.#read.length < RECORD_FILES_MAX && !isLast) {
      this.#timer ??= this.#room.options.clock.after(GATHER_MS, () => this.#recordNow());
      return;
    }
    this.#recordNow();
  }

  #recordNow(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#isRecording && !this.#room.isStopped) this.#room.spawn('recording files', () => this.#recordBatch());
  }

  async #recordBatch(): Promise<void> {
    this.#isRecording = true;
    try {
      await this.#recordSome(this.#read.splice(0, RECORD_FILES_MAX));
    } finally {
      this.#isRecording = false;
      this.#recordSoon();
    }
  }

  async #recordSome(reads: Read[]): Promise<void> {
    const releases = new Map<FilePath, () => void>();
    const open = new Set(reads.map((read) => read.path));
    try {
      for (const path of await this.#aliases(reads)) {
        open.delete(path);
        this.#events.done(path);
      }
      const own = reads.filter(({ path }) => open.has(path));
      const ready = await this.#prepare(own, releases);
      // A folder that went away meanwhile must not be read as renames and edits.
      if (!(await this.#room.belief.check())) return;
      await this.#record(ready);
      for (const { path } of ready) {
        open.delete(path);
        this.#events.done(path);
      }
    } catch (thrown) {
      this.#room.options.log.warn('files could not be recorded', { files: reads.length, reason: asMeshError(thrown).message });
    } finally {
      for (const release of releases.values()) release();
      for (const path of open) this.#events.again(path);
    }
  }

  /** Names by which the disk only finds what is named otherwise, beside that name: the file is taken in under its own. */
  async #aliases(reads: readonly Read[]): Promise<FilePath[]> {
    const besides = new MultiMap<number, Read>();
    for (const read of reads) besides.add(read.stat.inode, read);
    const aliases: FilePath[] = [];
    for (const { path, stat } of reads) {
      const twins = [this.#room.held.withInode(stat.inode), ...besides.of(stat.inode)].filter(
        (twin) => twin && twin.path !== path,
      );
      for (const twin of twins) if (await isAlias(this.#room, path, twin?.path)) aliases.push(path);
    }
    return aliases;
  }

  /** Locks what is free and still as it was read; the others start over. */
  async #prepare(reads: readonly Read[], releases: Map<FilePath, () => void>): Promise<Ready[]> {
    const ready: Ready[] = [];
    const locked = reads.filter(({ path }) => this.#hold(path, releases));
    const stats = await this.#room.options.disk.statMany(locked.map(({ path }) => path));
    for (const [index, read] of locked.entries()) {
      const stat = stats[index];
      // ctime too: who writes to it now and puts the mtime back would otherwise never be noticed.
      if (stat === undefined || isFault(stat) || !isSameStat(stat, read.stat)) continue;
      const plain = this.#room.held.plain(read.path);
      const lost = plain === undefined ? this.#room.lost.at(read.path) : undefined;
      if (lost !== undefined && (await this.#isWrong(lost, read))) continue;
      const { store } = this.#room.options;
      const versions = plain ? await this.#room.versionsOf(plain) : lost ? await this.#room.lost.versionsOf(store, lost) : [];
      const source = plain?.hash === read.digest.hash ? undefined : await this.#sourceOf(read, releases);
      ready.push({ ...read, stat, plain, versions, source });
    }
    return ready;
  }

  /** What could not be read for a while, and now is other bytes in the same file, was changed by no person. */
  async #isWrong(lost: LostCopy, { stat, digest }: Read): Promise<boolean> {
    if (lost.why === 'out of reach' || digest.hash === lost.hash || !isSameFile(lost.stat, stat)) return false;
    const copy: LostCopy = { ...lost, stat, why: 'wrong' };
    const versions = await this.#room.lost.versionsOf(this.#room.options.store, lost);
    await this.#room.queue.write([this.#room.lost.row(copy, versions)]);
    this.#room.lost.set(copy, this.#room.held.scanNumber);
    return true;
  }

  #hold(path: FilePath, releases: Map<FilePath, () => void>): boolean {
    if (releases.has(path)) return false;
    const release = this.#room.locks.tryHold(path);
    if (release !== undefined) releases.set(path, release);
    return release !== undefined;
  }

  /** The held name these bytes came from: one where nothing lies now, the same inode first. */
  async #sourceOf({ path, stat, digest }: Read, releases: Map<FilePath, () => void>): Promise<Ready['source']> {
    const same = this.#room.held.withInode(stat.inode);
    const sources = same?.hash === digest.hash ? [same] : [];
    for (const copy of this.#room.held.withHash(digest.hash)) {
      if (sources.length >= SOURCES_MAX) break;
      if (copy.disk === copy.path && copy !== same) sources.push(copy);
    }
    for (const copy of sources) {
      if (copy.path === path || releases.has(copy.path)) continue;
      const isGone = (await this.#room.isGone(copy.path)) || (await isAlias(this.#room, copy.path, path));
      if (!isGone || !this.#hold(copy.path, releases)) continue;
      if (this.#room.held.plain(copy.path) === copy) return { copy, versions: await this.#room.versionsOf(copy) };
    }
    return undefined;
  }

  async #record(ready: readonly Ready[]): Promise<void> {
    if (ready.length === 0) return;
    // The old name of a rename, too, must not come back after a power cut.
    const folders = new Map(
      ready.flatMap(({ source }) => (source === undefined ? [] : [[folderOf(source.copy.path), source.copy.path]])),
    );
    await inParallel([...folders.values()], SYNCS_MAX, (path) => this.#room.options.disk.syncNames(path));
    const paths = ready.flatMap(({ path, source }) => (source === undefined ? [path] : [path, source.copy.path]));
    const written = await this.#room.options.ledger.change(paths, (transaction) =>
      ready.map((one) => writeEffects(this.#room, transaction, this.#effectsOf(transaction, one), NO_MOVES)),
    );
    for (const { tell } of written) tell();
    for (const { path, plain, versions } of ready) if (plain === undefined && versions.length > 0) this.#events.back(path);
    this.#room.tell();
  }

  #effectsOf(transaction: LedgerTransaction, ready: Ready): Effect[] {
    const { path, stat, digest, plain, versions } = ready;
    const { hash, size, manifest } = digest;
    const placed = { path, hash, disk: path, stat };
    // Touched, or its mode changed: only the stat is noted.
    if (plain?.hash === hash) return [{ kind: 'note', placed, versions }];
    const isBack = plain === undefined && versions.some((version) => version.hash === hash);
    // Meanwhile it was deleted or replaced in the mesh: it is held for what it was, and goes.
    if (isBack && !isCurrent(transaction.view(path), hash)) return [{ kind: 'note', placed, versions }];
    const finding = findingOf(transaction.view(path), hash, versions, transaction.own(path));
    const replaced: Effect[] = plain === undefined ? [] : [{ kind: 'drop', path, hash: plain.hash }];
    const renamed = this.#burialOf(transaction, ready);
    if (finding.kind === 'known') return [...replaced, { kind: 'hold', placed, versions: finding.versions }, ...renamed];
    const found = this.#room.belief.isFinding && plain === undefined;
    const { self: origin } = this.#room.options.ledger;
    const modifiedMs = modifiedMsOf(stat.mtimeMs);
    const draft = { kind: 'file', hash, size, mode: stat.mode & 0o777, manifest, found, origin, modifiedMs } as const;
    return [...replaced, { kind: 'mint', path, draft, base: finding.base, placed }, ...renamed];
  }

  /** The other half of a rename: the old name's tombstone tells the new one. */
  #burialOf(transaction: LedgerTransaction, { path, source }: Ready): Effect[] {
    if (source === undefined) return [];
    return burialEffects(this.#room, transaction, source.copy, source.versions, path);
  }
}
