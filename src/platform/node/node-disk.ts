import { realpath, statfs } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { invariant, MeshError } from '../../core/errors.ts';
import { PRIVATE_FOLDER } from '../../core/path.ts';
import type {
  ActFault,
  CommitIntent,
  CommitOutcome,
  Disk,
  DiskPath,
  FileStat,
  Hint,
  NewFileIntent,
  RootState,
  StagedWhole,
  StageFile,
  WalkEntry,
  Watch,
  WholeFile,
} from '../disk.ts';
import { ActsInThread, type ThreadOptions } from './acts-in-thread.ts';
import { DirectorySync } from './directory-sync.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { type Acts, type BeforeStep, DiskActs } from './disk-acts.ts';
import { isListed } from './listed-name.ts';
import { type NodeOpenFile, openFile } from './open-file.ts';
import { prepareRoot } from './rooms.ts';
import { openStageFile } from './stage-file.ts';
import { asDiskError } from './system-error.ts';
import { namesIn, walk } from './walk.ts';
import { watchRoot } from './watch.ts';
import { notWatchable } from './watch-fault.ts';

const statFileSystem = promisify(statfs);

/** An event of an act of our own may be read so much later than its end. 50…2,000 ms. */
const LATE_EVENT_MS = 500;

export interface NodeDiskOptions {
  /** For tests: called before every step of a commit that changes the disk; a throw stops it there. */
  readonly beforeStep?: BeforeStep;
  /** When acts go to a thread of their own. */
  readonly thread?: ThreadOptions;
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
  readonly #acts: Acts;
  #watch: DirectoryWatch | undefined;

  constructor(root: string, options: NodeDiskOptions) {
    this.#root = root;
    this.#directories = new DirectorySync(root);
    const here = new DiskActs(root, this.#directories, options.beforeStep);
    this.#acts = options.beforeStep === undefined ? new ActsInThread(root, here, options.thread) : here;
  }

  probe(): Promise<RootState> {
    return this.#acts.probe();
  }

  prepare(marker: Uint8Array): Promise<void> {
    return prepareRoot(this.#root, this.#directories, marker);
  }

  walk(under?: string): AsyncIterable<readonly WalkEntry[]> {
    return walk(this.#root, under);
  }

  stat(path: DiskPath): Promise<FileStat | undefined> {
    return this.#acts.stat(path);
  }

  isGone(path: DiskPath): Promise<boolean> {
    return this.#acts.isGone(path);
  }

  statMany(paths: readonly DiskPath[]): Promise<readonly (FileStat | undefined | ActFault)[]> {
    return this.#acts.statMany(paths);
  }

  readMany(paths: readonly DiskPath[], options: { readonly sync: boolean }): Promise<readonly (WholeFile | ActFault)[]> {
    return this.#acts.readMany(paths, options);
  }

  isNamed(path: DiskPath): Promise<boolean> {
    return isListed(this.#root, path);
  }

  open(path: DiskPath): Promise<NodeOpenFile> {
    return openFile(this.#root, path, this.#directories);
  }

  stage(name: string): Promise<StageFile> {
    return openStageFile(this.#root, this.#directories, name);
  }

  stageWhole(whole: StagedWhole): Promise<FileStat> {
    return this.#acts.stageWhole(whole);
  }

  stageMany(wholes: readonly StagedWhole[]): Promise<readonly (FileStat | ActFault)[]> {
    return this.#acts.stageMany(wholes);
  }

  commit(intent: CommitIntent): Promise<CommitOutcome> {
    return this.#acts.commit(intent);
  }

  /** Of so many new files nobody needs a hint: what each became is told here. */
  async commitMany(intents: readonly NewFileIntent[]): Promise<readonly (CommitOutcome | ActFault)[]> {
    const watch = this.#watch;
    const paths = intents.map(({ path }) => path);
    watch?.expect(paths);
    try {
      return await this.#acts.commitMany(intents);
    } finally {
      // The events of what was put there are read within the turn, or there are none.
      setTimeout(() => watch?.expectNoMore(paths), LATE_EVENT_MS).unref();
    }
  }

  async move(from: DiskPath, to: DiskPath): Promise<void> {
    requirePrivate(from);
    requirePrivate(to);
    await this.#acts.move(from, to);
  }

  async remove(path: DiskPath): Promise<void> {
    requirePrivate(path);
    await this.#acts.remove(path);
  }

  syncNames(path: DiskPath): Promise<void> {
    return this.#acts.syncNames(path);
  }

  removeEmptyFolders(path: DiskPath): Promise<void> {
    return this.#acts.removeEmptyFolders(path);
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
    const watch = await watchRoot(this.#root, hint);
    if (watch instanceof DirectoryWatch) this.#watch = watch;
    return watch;
  }
}

/** What a person put in the folder leaves it by a commit only. */
function requirePrivate(path: DiskPath): void {
  invariant(path.startsWith(`${PRIVATE_FOLDER}/`), 'only the private files of the program are moved or removed');
}
