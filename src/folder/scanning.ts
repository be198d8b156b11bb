import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { faultOfPath, isComposed, isIgnoreFile } from '../core/path.ts';
import type { Timer } from '../platform/clock.ts';
import type { WalkEntry } from '../platform/disk.ts';
import type { IgnoreRules } from './ignore-rules.ts';
import type { Missing } from './missing.ts';
import type { Room } from './room.ts';
import type { Settling } from './settling.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** Files not kept that are listed; the count of the others would help nobody. */
const NOT_KEPT_MAX = 1_000;
/** ms between whole scans while the watcher says that its hints are incomplete. */
const FAULTY_SCAN_EVERY_MS = 10_000;
/** A scan asked for by a hint comes so much later: with what is hinted meanwhile. */
const GATHER_MS = 40;
/** A scan asked for leaves the disk in peace for so many times as long as the last one took. 0…10. */
const REST_FACTOR = 2;
/** Of a large folder scans come less often: each rests so many times as long as the last one took… 1…1,000. */
const SCAN_REST_FACTOR = 50;
/** …and at most so many times the usual rest. 1…100. */
const SCAN_RARER_MAX = 5;
/** Entries of a walk's batch at most, by its contract. */
const BATCH_ENTRIES_MAX = 1_000;

interface Parts {
  readonly room: Room;
  readonly settling: Settling;
  readonly missing: Missing;
  readonly ignore: IgnoreRules;
  /** What is to be done before each scan, the folder being believed. */
  readonly before: () => Promise<void>;
  readonly hasWatchFault: () => boolean;
}

/** What a walk met beside files. */
interface Met {
  readonly notKept: { path: string; reason: string }[];
  /** Files that the patterns of this machine leave alone. */
  ignored: number;
  /** Where held files were, and the walk may not go: a mount, a link. */
  readonly hidden: Set<string>;
}

/** Whole scans of the folder, one at a time: the truth that hints only hurry. */
export class Scanning {
  readonly #parts: Parts;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  /** A scan was due while one ran, whose walk may have passed by what it was wanted for. */
  #isWanted = false;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  #lastTookMs = 0;
  /** Paths to look below, in order. */
  readonly #folders = new Set<FilePath>();
  #isLooking = false;
  #notKept: { path: string; reason: string }[] = [];
  #fault: string | undefined;
  /** Files that the last scan left alone by this machine's patterns. */
  ignored = 0;
  /** One whole scan of this start is taken in. */
  isDone = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get notKept(): readonly { path: string; reason: string }[] {
    return this.#notKept;
  }

  /** Why the last scan broke off; undefined when it did not. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** A whole scan that begins after this call; resolves when all it met is taken in, or the folder is not believed. */
  scan(): Promise<void> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  /** Asks for a scan soon: something happened that a look at single files cannot tell. */
  want(): void {
    const { clock } = this.#parts.room.options;
    this.#arm(Math.max(clock.now() + GATHER_MS, this.#lastEndMs + this.#lastTookMs * REST_FACTOR));
  }

