import { link, realpath, rmdir, statfs, unlink } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { invariant, MeshError } from '../../core/errors.ts';
import { folderOf, foldersOf, PRIVATE_FOLDER, quote } from '../../core/path.ts';
import type {
  CommitIntent,
  CommitOutcome,
  Disk,
  DiskPath,
  FileStat,
  Hint,
  RootState,
  StageFile,
  WalkEntry,
  Watch,
} from '../disk.ts';
import { runCommit } from './commit.ts';
import { DirectorySync } from './directory-sync.ts';
import { fileStatOf, type NodeOpenFile, openFile } from './open-file.ts';
import { prepareRoot, probeRoot } from './rooms.ts';
import { isMissing, look, withParent } from './safe-path.ts';
import { openStageFile } from './stage-file.ts';
import { asDiskError, systemCode } from './system-error.ts';
import { namesIn, walk } from './walk.ts';
import { watchRoot } from './watch.ts';
import { notWatchable } from './watch-fault.ts';

const linkPath = promisify(link);
const unlinkPath = promisify(unlink);
const removeDirectory = promisify(rmdir);
const statFileSystem = promisify(statfs);

export interface NodeDiskOptions {
  /** For tests: called before every step of a commit that changes the disk; a throw stops it there. */
  readonly beforeStep?: (step: number) => Promise<void>;
}

/** The Disk on a real folder. `folder` may itself be reached by links, once, now; below it none is followed. */
export async function openNodeDisk(folder: string, options: NodeDiskOptions = {}): Promise<NodeDisk> {
  const root = resolve(folder);
  // A folder that is not there (yet, or unmounted) is told by `probe`.
  const real = await promisify(realpath)(root).catch(() => root);
  return new NodeDisk(real, options);
}

export class NodeDisk implements Disk {
  readonly #root: string;
  readonly #directories: DirectorySync;
  readonly #beforeStep: (step: number) => Promise<void>;

  constructor(root: string, options: NodeDiskOptions) {
    this.#root = root;
    this.#directories = new DirectorySync(root);
    this.#beforeStep = options.beforeStep ?? (() => Promise.resolve());
  }

  probe(): Promise<RootState> {
    return probeRoot(this.#root);
  }

  prepare(marker: Uint8Array): Promise<void> {
    return prepareRoot(this.#root, this.#directories, marker);
  }

  walk(under?: string): AsyncIterable<readonly WalkEntry[]> {
    return walk(this.#root, under);
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

  open(path: DiskPath): Promise<NodeOpenFile> {
    return openFile(this.#root, path, this.#directories);
  }

  stage(name: string): Promise<StageFile> {
    return openStageFile(this.#root, this.#directories, name);
  }

  commit(intent: CommitIntent): Promise<CommitOutcome> {
    return runCommit({ root: this.#root, directories: this.#directories, beforeStep: this.#beforeStep }, intent);
  }

  async move(from: DiskPath, to: DiskPath): Promise<void> {
    requirePrivate(from);
    requirePrivate(to);
    try {
      await withParent(this.#root, from, (source, sourceLeaf) =>
        withParent(this.#root, to, async (target, targetLeaf) => {
          const [there, taken] = [await look(source, sourceLeaf), await look(target, targetLeaf)];
          if (there === undefined) throw new MeshError('gone', `there is no file ${quote(from)}`);
          // One inode under both names: a crash came between the two steps of this very move.
          if (taken === undefined) await linkPath(source.at(sourceLeaf), target.at(targetLeaf));
          else if (taken.ino !== there.ino) throw new MeshError('exists', `${quote(to)} is there already`);
          await this.#directories.sync(folderOf(to));
          await unlinkPath(source.at(sourceLeaf));
          await this.#directories.sync(folderOf(from));
        }),
      );
    } catch (thrown) {
      if (systemCode(thrown) === 'EEXIST') throw new MeshError('exists', `${quote(to)} is there already`, { cause: thrown });
      throw asDiskError(thrown, 'cannot move', from);
    }
  }

  async remove(path: DiskPath): Promise<void> {
    requirePrivate(path);
    try {
      await withParent(this.#root, path, (folder, leaf) => unlinkPath(folder.at(leaf)));
    } catch (thrown) {
      if (!isMissing(thrown)) throw asDiskError(thrown, 'cannot remove', path);
    }
    // Also when it was gone already: that may be the work of a run that crashed before its sync.
    await this.#directories.sync(folderOf(path));
  }

  async syncNames(path: DiskPath): Promise<void> {
    const syncs = ['', ...foldersOf(path)].map(async (folder) => {
      try {
        await this.#directories.sync(folder);
      } catch (thrown) {
        if (!isMissing(thrown)) throw asDiskError(thrown, 'cannot make durable', path);
      }
    });
    await Promise.all(syncs);
  }

  async removeEmptyFolders(path: DiskPath): Promise<void> {
    for (const folder of foldersOf(path).reverse()) {
      try {
        await withParent(this.#root, folder, (parent, leaf) => removeDirectory(parent.at(leaf)));
      } catch (thrown) {
        if (systemCode(thrown) !== 'ENOENT') return;
      }
    }
  }

  async list(room: string): Promise<{ name: string; stat: FileStat }[]> {
    const listed: { name: string; stat: FileStat }[] = [];
    const folder = `${PRIVATE_FOLDER}/${room}`;
    for await (const { files, skipped } of namesIn(this.#root, folder, true)) {
      // A walk goes on without it; who asks for these files must not take them for gone.
      const isClosed = skipped.some(
        (entry) => entry.path === folder && entry.kind === 'skipped' && entry.reason === 'unreadable',
      );
      if (isClosed) throw new MeshError('failed', `${folder} cannot be read`);
      for (const { name, stats } of files) if (stats !== 'unreadable') listed.push({ name, stat: stats });
    }
    return listed;
  }

  async free(): Promise<{ free: number; total: number }> {
    try {
      const { bavail, blocks, bsize } = await statFileSystem(this.#root);
      return { free: bavail * bsize, total: blocks * bsize };
    } catch (thrown) {
      throw asDiskError(thrown, 'cannot ask for the free space of', this.#root);
    }
  }

  async watch(hint: Hint): Promise<Watch> {
    const root = await this.probe();
    if (root.state !== 'present') throw notWatchable(root.reason);
    return watchRoot(this.#root, hint);
  }
}

/** What a person put in the folder leaves it by a commit only. */
function requirePrivate(path: DiskPath): void {
  invariant(path.startsWith(`${PRIVATE_FOLDER}/`), 'only the private files of the program are moved or removed');
}
