import { ApiError, api, type ShownFile, type Sort, wordsOf } from '../api.ts';
import { folderOf, joined, nameOf } from '../paths.ts';

/** The names in sight: of a folder, of a search, in conflict, or deleted. Read page by page as one scrolls. */

export type Row =
  | { readonly kind: 'folder'; readonly path: string; readonly name: string; readonly files: number | undefined }
  | { readonly kind: 'file'; readonly path: string; readonly name: string; readonly file: ShownFile };

interface Source {
  readonly folder: string;
  readonly search?: string | undefined;
  readonly show?: 'deleted' | 'conflicts' | undefined;
  readonly sort: Sort;
  readonly descending: boolean;
}

/** Of a list nobody has sorted yet. */
export const FIRST_ORDER = { sort: 'name', descending: false } as const;

interface Page {
  readonly rows: readonly Row[];
  readonly next: string | undefined;
}

/** A change of what is in sight is looked up this long after: what comes meanwhile is looked up with it. */
const SETTLE_MS = 250;
/** A list of so many names is read anew at most once in this time. */
const REST_MS_PER_1000_ROWS = 1_500;
/** Where it is not known that anything changed, what was asked for so lately is not asked for again: one begins to work on it. */
const FRESH_MS = 2_000;

class Listing {
  rows = $state.raw<readonly Row[]>([]);
  hasMore = $state(false);
  /** Nothing of this source was read yet. */
  isFirst = $state(true);
  fault = $state('');
  #source: Source | undefined;
  #next: string | undefined;
  #stop = new AbortController();
  #isReading = false;
  /** Something changed while a page was on its way. */
  #isDue = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = 0;
  /** When it was asked for, or read. */
  #readMs = 0;
  /** Nobody looked for a while, and no change was heard. */
  #isOld = false;

  show(source: Source): void {
    const isOld = this.#isOld;
    this.#isOld = false;
    if (this.#source !== undefined && isSame(this.#source, source)) {
      if (isOld || this.fault !== '') this.reload();
      return;
    }
    this.forget();
    this.#source = source;
    void this.#read(0);
  }

  /** Shows nothing: what was read for one person is not seen by the next. */
  forget(): void {
    this.#begin();
    this.#source = undefined;
    this.rows = [];
    this.hasMore = false;
    this.isFirst = true;
    this.fault = '';
  }

  /** Another view is shown: changes are told to nobody. */
  leave(): void {
    this.#isOld = true;
  }

  /** The next page, unless one is on its way. */
  async more(): Promise<void> {
    if (!this.hasMore || this.#isReading) return;
    const page = await this.#page(this.#next);
    if (page === undefined) return;
    this.rows = [...this.rows, ...page.rows];
    this.#at(page);
  }

  /** Paths that changed; undefined: any may have. What is in sight is read anew, soon. */
  changed(paths: readonly string[] | undefined): void {
    const source = this.#source;
    if (source === undefined || (paths !== undefined && !paths.some((path) => isSeen(source, path)))) return;
    this.#renewAfter(paths === undefined ? FRESH_MS : 0);
  }

  #renewAfter(freshMs: number): void {
    const nowMs = performance.now();
    const restMs = Math.max(freshMs, (this.rows.length / 1000) * REST_MS_PER_1000_ROWS);
    const dueMs = Math.max(nowMs + SETTLE_MS, this.#readMs + restMs);
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // What is on its way is waited for: else changes that do not end would keep the list from ever being shown.
      if (this.#isReading) this.#isDue = true;
      else this.reload();
    }, dueMs - nowMs);
  }

  /** As many names as there are now, without a blank in between. */
  reload(): void {
    if (this.#source === undefined) return;
    this.#begin();
    void this.#read(this.rows.length);
  }

  #begin(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#isReading = false;
    this.#isDue = false;
    this.#readMs = performance.now();
  }

  async #read(count: number): Promise<void> {
    const rows: Row[] = [];
    let page = await this.#page(undefined);
    while (page !== undefined) {
      rows.push(...page.rows);
      if (page.next === undefined || rows.length >= count) break;
      page = await this.#page(page.next);
    }
    if (page === undefined) return;
    this.rows = rows;
    this.isFirst = false;
    this.#readMs = performance.now();
    this.#at(page);
  }

  #at(page: Page): void {
    this.#next = page.next;
    this.hasMore = page.next !== undefined;
    if (this.#isDue) this.#renewAfter(0);
    this.#isDue = false;
  }

  /** Undefined: it failed, or something else is wanted by now. */
  async #page(after: string | undefined): Promise<Page | undefined> {
    const { signal } = this.#stop;
    this.#isReading = true;
    try {
      const page = await pageOf(this.#source as Source, after, signal);
      if (signal.aborted) return undefined;
      this.fault = '';
      return page;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      this.isFirst = false;
      // Who is told that the peer does not answer needs no second word here.
      if (!(thrown instanceof ApiError && thrown.status === 0)) this.fault = wordsOf(thrown);
      return undefined;
    } finally {
      if (!signal.aborted) this.#isReading = false;
    }
  }
}

async function pageOf(source: Source, after: string | undefined, signal: AbortSignal): Promise<Page> {
  const { folder, search, show, sort, descending } = source;
  if (show !== undefined) {
    const wanted = show === 'deleted' ? { deleted: true } : { conflicts: true };
    const { files, next } = await api.files({ ...wanted, after }, signal);
    return { rows: files.map(fileRow), next };
  }
  const asked = { path: search === undefined ? folder : '', q: search, after, sort, descending };
  const { folders, files, next } = await api.folder(asked, signal).catch(asEmpty);
  const folderRows = folders.map(({ name, files: count }) => ({
    kind: 'folder' as const,
    path: joined(folder, name),
    name,
    files: count,
  }));
  return { rows: [...folderRows, ...files.map(fileRow)], next };
}

/** A folder that is not there is one that has no files yet. */
function asEmpty(thrown: unknown): Awaited<ReturnType<typeof api.folder>> {
  if (thrown instanceof ApiError && thrown.status === 404) return { folders: [], files: [] };
  throw thrown;
}

function fileRow(file: ShownFile): Row {
  return { kind: 'file', path: file.path, name: nameOf(file.path), file };
}

function isSame(a: Source, b: Source): boolean {
  return (
    a.folder === b.folder && a.search === b.search && a.show === b.show && a.sort === b.sort && a.descending === b.descending
  );
}

/** A change of this path may change what the list shows. */
function isSeen({ folder, search, show }: Source, path: string): boolean {
  if (search !== undefined || show !== undefined || folder === '') return true;
  return folderOf(path) === folder || path.startsWith(`${folder}/`);
}

export const listing = new Listing();
