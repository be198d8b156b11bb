import { asMeshError, MeshError } from '../../src/core/errors.ts';
import { baseName, foldersOf, isPrivate, PRIVATE_FOLDER, quote } from '../../src/core/path.ts';
import type {
  ActFault,
  CommitIntent,
  CommitOutcome,
  Disk,
  DiskPath,
  FileStat,
  Hint,
  NewFileIntent,
  OpenFile,
  RootState,
  StagedWhole,
  StageFile,
  WalkEntry,
  Watch,
  WholeFile,
} from '../../src/platform/disk.ts';
import type { Incarnation } from './incarnation.ts';
import { DiskActs } from './sim-disk-acts.ts';
import { SimCommit, type StepHook } from './sim-disk-commit.ts';
import { SimOpenFile, SimStageFile } from './sim-disk-files.ts';
import { type ManyCounts, SimManyActs } from './sim-disk-many.ts';
import type { SimDrive } from './sim-drive.ts';
import type { Inode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';

const MARKER_PATH = `${PRIVATE_FOLDER}/marker`;
/** Rooms that `prepare` makes, as the real disk does. */
const ROOMS = ['stage', 'aside', 'siblings', 'runs', 'versions', 'trash', 'log'] as const;
/** Contract of Disk.walk. */
const BATCH_ENTRIES_MAX = 1_000;

/** The Disk of one incarnation, on the drive of its machine. */
export class SimDisk implements Disk {
  /** Set by tests of the commit itself. */
  commitHook: StepHook | undefined;
  /** What the watcher says of itself; a nemesis may break it. */
  watchFault: string | undefined;
  readonly #acts: DiskActs;
  readonly #many: SimManyActs;
  readonly #incarnation: Incarnation;
  readonly #drive: SimDrive;
  readonly #random: SimRandom;

  constructor(incarnation: Incarnation, drive: SimDrive, random: SimRandom) {
    this.#incarnation = incarnation;
    this.#drive = drive;
    this.#random = random;
    this.#acts = new DiskActs(incarnation, drive, random.fork('acts'));
    const reach = async (path: DiskPath) => this.#assertReachable(path);
    this.#many = new SimManyActs({ stat: (path) => this.stat(path), reach }, this.#acts, () => this.commitHook);
  }

  /** How often acts were asked for by the many. */
  get manyCounts(): Readonly<ManyCounts> {
    return this.#many.counts;
  }

  async probe(): Promise<RootState> {
    try {
      return await this.#acts.act('look', 'probe', (volume) => {
        const marker = volume.lookup(MARKER_PATH);
        return {
          state: 'present',
          device: volume.device,
          inode: 2,
          marker: marker?.kind === 'file' ? marker.read(0, marker.size) : undefined,
        };
      });
    } catch (thrown) {
      return { state: this.#drive.trouble === 'missing' ? 'missing' : 'unreadable', reason: asMeshError(thrown).message };
    }
  }

  async prepare(marker: Uint8Array): Promise<void> {
    for (const room of ROOMS) await this.#acts.makeFolders(`${PRIVATE_FOLDER}/${room}`);
    await this.#acts.syncFoldersOf(MARKER_PATH);
    const temporary = `${MARKER_PATH}.new`;
    const written = await this.#acts.openOrCreate(temporary);
    try {
      await this.#acts.act('write', 'write marker', (volume) => {
        volume.truncate(written.inode, 0);
        volume.write(written.inode, 0, marker);
      });
      await this.#acts.syncFile(written, temporary);
    } finally {
      this.#acts.release(written);
    }
    await this.#acts.rename(temporary, MARKER_PATH);
    await this.#acts.syncFoldersOf(MARKER_PATH);
  }

  async *walk(under = ''): AsyncIterable<readonly WalkEntry[]> {
    const folders = [under];
    // A batch ends anywhere: its reader may not count on how the walk is cut.
    const entriesMax = 1 + this.#random.integer(BATCH_ENTRIES_MAX);
    let batch: WalkEntry[] = [];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const { entries, below } = await this.#readFolder(folder);
      folders.push(...below);
      for (const entry of entries) {
        batch.push(entry);
        if (batch.length < entriesMax) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  async stat(path: DiskPath): Promise<FileStat | undefined> {
    this.#assertReachable(path);
    return await this.#acts.stat(path);
  }

  isGone(path: DiskPath): Promise<boolean> {
    if (foldersOf(path).some((folder) => this.#drive.unreadable.has(folder))) return Promise.resolve(false);
    const isGone = this.#acts.act('look', `stat ${path}`, (volume) => {
      const above = foldersOf(path).map((folder) => volume.lookup(folder));
      const isHidden = above.some((inode) => inode !== undefined && inode.kind !== 'folder');
      const there = volume.lookup(path);
      return !isHidden && (there === undefined || there.kind === 'folder');
    });
    return isGone.catch(() => false);
  }

  isNamed = (path: DiskPath): Promise<boolean> => this.#acts.act('look', `names of ${path}`, (volume) => volume.isNamed(path));

  statMany(paths: readonly DiskPath[]): Promise<(FileStat | undefined | ActFault)[]> {
    return this.#many.statMany(paths);
  }

  readMany(paths: readonly DiskPath[], options: { readonly sync: boolean }): Promise<(WholeFile | ActFault)[]> {
    return this.#many.readMany(paths, options);
  }

  async open(path: DiskPath): Promise<OpenFile> {
    this.#assertReachable(path);
    return new SimOpenFile(this.#acts, path, await this.#acts.open(path));
  }

  async stage(name: string): Promise<StageFile> {
    const path = `${PRIVATE_FOLDER}/stage/${name}`;
    return new SimStageFile(this.#acts, path, await this.#acts.openOrCreate(path));
  }

  async stageWhole({ name, bytes, mode, mtimeMs }: StagedWhole): Promise<FileStat> {
    const path = `${PRIVATE_FOLDER}/stage/${name}`;
    if ((await this.#acts.stat(path)) !== undefined) throw new MeshError('bad-place', `${quote(path)} is there already`);
    const file = await this.stage(name);
    try {
      await file.write(0, bytes);
      await file.finish(mode, mtimeMs);
      await file.sync();
      const stat = await this.#acts.stat(path);
      if (stat === undefined) throw new MeshError('failed', `${quote(path)} is gone`);
      return stat;
    } catch (thrown) {
      await this.#acts.unlink(path).catch(() => undefined);
      throw thrown;
    } finally {
      await file.close();
    }
  }

  stageMany(wholes: readonly StagedWhole[]): Promise<(FileStat | ActFault)[]> {
    return this.#many.stageMany(wholes);
  }

  commitMany(intents: readonly NewFileIntent[]): Promise<(CommitOutcome | ActFault)[]> {
    return this.#many.commitMany(intents);
  }

  commit(intent: CommitIntent): Promise<CommitOutcome> {
    return new SimCommit(this.#acts, intent, this.commitHook).run();
  }

  async move(from: DiskPath, to: DiskPath): Promise<void> {
    refuseForeign(from);
    refuseForeign(to);
    await this.#acts.makeFolders(to.slice(0, -baseName(to).length - 1));
    await this.#linkOnce(from, to);
    await this.#acts.syncFoldersOf(to);
    await this.#acts.unlink(from);
    await this.#acts.syncFoldersOf(from);
  }

  async remove(path: DiskPath): Promise<void> {
    refuseForeign(path);
    try {
      await this.#acts.unlink(path);
    } catch (thrown) {
      if (asMeshError(thrown).code !== 'gone') throw thrown;
    }
    await this.#acts.syncFoldersOf(path);
  }

  async syncNames(path: DiskPath): Promise<void> {
    this.#assertReachable(path);
    await this.#acts.syncFoldersOf(path);
  }

  async removeEmptyFolders(path: DiskPath): Promise<void> {
    for (const folder of foldersOf(path).reverse()) {
      if (await this.#acts.removeFolder(folder)) await this.#acts.syncFoldersOf(folder);
    }
  }

  list(room: string): Promise<{ name: string; stat: FileStat }[]> {
    return this.#acts.act('look', `list ${room}`, (volume) => {
      const folder = volume.lookup(`${PRIVATE_FOLDER}/${room}`);
      const entries = folder?.kind === 'folder' ? this.#random.shuffled(folder.entries) : [];
      return entries.flatMap(([name, inode]) => (inode.kind === 'file' ? [{ name, stat: inode.stat() }] : []));
    });
  }

  free(): Promise<{ free: number; total: number }> {
    return this.#acts.act('look', 'free', (volume) => ({
      free: Math.max(0, volume.capacityBytes - volume.usedBytes),
      total: volume.capacityBytes,
    }));
  }

  watch(hint: Hint): Promise<Watch> {
    return this.#acts.act('look', 'watch', () => {
      const unwatch = this.#drive.watch((path) => this.#hint(path, hint));
      this.#incarnation.onEnd(unwatch);
      return {
        fault: () => this.watchFault,
        close: () => {
          unwatch();
          return Promise.resolve();
        },
      };
    });
  }

  /** Links, unless a crash came after the link of an earlier run. */
  async #linkOnce(from: DiskPath, to: DiskPath): Promise<void> {
    try {
      await this.#acts.link(from, to);
    } catch (thrown) {
      const [there, here] = [await this.stat(to), await this.stat(from)];
      if (there === undefined || there.inode !== here?.inode) throw thrown;
    }
  }

  /** A folder without permissions hides more than its list: nothing below it can be looked at. */
  #assertReachable(path: DiskPath): void {
    const locked = foldersOf(path).find((folder) => this.#drive.unreadable.has(folder));
    if (locked !== undefined) throw new MeshError('failed', `EACCES: ${quote(path)}: ${quote(locked)} may not be entered`);
  }

  #hint(path: string, hint: Hint): void {
    const { faults } = this.#drive;
    const random = this.#random;
    const told = random.chance(faults.hintVagueRate) || path === '' ? undefined : path;
    const times = random.chance(faults.hintDoubleRate) ? 2 : 1;
    if (random.chance(faults.hintLossRate) || this.watchFault !== undefined) return;
    for (let time = 0; time < times; time++) {
      this.#incarnation.after(random.between(0, faults.hintDelayMsMax), () => hint(told));
    }
  }

  /** One readdir with the stats of what it names, in no order. A folder that is gone meanwhile is empty. */
  #readFolder(folder: string): Promise<{ entries: WalkEntry[]; below: string[] }> {
    return this.#acts.act('read', `readdir ${quote(folder)}`, (volume) => {
      if (this.#drive.unreadable.has(folder))
        return { entries: [{ path: folder, kind: 'skipped', reason: 'unreadable' }], below: [] };
      const inode = volume.lookup(folder);
      const entries: WalkEntry[] = [];
      const below: string[] = [];
      for (const [name, found] of inode?.kind === 'folder' ? this.#random.shuffled(inode.entries) : []) {
        const path = folder === '' ? name : `${folder}/${name}`;
        if (path === PRIVATE_FOLDER) continue;
        if (isToWalk(name, found)) below.push(path);
        else entries.push(entryOf(path, name, found));
      }
      return { entries, below };
    });
  }
}

function isToWalk(name: string, inode: Inode): boolean {
  return inode.kind === 'folder' && name === name.normalize('NFC') && !isPrivate(name);
}

function entryOf(path: string, name: string, inode: Inode): WalkEntry {
  if (isPrivate(name)) return { path, kind: 'skipped', reason: 'private folder of another peer' };
  if (inode.kind === 'symlink') return { path, kind: 'skipped', reason: 'symlink' };
  if (inode.kind === 'file' && name === name.normalize('NFC')) return { path, kind: 'file', stat: inode.stat() };
  return { path, kind: 'skipped', reason: 'name not in composed Unicode form' };
}

function refuseForeign(path: DiskPath): void {
  if (!path.startsWith(`${PRIVATE_FOLDER}/`)) throw new MeshError('failed', `${quote(path)} is not the program's own`);
}
