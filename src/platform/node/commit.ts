import { constants, type Stats } from 'node:fs';
import { MeshError } from '../../core/errors.ts';
import { folderOf, quote } from '../../core/path.ts';
import type { CommitIntent, CommitOutcome, DiskPath, FileStat } from '../disk.ts';
import type { DirectorySync } from './directory-sync.ts';
import { calls } from './file-calls.ts';
import { fileStatOf } from './open-file.ts';
import { componentsOf, type Folder, isMissing, look, removeIfThere, withFolder, withParent } from './safe-path.ts';
import { asDiskError, systemCode } from './system-error.ts';

/** Times a commit begins anew because a folder it had made was removed as empty before it was used. Range 1–100. */
const ATTEMPTS_MAX = 8;

/** What a commit needs of its Disk. */
export interface CommitRoom {
  readonly root: string;
  readonly directories: DirectorySync;
  /** Called before every step that changes the disk: tests disturb and crash a commit with it. */
  readonly beforeStep: (step: number) => Promise<void>;
}

/** A name and the directory it lies in, held open for the length of the commit. */
interface Place {
  readonly path: DiskPath;
  readonly folder: Folder;
  readonly leaf: string;
}

/**
 * One run of one intent (DESIGN §3): set aside what lies at the path, look whether it is what the caller believed, put
 * the staged file in its place by a hard link, which fails when a new file appeared. Each step first looks at what the
 * disk says, never at what an earlier run may have done; so the same run serves after a crash.
 */
export async function runCommit(room: CommitRoom, intent: CommitIntent): Promise<CommitOutcome> {
  let steps = 0;
  const step = () => room.beforeStep(steps++);
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Commit(room, intent, step).run();
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT' && attempt < ATTEMPTS_MAX) continue;
      throw asDiskError(thrown, 'cannot put in place', intent.path);
    }
  }
}

class Commit {
  readonly #room: CommitRoom;
  readonly #intent: CommitIntent;
  readonly #step: () => Promise<void>;

  constructor(room: CommitRoom, intent: CommitIntent, step: () => Promise<void>) {
    this.#room = room;
    this.#intent = intent;
    this.#step = step;
  }

