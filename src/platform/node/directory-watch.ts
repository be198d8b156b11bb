import { type FSWatcher, lstatSync, opendir, watch } from 'node:fs';
import { promisify } from 'node:util';
import { baseName, folderOf, isPrivate, PRIVATE_FOLDER } from '../../core/path.ts';
import type { Hint, Watch } from '../disk.ts';
import { componentsOf, isMissing, withFolder } from './safe-path.ts';
import { systemCode } from './system-error.ts';
import { watchFault } from './watch-fault.ts';

const openDirectory = promisify(opendir);

/** Names read of a directory at once. */
const NAMES_MAX = 512;
/** Names that wait to be looked at for new folders; beyond that everything is hinted at, and the scan finds them. */
const WAITING_MAX = 10_000;

/**
 * One watch a directory (inotify), none a file: 100,000 files in 100 directories are 101 watches. A directory is watched
 * before it is read, so nothing falls between the two.
 */
export class DirectoryWatch implements Watch {
  readonly #root: string;
  readonly #hint: Hint;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #waiting = new Set<string>();
  /** Names of files that this program is about to put in watched directories: each makes one event, which is no news. */
  readonly #own = new Set<string>();
  #isLooking = false;
  #isClosed = false;
  #fault: string | undefined;

  static async open(root: string, hint: Hint): Promise<DirectoryWatch> {
    const opened = new DirectoryWatch(root, hint);
    await opened.#watchBelow('');
    return opened;
  }

  private constructor(root: string, hint: Hint) {
    this.#root = root;
    this.#hint = hint;
  }

  /** This program puts new files there: the event of each coming is not hinted at, until `expectNoMore`. Any other is. */
  expect(paths: readonly string[]): void {
    // Where no watch stands yet there will be no event, and the next one is somebody else's.
    for (const path of paths) if (this.#watchers.has(folderOf(path))) this.#own.add(path);
  }

  expectNoMore(paths: readonly string[]): void {
    for (const path of paths) this.#own.delete(path);
  }

  fault(): string | undefined {
    return this.#fault;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Watches `folder` (`''`: the root) and every directory below it. */
  async #watchBelow(folder: string): Promise<void> {
    const folders = [folder];
    for (let next = folders.pop(); next !== undefined && !this.#isClosed; next = folders.pop()) {
      try {
        folders.push(...(await this.#watchOne(next)));
      } catch (thrown) {
        // What may not be read is told by the walk, and nothing in it is kept.
        const isClosed = next !== '' && ['EACCES', 'EPERM'].includes(systemCode(thrown) ?? '');
        if (!isMissing(thrown) && !isClosed) this.#failed(thrown);
      }
    }
  }

  /** Watches one directory; returns the directories in it. */
  #watchOne(folder: string): Promise<string[]> {
    return withFolder(this.#root, folder === '' ? [] : componentsOf(folder), async (held) => {
      const watcher = watch(held.at('.'), { persistent: false }, (event, name) => this.#touched(folder, event, name));
      watcher.on('error', (thrown) => this.#failed(thrown));
      this.#watchers.get(folder)?.close();
      this.#watchers.set(folder, watcher);
      if (this.#isClosed) watcher.close();
      const below: string[] = [];
      for await (const entry of await openDirectory(held.at('.'), { bufferSize: NAMES_MAX })) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory() && !isPrivate(entry.name)) below.push(path);
      }
      return below;
    });
  }

  #touched(folder: string, event: string, name: string | null): void {
    // Without a name the system has lost events; the name of the watch itself, `.`, is the directory's own end.
    if (name === null || name === '' || name === '.') {
      this.#hint(folder === '' ? undefined : folder);
      if (folder !== '') this.#lookAt(folder);
      return;
    }
    const path = folder === '' ? name : `${folder}/${name}`;
    if (path === PRIVATE_FOLDER || (event === 'rename' && this.#own.delete(path))) return;
    this.#hint(path);
    if (event === 'rename' && !isPrivate(name)) this.#lookAt(path);
  }

  /** A name came or went: it may be a directory. */
  #lookAt(path: string): void {
    if (this.#waiting.size >= WAITING_MAX) {
      this.#waiting.clear();
      this.#waiting.add('');
    }
    this.#waiting.add(path);
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#lookAll()
      .catch((thrown: unknown) => this.#failed(thrown))
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #lookAll(): Promise<void> {
    for (let paths = this.#nextPaths(); paths.length > 0; paths = this.#nextPaths()) {
      const folders = await this.#directoriesAmong(paths);
      for (const path of paths) {
        if (this.#isClosed) return;
        const isFolder = folders.has(path);
        if (!isFolder || this.#watchers.has(path)) this.#forget(path);
        if (!isFolder) continue;
        await this.#watchBelow(path);
        // What was written before its watch stood made no event.
        this.#hint(path === '' ? undefined : path);
      }
    }
  }

  /** Those that wait and lie in one folder, some at a time: where many files are put, each name is one that came. */
  #nextPaths(): string[] {
    const paths: string[] = [];
    for (const path of this.#waiting) {
      const isWithFirst = paths[0] !== '' && path !== '' && folderOf(path) === folderOf(paths[0] ?? path);
      if (paths.length >= NAMES_MAX || (paths.length > 0 && !isWithFirst)) break;
      this.#waiting.delete(path);
      paths.push(path);
    }
    return paths;
  }

  /** `paths`: of one folder. */
  async #directoriesAmong(paths: readonly string[]): Promise<Set<string>> {
    const [first = ''] = paths;
    if (first === '') return new Set(paths);
    const components = componentsOf(first).slice(0, -1);
    try {
      return await withFolder(this.#root, components, async (folder) => {
        const isDirectory = (path: string) => {
          // The name came or went just now, so the system has it in memory: a way through a thread would cost ten times the look.
          const stats = lstatSync(folder.at(baseName(path)), { throwIfNoEntry: false });
          return stats?.isDirectory() === true;
        };
        return new Set(paths.filter(isDirectory));
      });
    } catch (thrown) {
      if (isMissing(thrown)) return new Set();
      throw thrown;
    }
  }

  /** A directory that is gone, or another one than was watched under that name: with all that lay below it. */
  #forget(path: string): void {
    if (!this.#watchers.has(path) || path === '') return;
    for (const [folder, watcher] of this.#watchers) {
      if (folder !== path && !folder.startsWith(`${path}/`)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
  }

  #failed(thrown: unknown): void {
    this.#fault = watchFault(thrown);
    this.#hint(undefined);
  }
}
