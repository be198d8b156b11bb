import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { folderOf, foldersOf } from '../core/path.ts';
import type { FileVersion } from '../core/version.ts';
import type { Effect } from './act.ts';
import { isUnlisted } from './aliases.ts';
import { isTooMany } from './brake.ts';
import { burialEffects } from './burial.ts';
import { writeEffects } from './effects.ts';
import type { HeldCopy } from './held-table.ts';
import { inParallel } from './in-parallel.ts';
import type { LedgerTransaction } from './ledger.ts';
import type { Room } from './room.ts';

/** Files recorded as deleted in one change of the ledger. 1…2,000. */
const RECORD_FILES_MAX = 500;
/** Stats asked for at once. */
const STATS_MAX = 16;
/** Held files looked at in one turn of the event loop: some 1 ms. Range 1,000–20,000. */
const HELD_A_TURN = 5_000;
/** Folders synced at once. */
const SYNCS_MAX = 4;

/** Held files that are not where they were, until a second whole scan believes it. */
export class Missing {
  readonly #room: Room;
  readonly #buried: (path: FilePath) => void;
  /** When the first scan that missed it began. */
  #first = new Map<FilePath, number>();
  /** Paths the scan judged last could not look at or below. */
  #hidden: ReadonlySet<string> = new Set();
  /** What a person answered: `deleted` believes all of it, `restore` none. */
  answer: 'deleted' | 'restore' | undefined;

  /** @param buried called for each path whose plain file was deleted by the user. */
  constructor(room: Room, buried: (path: FilePath) => void) {
    this.#room = room;
    this.#buried = buried;
  }

  /** Files that wait for another scan. */
  get count(): number {
    return this.#first.size;
  }

  /**
   * Judges a whole scan, when all it met is taken in, so that what was renamed is held under its new name already.
   *
   * @param beganMs of the scan; `held.scanNumber` is its number.
   * @param hidden paths the scan could not look at or below: what was held there is not here, but nobody deleted it.
   */
  async judge(beganMs: number, hidden: ReadonlySet<string>): Promise<void> {
    const { held, belief, options } = this.#room;
    const missing = new Map<FilePath, number>();
    let looked = 0;
    for (const { path, seenScan } of held.allPlain()) {
      if (++looked % HELD_A_TURN === 0) await this.#room.pause();
      if (seenScan < held.scanNumber) missing.set(path, this.#first.get(path) ?? beganMs);
    }
    this.#first = missing;
    this.#hidden = hidden;
    if (this.answer === 'restore') return this.#recordAll(this.#plain([...missing.keys()]), loseEffects);
    const believed = [...missing].filter(([, firstMs]) => firstMs < beganMs && beganMs - firstMs >= options.config.settleMs);
    if (!isTooMany(missing.size, held.plainCount) || this.answer === 'deleted') belief.releaseBrake();
    else if (believed.length > 0) belief.pull(missing.size, held.plainCount);
    if (belief.paused !== undefined) return;
    await this.#forgetLost();
    const paths = believed.map(([path]) => path);
    const hiddenPaths = paths.filter((path) => this.#isHidden(path));
    await this.#recordAll(this.#plain(hiddenPaths), hideEffects);
    await this.#recordAll(await this.#siblings(), loseEffects);
    await this.#recordAll(this.#plain(paths.filter((path) => !this.#isHidden(path))), (transaction, copy, versions) =>
      burialEffects(this.#room, transaction, copy, versions),
    );
  }

  /** Files that were lost, and are gone now: whatever comes there later is another. */
  async #forgetLost(): Promise<void> {
    const { held, lost, queue, belief } = this.#room;
    const gone = lost.unseen(held.scanNumber).filter(({ path }) => !this.#isHidden(path));
    if (gone.length === 0 || !(await belief.check())) return;
    await queue.write(gone.map(({ disk }) => lost.rowGone(disk)));
    for (const { disk } of gone) lost.delete(disk);
  }

  #isHidden(path: FilePath): boolean {
    return [path, ...foldersOf(path)].some((each) => this.#hidden.has(each));
  }

  #plain(paths: readonly FilePath[]): HeldCopy[] {
    return paths.flatMap((path) => this.#room.held.plain(path) ?? []);
  }

  /** Siblings whose file is gone: the disk lost it, or the folder is an older one put back. No person deletes there. */
  async #siblings(): Promise<HeldCopy[]> {
    const { held, options } = this.#room;
    const siblings = [...held.allSiblings()];
    if (siblings.length === 0) return [];
    const there = new Set((await options.disk.list('siblings')).map(({ name }) => `.filemesh/siblings/${name}`));
    return siblings.filter(({ disk }) => !there.has(disk));
  }

  async #recordAll(copies: readonly HeldCopy[], effectsOf: EffectsOf): Promise<void> {
    for (let from = 0; from < copies.length; from += RECORD_FILES_MAX) {
      await this.#recordSome(copies.slice(from, from + RECORD_FILES_MAX), effectsOf);
    }
  }