  async run(): Promise<CommitOutcome> {
    const { replaces, staged } = this.#intent;
    const aside = replaces === undefined ? undefined : await this.#lookAt(this.#intent.aside);
    const source = staged === undefined ? undefined : await this.#lookAt(staged);
    if (staged !== undefined && source === undefined) return this.#stagedIsGone(aside);
    // The folder is made only when a file is about to be put there: a commit given up leaves no folder behind.
    const makes = staged !== undefined && (replaces === undefined || aside !== undefined);
    const running = this.#withTarget(makes, async (target) => {
      if (target === undefined) return this.#withoutFolder(aside);
      const there = await look(target.folder, target.leaf);
      if (source !== undefined && there?.ino === source.ino) return this.#finish(target, undefined);
      if (replaces === undefined) {
        if (there === undefined) return this.#put(target);
        return this.#refuse(there);
      }
      return this.#withAside((held) => this.#replace(target, held, there, aside, replaces));
    });
    return running.catch((thrown) => this.#obstructed(thrown, aside));
  }

  /** Sets aside and checks; then the staged file, if any, is put in place. */
  async #replace(target: Place, held: Place, there: Stats | undefined, before: Stats | undefined, replaces: FileStat) {
    let aside = before;
    if (aside === undefined) {
      // A look before the act, so that a file that is known to be another is not moved at all.
      if (there === undefined) return { result: 'changed', asideKept: false } as const;
      if (!isSame(there, replaces)) return this.#refuse(there);
      await this.#step();
      await calls.rename(target.folder.at(target.leaf), held.folder.at(held.leaf));
      aside = await look(held.folder, held.leaf);
    } else if (there?.ino === aside.ino) {
      // A crash came while it was given back.
      return this.#dropAside(target, held);
    }
    if (aside === undefined) throw new MeshError('failed', `${quote(held.path)} was taken away during a commit`);
    if (!isSame(aside, replaces)) return this.#giveBack(target, held, aside);
    if (this.#intent.staged !== undefined) return this.#put(target);
    await this.#syncFolders();
    return { result: 'done' } as const;
  }

  /**
   * The folder of the path is gone. With the file set aside that is no sign of anybody's change: the folder was left empty
   * by that, and whoever empties a folder removes it.
   */
  async #withoutFolder(aside: Stats | undefined): Promise<CommitOutcome> {
    const { path, replaces } = this.#intent;
    if (aside === undefined || replaces === undefined) return { result: 'changed', asideKept: false };
    if (!isSame(aside, replaces)) {
      const back = (target: Place) => this.#withAside((held) => this.#giveBack(target, held, aside));
      return await this.#withFolderOf(path, true, back);
    }
    await this.#syncWhatIsThere();
    return { result: 'done' };
  }

  /** With the file set aside, something that is no folder took the place of its folder: nothing can be put there, or given back. */
  async #obstructed(thrown: unknown, aside: Stats | undefined): Promise<CommitOutcome> {
    const { replaces } = this.#intent;
    const isObstructed = ['ENOTDIR', 'ELOOP'].includes(systemCode(thrown) ?? '');
    if (!isObstructed || aside === undefined || replaces === undefined) throw thrown;
    await this.#room.directories.sync(folderOf(this.#intent.aside));
    return isSame(aside, replaces) ? { result: 'taken' } : { result: 'changed', asideKept: true };
  }

  /** What was set aside is not what the caller believed: it goes back, unless its place is taken. */
  async #giveBack(target: Place, held: Place, aside: Stats): Promise<CommitOutcome> {
    await this.#step();
    const [from, to] = [held.folder.at(held.leaf), target.folder.at(target.leaf)];
    try {
      // A folder cannot be linked. The rename of one replaces an empty folder at most.
      if (aside.isDirectory()) await calls.rename(from, to);
      else await calls.link(from, to);
    } catch (thrown) {
      const code = systemCode(thrown) ?? '';
      if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR'].includes(code)) throw thrown;
      await this.#syncFolders();
      return { result: 'changed', asideKept: true };
    }
    return this.#dropAside(target, held);
  }

  async #dropAside(target: Place, held: Place): Promise<CommitOutcome> {
    await this.#step();
    await this.#room.directories.sync(folderOf(target.path));
    await this.#step();
    await removeIfThere(held.folder.at(held.leaf));
    await this.#room.directories.sync(folderOf(held.path));
    return { result: 'changed', asideKept: false };
  }

  /** Links the staged file to its path. */
  async #put(target: Place): Promise<CommitOutcome> {
    return this.#withStaged(async (staged) => {
      await this.#step();
      const source = await syncFile(staged);
      await this.#step();
      try {
        await calls.link(staged.folder.at(staged.leaf), target.folder.at(target.leaf));
      } catch (thrown) {
        if (systemCode(thrown) !== 'EEXIST') throw thrown;
        if (this.#intent.replaces !== undefined) {
          await this.#syncFolders();
          return { result: 'taken' };
        }
        const there = await look(target.folder, target.leaf);
        return there === undefined ? { result: 'changed', asideKept: false } : this.#refuse(there);
      }
      return this.#finish(target, source);
    });
  }

  /** The staged file is linked: makes that durable, then takes its first name away. `linked`: its stats before the link, if this run linked it. */
  async #finish(target: Place, linked: Stats | undefined): Promise<CommitOutcome> {
    await this.#step();
    try {
      await this.#syncFolders();
    } catch (thrown) {
      // A person gave the folder another name, and the file just linked went along: put once more, it would lie under both.
      if (!isMissing(thrown) || (await look(target.folder, target.leaf)) === undefined) throw thrown;
      await calls.fsync(target.folder.descriptor);
      await this.#syncWhatIsThere();
    }
    await this.#step();
    const before = await this.#withStaged(async (staged) => {
      const stats = await look(staged.folder, staged.leaf);
      await removeIfThere(staged.folder.at(staged.leaf));
      return stats;
    });
    await this.#step();
    const there = await look(target.folder, target.leaf);
    if (linked !== undefined) return endOfPut(linked, there);
    const own = before ?? there;
    if (own === undefined) return { result: 'changed', asideKept: this.#intent.replaces !== undefined };
    // Somebody may have written through the new name already, before the crash: only a run that knows the file from before
    // it had that name can tell.
    return { result: 'done', stat: unsure(own) };
  }

  /** The last step of an earlier run was its unlink; or the staged file was lost, which shows in what was not set aside. */
  async #stagedIsGone(aside: Stats | undefined): Promise<CommitOutcome> {
    const { path, replaces } = this.#intent;
    const there = await this.#lookAt(path);
    const ran = there?.isFile() === true && (replaces === undefined || aside !== undefined);
    return ran ? { result: 'done', stat: unsure(there) } : { result: 'changed', asideKept: aside !== undefined };
  }

  #refuse(there: Stats): CommitOutcome {
    if (there.isFile()) return { result: 'changed', asideKept: false };
    throw new MeshError('bad-place', `something that is not a regular file lies at ${quote(this.#intent.path)}`);
  }

  async #syncFolders(): Promise<void> {
    const { directories } = this.#room;
    const { path, aside, replaces } = this.#intent;
    const asideToo = replaces === undefined ? [] : [directories.sync(folderOf(aside))];
    await Promise.all([directories.syncWithParents(folderOf(path)), ...asideToo]);
  }

  /** The same when the folder of the path may be gone. */
  async #syncWhatIsThere(): Promise<void> {
    const { directories } = this.#room;
    const { path, aside, replaces } = this.#intent;
    const asideToo = replaces === undefined ? [] : [directories.sync(folderOf(aside))];
    await Promise.all([directories.syncWhatIsThere(folderOf(path)), ...asideToo]);
  }

  async #lookAt(path: DiskPath): Promise<Stats | undefined> {
    try {
      return await withParent(this.#room.root, path, look);
    } catch (thrown) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(thrown) ?? '')) return undefined;
      throw thrown;
    }
  }

  /** Holds the folder of the path; `undefined` when it is not there and not to be made. */
  async #withTarget(makes: boolean, act: (target: Place | undefined) => Promise<CommitOutcome>): Promise<CommitOutcome> {
    const { path } = this.#intent;
    if (!makes && path.includes('/') && !(await this.#isFolder(folderOf(path)))) return act(undefined);
    return this.#withFolderOf(path, makes, act);
  }

  #withFolderOf(path: DiskPath, makes: boolean, act: (target: Place) => Promise<CommitOutcome>): Promise<CommitOutcome> {
    const components = componentsOf(path);
    const leaf = components.pop() as string;
    return withFolder(this.#room.root, components, (folder) => act({ path, folder, leaf }), makes);
  }

  async #isFolder(path: DiskPath): Promise<boolean> {
    return (await this.#lookAt(path))?.isDirectory() === true;
  }

  #withAside<Result>(act: (held: Place) => Promise<Result>): Promise<Result> {
    const path = this.#intent.aside;
    return withParent(this.#room.root, path, (folder, leaf) => act({ path, folder, leaf }));
  }

  #withStaged<Result>(act: (staged: Place) => Promise<Result>): Promise<Result> {
    const path = this.#intent.staged as DiskPath;
    return withParent(this.#room.root, path, (folder, leaf) => act({ path, folder, leaf }));
  }
}

/** How it ends for a file that this run linked. `linked`: its stats before that; `there`: what lies at the path now. */
export function endOfPut(linked: Stats, there: Stats | undefined): CommitOutcome {
  const untouched = there !== undefined && isSame(there, fileStatOf(linked));
  return { result: 'done', stat: untouched ? fileStatOf(there) : unsure(linked) };
}

/** Size, mtime and inode; never ctime, which the rename to aside changes. */
function isSame(stats: Stats, known: FileStat): boolean {
  return stats.isFile() && stats.size === known.size && stats.mtimeMs === known.mtimeMs && stats.ino === known.inode;
}

/** A stat that matches nothing on any disk: the next scan looks at the file anew. */
function unsure(stats: Stats): FileStat {
  return { ...fileStatOf(stats), mtimeMs: -1 };
}

/** Makes the file's bytes and attributes durable; its stats. */
async function syncFile(place: Place): Promise<Stats> {
  const descriptor = await calls.open(place.folder.at(place.leaf), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await calls.fsync(descriptor);
    return await calls.fstat(descriptor);
  } finally {
    await calls.close(descriptor);
  }
}
