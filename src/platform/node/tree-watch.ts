import { join, relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isPrivate, PRIVATE_FOLDER } from '../../core/path.ts';
import type { Hint, Watch } from '../disk.ts';
import { composed } from './walk.ts';
import { watchFault } from './watch-fault.ts';

/**
 * How long after a new folder was met it is hinted at a second time: its watch stands only after it was read, and what
 * was written in between makes no event. Range: above the few ms that takes, below what a person would wait.
 */
const SECOND_LOOK_MS = 500;
/** New folders remembered for their second look; more become one hint at everything. */
const SECOND_LOOKS_MAX = 1000;

/** Where no watch per directory of our own is had (see directory-watch.ts): chokidar. Resolved when the watches stand. */
export async function watchTree(root: string, hint: Hint): Promise<Watch> {
  const watcher = watch(root, {
    // One watch per directory: that of a directory names the files touched in it, and one per file costs 7 KB each.
    ignored: (path, stats) => relative(root, path).split(sep).some(isPrivate) || stats?.isDirectory() === false,
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    awaitWriteFinish: false,
    usePolling: false,
  });
  const rooted = new RootWatch(root, watcher, hint);
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return rooted;
}

class RootWatch implements Watch {
  readonly #root: string;
  readonly #watcher: FSWatcher;
  readonly #hint: Hint;
  readonly #secondLooks = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #fault: string | undefined;

  constructor(root: string, watcher: FSWatcher, hint: Hint) {
    this.#root = root;
    this.#watcher = watcher;
    this.#hint = hint;
    // `raw` is the system's own event: the others wait for stats and leave out what they think is the same.
    watcher.on('raw', (_event, name, details) => this.#touched(name, details));
    watcher.on('addDir', (path) => this.#folderAdded(path));
    watcher.on('error', (thrown) => this.#failed(thrown));
  }

  fault(): string | undefined {
    return this.#fault;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#secondLooks.clear();
    await this.#watcher.close();
  }

  #touched(name: unknown, details: unknown): void {
    const { watchedPath } = (details ?? {}) as { watchedPath?: string };
    if (typeof name === 'string' && name !== '') this.#hintAt(join(watchedPath ?? this.#root, name));
    else this.#hint(undefined);
  }

  #hintAt(path: string): void {
    const below = hintOf(relative(this.#root, path), sep);
    if (below === PRIVATE_FOLDER || below.startsWith(`${PRIVATE_FOLDER}/`)) return;
    // A watch of the root itself, or of something that moved out of it.
    this.#hint(below === '' || below.startsWith('..') ? undefined : below);
  }

  #folderAdded(path: string): void {
    this.#hintAt(path);
    if (this.#secondLooks.size < SECOND_LOOKS_MAX) this.#secondLooks.add(path);
    else this.#secondLooks.add(this.#root);
    this.#timer ??= setTimeout(() => this.#lookAgain(), SECOND_LOOK_MS);
  }

  #lookAgain(): void {
    this.#timer = undefined;
    const paths = this.#secondLooks.has(this.#root) ? [this.#root] : [...this.#secondLooks];
    this.#secondLooks.clear();
    for (const path of paths) this.#hintAt(path);
  }

  #failed(thrown: unknown): void {
    this.#fault = watchFault(thrown);
    this.#hint(undefined);
  }
}

/** A path below the root as the walk names it, whatever stands between names on this system. */
export function hintOf(below: string, separator: string): string {
  return composed(below.split(separator).join('/'));
}
