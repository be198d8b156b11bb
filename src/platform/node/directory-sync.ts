import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { withFolder } from './safe-path.ts';

const syncDescriptor = promisify(fsync);

interface Turn {
  /** The sync that runs now. */
  running: Promise<void>;
  /** The one that begins when it ends, for everybody who came in between. */
  next?: Promise<void>;
}

/**
 * Makes changes of directories durable. Commits that run at once often touch the same few directories: those that wait
 * share one fsync, which begins after the last of them asked.
 */
export class DirectorySync {
  readonly #root: string;
  readonly #turns = new Map<string, Turn>();

  constructor(root: string) {
    this.#root = root;
  }

  /** The directory `folder` (`''`: the root) as it is now is durable when this resolves. */
  sync(folder: string): Promise<void> {
    const turn = this.#turns.get(folder);
    if (turn === undefined) return this.#start(folder);
    turn.next ??= turn.running.catch(() => undefined).then(() => this.#start(folder));
    return turn.next;
  }

  /** `folder` and every directory it lies in: a folder just made is durable only with the entry in its parent. */
  async syncWithParents(folder: string): Promise<void> {
    const folders = [''];
    for (let at = folder.indexOf('/'); at >= 0; at = folder.indexOf('/', at + 1)) folders.push(folder.slice(0, at));
    if (folder !== '') folders.push(folder);
    await Promise.all(folders.map((each) => this.sync(each)));
  }

  #start(folder: string): Promise<void> {
    const components = folder === '' ? [] : folder.split('/');
    const running = withFolder(this.#root, components, (held) => syncDescriptor(held.descriptor));
    const turn: Turn = { running };
    this.#turns.set(folder, turn);
    const over = () => {
      if (turn.next === undefined) this.#turns.delete(folder);
    };
    running.then(over, over);
    return running;
  }
}