  /** Looks soon at all below a path that is no file, one such path after the other; scans when held files are gone there. */
  lookBelow(path: FilePath): void {
    this.#folders.add(path);
    if (!this.#isLooking) this.#parts.room.spawn('looking at folders', () => this.#lookBelowAll());
  }

  async #lookBelowAll(): Promise<void> {
    const { room } = this.#parts;
    this.#isLooking = true;
    for (const path of this.#folders) {
      this.#folders.delete(path);
      const isThere = !room.isStopped && (await this.#below(path).catch(() => false));
      if (!isThere && room.held.isFolder(path)) this.want();
    }
    this.#isLooking = false;
  }

  /** False: there is nothing. */
  async #below(path: string): Promise<boolean> {
    let isThere = false;
    for await (const batch of this.#parts.room.options.disk.walk(path)) {
      isThere ||= batch.length > 0;
      await this.#parts.settling.roomFor(BATCH_ENTRIES_MAX);
      for (const entry of batch) this.#meet(entry, { notKept: [], ignored: 0, hidden: new Set() });
    }
    return isThere;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #begin(): Promise<void> {
    this.#timer?.cancel();
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.#isWanted = false;
    const { room } = this.#parts;
    const scan = this.#scanWhole();
    scan.then(
      () => {
        this.#fault = undefined;
      },
      (thrown) => {
        this.#fault = asMeshError(thrown).message;
      },
    );
    this.#running = scan.finally(() => {
      this.#running = undefined;
      this.#armNext();
      room.tell();
    });
    return this.#running;
  }

  async #scanWhole(): Promise<void> {
    const { room, settling, missing, ignore, before } = this.#parts;
    const { clock, disk } = room.options;
    await room.belief.check();
    if (room.belief.isRootLost || room.isStopped) return;
    await before();
    await ignore.load();
    const beganMs = clock.now();
    room.held.scanNumber += 1;
    const met: Met = { notKept: [], ignored: 0, hidden: new Set() };
    for await (const batch of disk.walk()) {
      await settling.roomFor(BATCH_ENTRIES_MAX);
      if (room.isStopped) return;
      for (const entry of batch) this.#meet(entry, met);
    }
    this.#lastTookMs = clock.now() - beganMs;
    this.#lastEndMs = clock.now();
    this.#notKept = met.notKept;
    this.ignored = met.ignored;
    // What is missing is not even counted when the folder went away during the walk.
    await room.belief.check();
    if (room.belief.isRootLost) return;
    await settling.rested();
    if (room.isStopped) return;
    await missing.judge(beganMs, met.hidden);
    // What could not be taken in, because the folder went away meanwhile, is still to be found.
    if (room.belief.paused === undefined) await room.belief.finishFinding();
    this.isDone = true;
  }

  #meet(entry: WalkEntry, met: Met): void {
    const { notKept, hidden } = met;
    const { room, settling, ignore } = this.#parts;
    const fault = entry.kind === 'skipped' ? entry.reason : faultOfName(entry.path);
    const path = entry.path as FilePath;
    const plain = room.held.plain(path);
    const isPassedOver = entry.kind === 'skipped' || fault !== undefined;
    if (isPassedOver) this.#hideFormer(entry, hidden);
    // What is held below stays held, though its folder is ignored now.
    if (isPassedOver && (plain !== undefined || room.held.isFolder(path) || room.lost.size > 0)) hidden.add(path);
    if (plain === undefined && ignore.isIgnored(entry.path)) {
      if (entry.kind === 'file' && !isIgnoreFile(entry.path)) met.ignored += 1;
      return;
    }
    if (isPassedOver) {
      if (notKept.length < NOT_KEPT_MAX) notKept.push({ path: entry.path, reason: fault ?? '' });
      return;
    }
    if (plain !== undefined) plain.seenScan = room.held.scanNumber;
    else room.lost.see(path, room.held.scanNumber);
    if (plain === undefined || !isSameStat(plain.stat, entry.stat)) settling.add(path, entry.stat);
  }

  /** What was held under a name the mesh keeps, and has one it does not keep now, is out of reach, and nobody deleted it. */
  #hideFormer(entry: WalkEntry, hidden: Set<string>): void {
    const { held } = this.#parts.room;
    const composed = entry.path.normalize('NFC') as FilePath;
    if (held.plain(composed) !== undefined || held.isFolder(composed)) hidden.add(composed);
    const former = entry.kind === 'file' ? held.withInode(entry.stat.inode) : undefined;
    if (former !== undefined && entry.kind === 'file' && isSameFile(former.stat, entry.stat)) hidden.add(former.path);
  }

  #armNext(): void {
    const { room, missing, hasWatchFault } = this.#parts;
    const { clock, config } = room.options;
    const everyMs = hasWatchFault() ? Math.min(FAULTY_SCAN_EVERY_MS, config.scanEveryMs) : config.scanEveryMs;
    const isWaiting = missing.count > 0 && room.belief.paused === undefined;
    const restMs = Math.min(everyMs * SCAN_RARER_MAX, Math.max(everyMs, this.#lastTookMs * SCAN_REST_FACTOR));
    const delayMs = isWaiting ? Math.max(config.settleMs, this.#lastTookMs, 1) : restMs;
    this.#arm(clock.now() + delayMs);
    if (this.#isWanted) this.want();
  }

  #arm(atMs: number): void {
    const { room } = this.#parts;
    if (atMs >= this.#timerMs || room.isStopped) return;
    this.#timer?.cancel();
    this.#timerMs = atMs;
    const { clock, log } = room.options;
    this.#timer = clock.after(Math.max(0, atMs - clock.now()), () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      if (this.#running !== undefined) {
        this.#isWanted = true;
        return;
      }
      room.spawn('a scan', () =>
        this.scan().catch((thrown) => log.warn('a scan broke off', { reason: asMeshError(thrown).message })),
      );
    });
  }
}

/** Why a name of the disk is no path of the mesh. */
export function faultOfName(name: string): string | undefined {
  return faultOfPath(name) ?? (isComposed(name) ? undefined : 'name not in composed Unicode form');
}
