import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import { byCodeUnits, type FilePath } from '../core/ids.ts';
import { type Clock, nextTurn } from '../platform/clock.ts';
import type { Ask, Entry, Reply } from '../wire/calls.ts';
import { encodedBytes } from '../wire/codec.ts';
import { Gate } from '../wire/gate.ts';
import { firstWithin, LIST_BYTES_MAX } from './answer-bytes.ts';
import type { Entries } from './entries.ts';
import { FolderWalk } from './folder-walk.ts';
import type { Sight } from './sessions.ts';
import { mergeRuns } from './sorting.ts';

/** Paths looked at in one turn of the event loop: some 8 ms. Range 100–1,000. */
const PATHS_A_TURN = 500;
/** Turns for one page in the order of names: then it is handed over, full or not. Range 4–64. */
const TURNS_A_PAGE = 16;
/** Orders by size or time that are kept for their next pages, 8 bytes a file. Range 2–16. */
const ORDERS_MAX = 4;
/** Orders drawn up at once, of all who ask: meanwhile each takes some 100 bytes a file. More wait, then `busy`. Range 1–4. */
const SORTING_MAX = 2;
const SORTING_WAITING_MAX = 16;
/** Pages of names sought at once that may take many turns: their turns come due together. More wait, then `busy`. Range 2–8. */
const SEEKING_MAX = 4;
const SEEKING_WAITING_MAX = 256;

/** Paths looked at below a folder that is hidden, for one that is not. */
const PATHS_LOOKED_AT_MAX = 1_000;

/** Bytes of the folders of one page, whose files come beside them: together they fit in one answer. */
const FOLDERS_BYTES_MAX = LIST_BYTES_MAX / 2;

/** Folders put in order in one turn: some 5 ms. Range 1,000–10,000. */
const FOLDERS_A_TURN = 5_000;

interface Slice {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly entries: Pick<Entries, 'entry'>;
}

/** A file, and what it is put in order by. */
interface Row {
  readonly path: FilePath;
  readonly by: number;
}

/** The files of one folder in the order of size or time. */
interface Order {
  readonly paths: readonly FilePath[];
  isOutdated: boolean;
}

/** A folder in a folder, with the files below it. */
interface Below {
  readonly name: string;
  readonly files: number;
}

type Files = Pick<Reply<'folder'>, 'entries' | 'more' | 'next'>;

/** What one turn of the event loop found, and how far it looked. */
interface Turn {
  readonly paths: readonly FilePath[];
  readonly reached: string;
}

/** Answers `folder`: what lies in one folder, in steps by what lies there and not by what lies below. */
export class FolderLists {
  readonly #slice: Slice;
  /** By what was asked; the oldest first. */
  readonly #orders = new Map<string, Promise<Order>>();
  readonly #sorting = new Gate(SORTING_MAX, SORTING_WAITING_MAX);
  readonly #seeking = new Gate(SEEKING_MAX, SEEKING_WAITING_MAX);

