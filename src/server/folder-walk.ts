import type { Catalog } from '../catalog/catalog.ts';
import type { FilePath } from '../core/ids.ts';
import { foldCase } from '../core/path.ts';

/** Greater than nearly all names: behind what lies below a folder. */
const LAST = '\uffff';

/** Goes over the paths that lie directly in a folder, deleted ones too, and passes over what lies below its folders. */
export class FolderWalk {
  readonly #catalog: Pick<Catalog, 'paths'>;
  readonly #prefix: string;
  readonly #words: string | undefined;
  /** Paths asked for at a time: few behind a folder, for the next one may follow. */
  #count = 1;
  #reached: string;
  #isOver = false;

  /** `query`: of all that lies below the folder, what contains these words in any case. `after`: as `reached` told. */
  constructor(catalog: Pick<Catalog, 'paths'>, folder: string, query: string | undefined, after: string) {
    this.#catalog = catalog;
    this.#prefix = folder === '' ? '' : `${folder}/`;
    this.#words = query === undefined ? undefined : foldCase(query.normalize('NFC'));
    this.#reached = after === '' ? this.#prefix : after;
  }

  /** Where another walk goes on. */
  get reached(): string {
    return this.#reached;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next ones, after at most `steps` paths were looked at. */
  next(steps: number): FilePath[] {
    const found: FilePath[] = [];
    for (let left = steps; left > 0 && !this.#isOver; ) {
      const some = this.#catalog.paths(this.#reached, Math.min(this.#count, left));
      this.#count *= 2;
      this.#isOver = some.length === 0;
      left -= some.length;
      this.#take(some, found);
    }
    return found;
  }

  #take(some: readonly FilePath[], found: FilePath[]): void {
    for (const path of some) {
      if (!path.startsWith(this.#prefix)) {
        this.#isOver = true;
        return;
      }
      this.#reached = path;
      const below = this.#words === undefined ? path.indexOf('/', this.#prefix.length) : -1;
      if (below >= 0) {
        const end = `${path.slice(0, below)}/${LAST}`;
        if (end > path) this.#reached = end;
        this.#count = 1;
        return;
      }
      if (this.#words === undefined || foldCase(path.slice(this.#prefix.length)).includes(this.#words)) found.push(path);
    }
  }
}
