import { byCodeUnits, type FilePath } from '../core/ids.ts';

/**
 * Newcomers kept apart from the sorted list. Range 256–65,536: below, the list of all paths is copied too often while files
 * are added; above, sorting the newcomers for each page is felt.
 */
const NEWCOMERS_MAX = 4096;

/** Paths in code-unit order, in pages, quick also while paths are added between the pages. */
export class PathOrder {
  #sorted: FilePath[] = [];
  #newcomers: FilePath[] = [];
  #newcomersSorted = true;

  /** `path` must not be in it yet. */
  add(path: FilePath): void {
    this.#newcomers.push(path);
    this.#newcomersSorted = false;
  }

  /** Rare (only the replacement of an index ends a path), so it may copy the list. */
  remove(path: FilePath): void {
    this.#mergeNewcomers();
    const at = firstAfter(this.#sorted, path) - 1;
    if (this.#sorted[at] === path) this.#sorted.splice(at, 1);
  }

  /** At most `limit` paths that follow `after`. */
  after(after: string, limit: number): FilePath[] {
    if (this.#newcomers.length > NEWCOMERS_MAX) this.#mergeNewcomers();
    else this.#sortNewcomers();
    return mergedPage(this.#sorted, firstAfter(this.#sorted, after), this.#newcomers, firstAfter(this.#newcomers, after), limit);
  }

  #sortNewcomers(): void {
    if (!this.#newcomersSorted) this.#newcomers.sort(byCodeUnits);
    this.#newcomersSorted = true;
  }

  #mergeNewcomers(): void {
    if (this.#newcomers.length === 0) return;
    this.#sortNewcomers();
    this.#sorted = mergedPage(this.#sorted, 0, this.#newcomers, 0, Number.POSITIVE_INFINITY);
    this.#newcomers = [];
  }
}

/** Position of the first path greater than `after`. */
function firstAfter(paths: readonly FilePath[], after: string): number {
  let low = 0;
  let high = paths.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((paths[middle] as string) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mergedPage(a: readonly FilePath[], fromA: number, b: readonly FilePath[], fromB: number, limit: number): FilePath[] {
  const page: FilePath[] = [];
  let atA = fromA;
  let atB = fromB;
  while (page.length < limit && (atA < a.length || atB < b.length)) {
    const takeA = atB >= b.length || (atA < a.length && (a[atA] as string) < (b[atB] as string));
    page.push((takeA ? a[atA++] : b[atB++]) as FilePath);
  }
  return page;
}
