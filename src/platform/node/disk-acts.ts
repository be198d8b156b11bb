import { MeshError } from '../../core/errors.ts';
import { folderOf, foldersOf, quote } from '../../core/path.ts';
import type {
  ActFault,
  CommitIntent,
  CommitOutcome,
  Disk,
  DiskPath,
  FileStat,
  NewFileIntent,
  RootState,
  StagedWhole,
  WholeFile,
} from '../disk.ts';
import { runCommit } from './commit.ts';
import type { DirectorySync } from './directory-sync.ts';
import { calls } from './file-calls.ts';
import { ManyActs } from './many-acts.ts';
import { fileStatOf } from './open-file.ts';
import { probeRoot } from './rooms.ts';
import { isMissing, look, withParent } from './safe-path.ts';
import { stageWhole } from './stage-file.ts';
import { asDiskError, systemCode } from './system-error.ts';

/** The acts of a Disk that are made of many short calls: each is asked and answered once, in whatever thread. */
export const ACTS = [
  'probe',
  'stat',
  'statMany',
  'isGone',
  'readMany',
  'stageWhole',
  'stageMany',
  'commit',
  'commitMany',
  'move',
  'remove',
  'syncNames',
  'removeEmptyFolders',
] as const satisfies readonly (keyof Disk)[];

export type Acts = Pick<Disk, (typeof ACTS)[number]>;

/** For tests: called before every step of a commit that changes the disk; a throw stops it there. */
export type BeforeStep = (step: number) => Promise<void>;

/** The acts, done in this thread. */
export class DiskActs implements Acts {
  readonly #root: string;
  readonly #directories: DirectorySync;
  readonly #beforeStep: BeforeStep;

  constructor(root: string, directories: DirectorySync, beforeStep: BeforeStep = () => Promise.resolve()) {
    this.#root = root;
    this.#directories = directories;
    this.#beforeStep = beforeStep;
  }

  probe(): Promise<RootState> {
    return probeRoot(this.#root);
  }

  async stat(path: DiskPath): Promise<FileStat | undefined> {
    try {
      return await withParent(this.#root, path, async (folder, leaf) => {
        const stats = await look(folder, leaf);
        return stats?.isFile() && stats.dev === folder.device ? fileStatOf(stats) : undefined;
      });
    } catch (thrown) {
      if (isMissing(thrown)) return undefined;
      throw asDiskError(thrown, 'cannot look at', path);
    }
  }

  async isGone(path: DiskPath): Promise<boolean> {
    try {
      return await withParent(this.#root, path, async (folder, leaf) => (await calls.lstat(folder.at(leaf))).isDirectory());
    } catch (thrown) {
      return systemCode(thrown) === 'ENOENT';
    }
  }

  stageWhole(whole: StagedWhole): Promise<FileStat> {
    return stageWhole(this.#root, this.#directories, whole);
  }

  commit(intent: CommitIntent): Promise<CommitOutcome> {
    return runCommit({ root: this.#root, directories: this.#directories, beforeStep: this.#beforeStep }, intent);
  }

  statMany(paths: readonly DiskPath[]): Promise<(FileStat | undefined | ActFault)[]> {
    return this.#many().statMany(paths);
  }

  readMany(paths: readonly DiskPath[], options: { readonly sync: boolean }): Promise<(WholeFile | ActFault)[]> {
    return this.#many().readMany(paths, options);
  }

  stageMany(wholes: readonly StagedWhole[]): Promise<(FileStat | ActFault)[]> {
    return this.#many().stageMany(wholes);
  }

  commitMany(intents: readonly NewFileIntent[]): Promise<(CommitOutcome | ActFault)[]> {
    return this.#many().commitMany(intents);
  }

  #many(): ManyActs {
    return new ManyActs({ root: this.#root, directories: this.#directories, beforeStep: this.#beforeStep });
  }

  async move(from: DiskPath, to: DiskPath): Promise<void> {
    try {
      await withParent(this.#root, from, (source, sourceLeaf) =>
        withParent(this.#root, to, async (target, targetLeaf) => {
          const [there, taken] = [await look(source, sourceLeaf), await look(target, targetLeaf)];
          if (there === undefined) throw new MeshError('gone', `there is no file ${quote(from)}`);
          // One inode under both names: a crash came between the two steps of this very move.
          if (taken === undefined) await calls.link(source.at(sourceLeaf), target.at(targetLeaf));
          else if (taken.ino !== there.ino) throw new MeshError('exists', `${quote(to)} is there already`);
          await this.#directories.sync(folderOf(to));
          await calls.unlink(source.at(sourceLeaf));
          await this.#directories.sync(folderOf(from));
        }),
      );
    } catch (thrown) {
      if (systemCode(thrown) === 'EEXIST') throw new MeshError('exists', `${quote(to)} is there already`, { cause: thrown });
      throw asDiskError(thrown, 'cannot move', from);
    }
  }

  async remove(path: DiskPath): Promise<void> {
    try {
      await withParent(this.#root, path, (folder, leaf) => calls.unlink(folder.at(leaf)));
    } catch (thrown) {
      if (!isMissing(thrown)) throw asDiskError(thrown, 'cannot remove', path);
    }
    // Also when it was gone already: that may be the work of a run that crashed before its sync.
    await this.#directories.sync(folderOf(path));
  }

  async syncNames(path: DiskPath): Promise<void> {
    try {
      await this.#directories.syncWhatIsThere(folderOf(path));
    } catch (thrown) {
      throw asDiskError(thrown, 'cannot make durable', path);
    }
  }

  async removeEmptyFolders(path: DiskPath): Promise<void> {
    for (const folder of foldersOf(path).reverse()) {
      try {
        await withParent(this.#root, folder, (parent, leaf) => calls.rmdir(parent.at(leaf)));
      } catch (thrown) {
        if (systemCode(thrown) !== 'ENOENT') return;
      }
    }
  }
}
