import type { FilePath } from '../core/ids.ts';
import { baseName, foldCase, folderOf, foldersOf } from '../core/path.ts';

/** Paths that have contents now, by their case-folded name and by the folders they lie in. */
export class Tree {
  readonly #hasContents: (path: string) => boolean;
  /** Folded name → paths with contents of that name other than itself: of a path in lower case nothing need be kept. */
  readonly #unfolded = new Map<string, readonly FilePath[]>();
  /** Folder → paths with contents below it. */
  readonly #folders = new Map<string, number>();
  /** Folder (`''`: the top) → names of the folders in it. */
  readonly #within = new Map<string, Set<string>>();

  /** `hasContents`: of any path, now. */
  constructor(hasContents: (path: string) => boolean) {
    this.#hasContents = hasContents;
  }

  /** `path` has contents now, and had none. */
  add(path: FilePath): void {
    for (const folder of foldersOf(path)) this.#enter(folder);
    const folded = foldCase(path);
    if (folded !== path) this.#unfolded.set(folded, [...(this.#unfolded.get(folded) ?? []), path]);
  }

  /** `path` has no contents any more, and had some. */
  remove(path: FilePath): void {
    for (const folder of foldersOf(path)) this.#leave(folder);
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
    for (const name of this.#within.get(folder) ?? []) yield { name, files: this.#folders.get(prefix + name) ?? 0 };
  }

  #enter(folder: string): void {
    const paths = this.#folders.get(folder);
    this.#folders.set(folder, (paths ?? 0) + 1);
    if (paths !== undefined) return;
    const above = folderOf(folder);
    const names = this.#within.get(above) ?? new Set();
    this.#within.set(above, names.add(baseName(folder)));
  }

  #leave(folder: string): void {
    const paths = (this.#folders.get(folder) ?? 0) - 1;
    if (paths > 0) {
      this.#folders.set(folder, paths);
      return;
    }
    this.#folders.delete(folder);
    const above = folderOf(folder);
    const names = this.#within.get(above);
    names?.delete(baseName(folder));
    if (names?.size === 0) this.#within.delete(above);
  }
}
