import type { FilePath } from '../core/ids.ts';
import { baseName, foldCase, foldersOf } from '../core/path.ts';

/** What lies below a folder. There may be as many as files, each deep: so there is one object for each, and no more. */
interface Below {
  /** Paths with contents. */
  files: number;
  /** Names of the folders in it; one alone, as in most, stands without a set around it. */
  within: string | Set<string> | undefined;
}

const NOTHING: Below = { files: 0, within: undefined };

/** Paths that have contents now, by their case-folded name and by the folders they lie in. */
export class Tree {
  readonly #hasContents: (path: string) => boolean;
  /** Folded name → paths with contents of that name other than itself: of a path in lower case nothing need be kept. */
  readonly #unfolded = new Map<string, readonly FilePath[]>();
  readonly #folders = new Map<string, Below>();
  readonly #top: Below = { files: 0, within: undefined };

  /** `hasContents`: of any path, now. */
  constructor(hasContents: (path: string) => boolean) {
    this.#hasContents = hasContents;
  }

  /** `path` has contents now, and had none. */
  add(path: FilePath): void {
    let above = this.#top;
    for (const folder of foldersOf(path)) above = this.#enter(folder, above);
    const folded = foldCase(path);
    if (folded !== path) this.#unfolded.set(folded, [...(this.#unfolded.get(folded) ?? []), path]);
  }

  /** `path` has no contents any more, and had some. */
  remove(path: FilePath): void {
    let above = this.#top;
    for (const folder of foldersOf(path)) above = this.#leave(folder, above);
    const folded = foldCase(path);
    const others = (this.#unfolded.get(folded) ?? []).filter((one) => one !== path);
    if (others.length > 0) this.#unfolded.set(folded, others);
    else this.#unfolded.delete(folded);
  }

  twinsOf(path: FilePath): FilePath[] {
    const folded = foldCase(path);
    const unfolded = this.#unfolded.get(folded) ?? [];
    const all = this.#hasContents(folded) ? [folded as FilePath, ...unfolded] : unfolded;
    return all.filter((one) => one !== path);
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** Names of the folders in a folder (`''`: the top), in no order, each with the number of paths below it. */
  *foldersIn(folder: string): Iterable<{ name: string; files: number }> {
    const prefix = folder === '' ? '' : `${folder}/`;
    const within = (folder === '' ? this.#top : this.#folders.get(folder))?.within ?? [];
    for (const name of typeof within === 'string' ? [within] : within)
      yield { name, files: this.#folders.get(prefix + name)?.files ?? 0 };
  }

  #enter(folder: string, above: Below): Below {
    const known = this.#folders.get(folder);
    if (known !== undefined) {
      known.files += 1;
      return known;
    }
    const made: Below = { files: 1, within: undefined };
    this.#folders.set(folder, made);
    const name = baseName(folder);
    if (above.within === undefined) above.within = name;
    else if (typeof above.within === 'string') above.within = new Set([above.within, name]);
    else above.within.add(name);
    return made;
  }

  #leave(folder: string, above: Below): Below {
    const known = this.#folders.get(folder);
    if (known === undefined) return NOTHING;
    known.files -= 1;
    if (known.files > 0) return known;
    this.#folders.delete(folder);
    const name = baseName(folder);
    if (above.within === name) above.within = undefined;
    else if (typeof above.within === 'object') above.within.delete(name);
    return known;
  }
}
