import { asMeshError, MeshError } from '../../src/core/errors.ts';
import { folderOf, quote } from '../../src/core/path.ts';
import type { CommitIntent, CommitOutcome, FileStat } from '../../src/platform/disk.ts';
import type { DiskActs } from './sim-disk-acts.ts';

/** Called before each step of a commit, with its number: tests put a crash or a person's act there. */
export type StepHook = (step: number) => Promise<void>;

/**
 * One run of an intent, as Disk.commit promises: sync the staged file; set aside what lies at the path; compare it with
 * `replaces`; link the staged file to the path; sync every folder touched; unlink the staged name. Each step is an act
 * of its own. A rerun finds by the names that exist which steps are done.
 */
export class SimCommit {
  readonly #acts: DiskActs;
  readonly #intent: CommitIntent;
  readonly #hook: StepHook | undefined;
  #step = 0;

  constructor(acts: DiskActs, intent: CommitIntent, hook: StepHook | undefined) {
    this.#acts = acts;
    this.#intent = intent;
    this.#hook = hook;
  }

  async run(): Promise<CommitOutcome> {
    const { path, staged, aside } = this.#intent;
    await this.#refuseFolder();
    const there = await this.#stat(path);
    const stagedStat = staged === undefined ? undefined : await this.#stat(staged);
    if (staged !== undefined && stagedStat === undefined)
      return this.#afterTheEnd(there, (await this.#stat(aside)) !== undefined);
    if (staged !== undefined && there !== undefined && there.inode === stagedStat?.inode) return this.#finish(staged, undefined);
    if (staged !== undefined) await this.#syncStaged(staged);

    const setAside = await this.#stat(aside);
    // A crash, or a sick disk, came while it was given back.
    if (setAside !== undefined && there?.inode === setAside.inode) return this.#giveBack();
    const isAside = setAside !== undefined;
    const refused = isAside ? undefined : await this.#setAside(there);
    if (refused !== undefined) return refused;
    if (this.#intent.replaces !== undefined && !isSameContent(await this.#stat(aside), this.#intent.replaces))
      return this.#giveBack();
    if (staged !== undefined && stagedStat !== undefined) return this.#link(staged, stagedStat);
    await this.#do(() => this.#acts.syncFoldersOf(path, aside));
    return { result: 'done' };
  }

  /** The staged name is unlinked last, so a rerun without it finds a commit that was done, whatever lies there by now. */
  #afterTheEnd(there: FileStat | undefined, isAside: boolean): CommitOutcome {
    const { replaces } = this.#intent;
    // A person took it away since; or the staged file was lost before anything was done.
    const ran = there !== undefined && (replaces === undefined || isAside);
    if (!ran) return { result: 'changed', asideKept: replaces !== undefined && isAside };
    // Nobody can tell any more whether that is still our file: a stat that matches nothing makes the next scan look.
    return { result: 'done', stat: { ...there, ctimeMs: 0 } };
  }

  async #setAside(there: FileStat | undefined): Promise<CommitOutcome | undefined> {
    const { path, aside, replaces } = this.#intent;
    if (there === undefined) return replaces === undefined ? undefined : { result: 'changed', asideKept: false };
    if (replaces === undefined) return { result: 'changed', asideKept: false };
    await this.#do(() => this.#acts.makeFolders(folderOf(aside)));
    try {
      await this.#do(() => this.#acts.rename(path, aside));
    } catch (thrown) {
      if (asMeshError(thrown).code === 'gone') return { result: 'changed', asideKept: false };
      throw thrown;
    }
    return undefined;
  }

  /** What was set aside was not what was believed: it goes back, unless its place is taken by now. */
  async #giveBack(): Promise<CommitOutcome> {
    const { path, aside } = this.#intent;
    const [kept, there] = [await this.#stat(aside), await this.#stat(path)];
    if (there === undefined || there.inode !== kept?.inode) {
      try {
        await this.#do(() => this.#acts.makeFolders(folderOf(path)));
        await this.#do(() => this.#acts.link(aside, path));
      } catch (thrown) {
        if (asMeshError(thrown).code !== 'exists') throw thrown;
        await this.#do(() => this.#acts.syncFoldersOf(aside));
        return { result: 'changed', asideKept: true };
      }
    }
    await this.#do(() => this.#acts.syncFoldersOf(path));
    await this.#do(() => this.#acts.unlink(aside));
    await this.#do(() => this.#acts.syncFoldersOf(aside));
    return { result: 'changed', asideKept: false };
  }

  async #link(staged: string, stagedStat: FileStat): Promise<CommitOutcome> {
    const { path, aside, replaces } = this.#intent;
    try {
      await this.#do(() => this.#acts.makeFolders(folderOf(path)));
      await this.#do(() => this.#acts.link(staged, path));
    } catch (thrown) {
      if (asMeshError(thrown).code === 'exists') {
        if (replaces !== undefined) await this.#do(() => this.#acts.syncFoldersOf(aside));
        return replaces === undefined ? { result: 'changed', asideKept: false } : { result: 'taken' };
      }
      if (replaces !== undefined) await this.#giveBack();
      throw thrown;
    }
    return this.#finish(staged, stagedStat);
  }

  /** @param stagedStat of before the link; undefined when an earlier run linked it: since then anybody may have written into it. */
  async #finish(staged: string, stagedStat: FileStat | undefined): Promise<CommitOutcome> {
    const { path, aside } = this.#intent;
    // Held open, so that the stat is of our file even when another has taken its name.
    const file = await this.#acts.open(staged);
    try {
      await this.#do(() => this.#acts.syncFoldersOf(path, aside));
      await this.#do(() => this.#acts.unlink(staged));
      await this.#do(() => this.#acts.syncFoldersOf(staged));
      const stat = await this.#do(() => this.#acts.act('look', `stat ${path}`, () => file.inode.stat()));
      // Somebody wrote into it meanwhile: those bytes are not ours, and must not look as if they were.
      const isOurs = stagedStat !== undefined && isSameContent(stat, stagedStat);
      return { result: 'done', stat: isOurs ? stat : { ...(stagedStat ?? stat), ctimeMs: 0 } };
    } finally {
      this.#acts.release(file);
    }
  }

  async #syncStaged(staged: string): Promise<void> {
    const file = await this.#acts.open(staged);
    try {
      await this.#do(() => this.#acts.syncFile(file, staged));
    } finally {
      this.#acts.release(file);
    }
  }

  #refuseFolder(): Promise<void> {
    const { path } = this.#intent;
    return this.#acts.act('look', `look at ${path}`, (volume) => {
      const kind = volume.lookup(path)?.kind;
      if (kind === 'folder' || kind === 'symlink')
        throw new MeshError('bad-place', `something that is no file lies at ${quote(path)}`);
      volume.refuseImpossible(path);
    });
  }

  #stat(path: string): Promise<FileStat | undefined> {
    return this.#acts.stat(path);
  }

  async #do<T>(act: () => Promise<T>): Promise<T> {
    await this.#hook?.(this.#step++);
    return act();
  }
}

/** Size, mtime and inode; never ctime, which a rename changes. */
export function isSameContent(a: FileStat | undefined, b: FileStat): boolean {
  return a !== undefined && a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}