  async #recordSome(copies: readonly HeldCopy[], effectsOf: EffectsOf): Promise<void> {
    const releases: (() => void)[] = [];
    try {
      const looks = await inParallel(copies, STATS_MAX, (copy) => this.#lookAt(copy, releases));
      const gone = looks.filter((one) => one !== undefined);
      // A name that came back after a power cut would bring a deleted file back; one merely out of reach may come back.
      const deleted = effectsOf === loseEffects || effectsOf === hideEffects ? [] : gone;
      const folders = new Map(deleted.map(({ copy }) => [folderOf(copy.disk), copy.disk]));
      await inParallel([...folders.values()], SYNCS_MAX, (path) => this.#room.options.disk.syncNames(path));
      // Last: were the folder gone, each of these looks would have said the same.
      if (gone.length === 0 || !(await this.#room.belief.check())) return;
      const written = await this.#room.options.ledger.change(
        gone.map(({ copy }) => copy.path),
        (transaction) =>
          gone.map(({ copy, versions }) =>
            writeEffects(this.#room, transaction, effectsOf(transaction, copy, versions), new Map()),
          ),
      );
      for (const { tell } of written) tell();
      for (const { copy } of gone) {
        this.#first.delete(copy.path);
        if (deleted.length > 0) this.#buried(copy.path);
      }
    } finally {
      for (const release of releases) release();
    }
    this.#room.tell();
  }

  async #lookAt(copy: HeldCopy, releases: (() => void)[]) {
    const release = this.#room.locks.tryHold(copy.path);
    if (release === undefined) return undefined;
    releases.push(release);
    if (this.#room.held.find(copy.path, copy.hash) !== copy) return undefined;
    if (await this.#isThere(copy)) return undefined;
    return { copy, versions: await this.#room.versionsOf(copy) };
  }

  /** Where the walk may not go the disk may refuse to look, too: what lies there is out of reach. Elsewhere nobody knows, and it waits for the next scan. */
  async #isThere({ path, disk }: HeldCopy): Promise<boolean> {
    try {
      if ((await this.#room.options.disk.stat(disk)) === undefined) return false;
      // No scan met it: it came meanwhile, or the disk has it by a name of other case.
      return disk !== path || !(await isUnlisted(this.#room, path));
    } catch (thrown) {
      if (disk === path && this.#isHidden(path)) return false;
      this.#room.options.log.warn('a missing file could not be looked for', { path, reason: asMeshError(thrown).message });
      return true;
    }
  }
}

type EffectsOf = (transaction: LedgerTransaction, copy: HeldCopy, versions: readonly FileVersion[]) => Effect[];

/** Not deleted, only not here: the others bring it back. */
function loseEffects(_: LedgerTransaction, { path, hash }: HeldCopy): Effect[] {
  return [{ kind: 'lose', path, hash }];
}

/** Out of reach: where it is there again, it is what it was, and no new file. */
function hideEffects(_: LedgerTransaction, { path, hash, disk, stat }: HeldCopy, versions: readonly FileVersion[]): Effect[] {
  return [{ kind: 'lose', path, hash, left: { disk, stat, why: 'out of reach', versions } }];
}
