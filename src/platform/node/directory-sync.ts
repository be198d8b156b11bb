import { foldersOf } from '../../core/path.ts';
import { calls } from './file-calls.ts';
import { isMissing, withFolder } from './safe-path.ts';

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
    await Promise.all(withParents(folder).map((each) => this.sync(each)));
  }

  /** The same for a folder that may be gone: the end of a name in it is durable with the end of the folder. */
  async syncWhatIsThere(folder: string): Promise<void> {
    await Promise.all(withParents(folder).map((each) => this.sync(each).catch(throwUnlessGone)));
  }

  #start(folder: string): Promise<void> {
    const components = folder === '' ? [] : folder.split('/');
    const running = withFolder(this.#root, components, (held) => calls.fsync(held.descriptor));
    const turn: Turn = { running };
    this.#turns.set(folder, turn);
    const over = () => {
      if (turn.next === undefined) this.#turns.delete(folder);
    };
    running.then(over, over);
    return running;
  }
}

function withParents(folder: string): string[] {
  return folder === '' ? [''] : ['', ...foldersOf(folder), folder];
}

function throwUnlessGone(thrown: unknown): void {
  if (!isMissing(thrown)) throw thrown;
}