  constructor(slice: Slice) {
    this.#slice = slice;
    slice.catalog.onPaths(() => this.#outdate());
  }

  /**
   * One page of what may be seen. Where it goes on: `d` and a folder's name, `f` and a path, `o` and a place in the order; never by
   * a name that may not be seen. A folder of which nothing may be seen is not there.
   */
  async list(ask: Ask<'folder'>, sight: Sight): Promise<Reply<'folder'>> {
    const { catalog } = this.#slice;
    const { path = '', after, limit, query } = ask;
    if (path !== '' && !(catalog.folders.isFolder(path) && (await this.#isSeen(path, sight, new Looks(() => this.#pause()))))) {
      throw new MeshError('not-found', `there is no folder ${path}`);
    }
    const isInFolders = query === undefined && !/^[fo]/.test(after);
    const seek = () => (isInFolders ? this.#folders(ask, sight) : Promise.resolve([]));
    const folders = sight.all ? await seek() : await this.#seeking.pass(seek);
    const shown = firstWithin(folders.slice(0, limit), FOLDERS_BYTES_MAX);
    const last = shown.at(-1);
    const isFull = shown.length >= limit || shown.length < folders.length;
    if (last !== undefined && isFull) return { folders: shown, entries: [], more: true, next: `d${last.name}` };
    const rest = { ...ask, after: isInFolders ? '' : after, limit: limit - shown.length };
    return { folders: shown, ...(await this.#files(rest, sight)) };
  }

  /** Those of which something may be seen, after the one told: as many as a page takes. */
  async #folders(ask: Ask<'folder'>, sight: Sight): Promise<Reply<'folder'>['folders']> {
    const { path: folder, after, limit, sort, descending } = ask;
    const isDescending = descending && sort === 'name';
    const last = after.slice(1);
    const all = await this.#foldersAfter(folder ?? '', last, isDescending);
    const looks = new Looks(() => this.#pause());
    const folders: Reply<'folder'>['folders'] = [];
    for (const { name, files } of all) {
      if (folders.length >= limit) break;
      if (await this.#isSeen(folder === undefined ? name : `${folder}/${name}`, sight, looks))
        folders.push(sight.all ? { name, files } : { name });
    }
    return folders;
  }

  /** In order, in short turns however many there are. */
  async #foldersAfter(folder: string, last: string, isDescending: boolean): Promise<readonly Below[]> {
    const compare = (a: Below, b: Below) => (isDescending ? -1 : 1) * byCodeUnits(a.name, b.name);
    const runs: Below[][] = [];
    let run: Below[] = [];
    for (const below of this.#slice.catalog.folders.foldersIn(folder)) {
      if (last !== '' && (isDescending ? below.name >= last : below.name <= last)) continue;
      run.push(below);
      if (run.length < FOLDERS_A_TURN) continue;
      runs.push(run.sort(compare));
      run = [];
      await this.#pause();
    }
    return await mergeRuns([...runs, run.sort(compare)], compare, () => this.#pause());
  }

  /** Whether the folder, or something below it, may be seen. */
  async #isSeen(folder: string, sight: Sight, looks: Looks): Promise<boolean> {
    if (sight.sees(folder)) return true;
    const prefix = `${folder}/`;
    let after = prefix;
    for (let looked = 0; looked < PATHS_LOOKED_AT_MAX; looked++) {
      await looks.count();
      const [path] = this.#slice.catalog.paths(after, 1);
      if (path?.startsWith(prefix) !== true) return false;
      if (sight.sees(path)) return true;
      const hidden = sight.hiddenFolderOf(path);
      after = hidden === undefined ? path : `${hidden}/\uffff`;
      if (after < path) after = path;
    }
    return false;
  }

  async #files(ask: Ask<'folder'>, sight: Sight): Promise<Files> {
    if (ask.sort !== 'name' || ask.descending) return await this.#byOrder(ask, sight);
    // All that lies in one folder is found at once: that is not to wait for who seeks through the whole mesh.
    if (ask.query === undefined && sight.all) return await this.#byName(ask, sight);
    return await this.#seeking.pass(() => this.#byName(ask, sight));
  }

  async #byName(ask: Ask<'folder'>, sight: Sight): Promise<Files> {
    const page = new Page(ask.limit);
    let next = ask.after.slice(1);
    let turns = 0;
    for await (const { paths, reached } of this.#turns(ask, next)) {
      for (const path of paths) {
        if (!sight.sees(path)) continue;
        if (!page.add(this.#entry(path))) return { entries: page.entries, more: true, next: `f${next}` };
        next = path;
      }
      // A place behind a hidden name would tell it: then it is gone on to the next that may be seen.
      if (sight.all) next = reached;
      if (++turns >= TURNS_A_PAGE && next !== ask.after.slice(1)) return { entries: page.entries, more: true, next: `f${next}` };
    }
    return { entries: page.entries, more: false, next: `f${next}` };
  }

  async #byOrder(ask: Ask<'folder'>, sight: Sight): Promise<Files> {
    const { paths } = await this.#order(ask, sight);
    const page = new Page(ask.limit);
    let at = Number.parseInt(ask.after.slice(1), 10) || 0;
    while (at < paths.length && page.add(this.#seen(paths[at] as FilePath, sight))) at++;
    return { entries: page.entries, more: at < paths.length, next: `o${at}` };
  }

  /** The one kept, for a later page also when files changed since: else rows would be left out. */
  async #order(ask: Ask<'folder'>, sight: Sight): Promise<Order> {
    const key = JSON.stringify([sight.name, ask.path, ask.sort, ask.descending, ask.query]);
    const kept = this.#orders.get(key);
    if (kept !== undefined && (ask.after !== '' || !(await kept).isOutdated)) return await kept;
    const oldest = this.#orders.keys().next().value;
    if (this.#orders.size >= ORDERS_MAX && oldest !== undefined) this.#orders.delete(oldest);
    const made = this.#sorting.pass(() => this.#sorted(ask, sight));
    this.#orders.delete(key);
    this.#orders.set(key, made);
    made.catch(() => {
      if (this.#orders.get(key) === made) this.#orders.delete(key);
    });
    return await made;
  }

  async #sorted(ask: Ask<'folder'>, sight: Sight): Promise<Order> {
    const direction = ask.descending ? -1 : 1;
    const by = ask.sort === 'name' ? () => 0 : (a: Row, b: Row) => a.by - b.by;
    const compare = (a: Row, b: Row) => direction * (by(a, b) || byCodeUnits(a.path, b.path));
    const runs: Row[][] = [];
    for await (const { paths } of this.#turns(ask, '')) {
      const rows: Row[] = [];
      for (const path of paths) {
        const [content] = (sight.sees(path) ? this.#slice.catalog.view(path)?.contents : undefined) ?? [];
        if (content !== undefined) rows.push({ path, by: ask.sort === 'size' ? content.size : content.modifiedMs });
      }
      runs.push(rows.sort(compare));
    }
    const rows = await mergeRuns(runs, compare, () => this.#pause());
    return { paths: rows.map(({ path }) => path), isOutdated: false };
  }

  /** The paths of the folder, or those that fit the query, after `after`, turn by turn; deleted ones among them. */
  async *#turns({ path: folder, query }: Ask<'folder'>, after: string): AsyncIterable<Turn> {
    const { catalog } = this.#slice;
    const walk = new FolderWalk(catalog, folder ?? '', query, after);
    for (;;) {
      const paths = walk.next(PATHS_A_TURN);
      yield { paths, reached: walk.reached };
      if (walk.isOver) return;
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return nextTurn(this.#slice.clock);
  }

  /** Rights may be others by now than when the order was drawn up. */
  #seen(path: FilePath, sight: Sight): Entry | undefined {
    return sight.sees(path) ? this.#entry(path) : undefined;
  }

  #entry(path: FilePath): Entry | undefined {
    const view = this.#slice.catalog.view(path);
    return view === undefined || view.contents.length === 0 ? undefined : this.#slice.entries.entry(view);
  }

  #outdate(): void {
    for (const order of this.#orders.values()) {
      order.then(
        (made) => {
          made.isOutdated = true;
        },
        () => undefined,
      );
    }
  }
}

/** Counts the paths looked at, and pauses where a turn has had enough of them. */
class Looks {
  readonly #pause: () => Promise<void>;
  #looked = 0;

  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  async count(): Promise<void> {
    if (++this.#looked % PATHS_A_TURN === 0) await this.#pause();
  }
}

/** The entries of one answer: bounded in number and in bytes. */
class Page {
  readonly entries: Entry[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False, and nothing added, when it is full. Nothing takes no room. */
  add(entry: Entry | undefined): boolean {
    if (entry === undefined) return true;
    this.#bytes += encodedBytes(entry);
    if (this.entries.length >= this.#limit || (this.#bytes > LIST_BYTES_MAX && this.entries.length > 0)) return false;
    this.entries.push(entry);
    return true;
  }
}
