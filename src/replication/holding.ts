import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { Content, IndexRecord, PathView } from '../core/namespace.ts';
import { type Duty, dutyOf } from '../core/repair.ts';
import { copiesOf, NO_RUNS } from '../core/striping.ts';
import { type FileVersion, isBefore, isSameVersion, type Version } from '../core/version.ts';
import type { Folder } from '../folder/folder.ts';
import { lastNameOf } from './renames.ts';
import type { Standings } from './standings.ts';

interface Slice {
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly standings: Standings;
  readonly wanted: () => number;
}

/** The holder's side: what this peer does about its own records of a path when the path's view has changed. */
export class Holding {
  readonly #slice: Slice;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** False: `attend` has nothing to do. So it is with most paths, however often they are looked at. */
  owes(path: FilePath): boolean {
    const { catalog, folder } = this.#slice;
    const view = catalog.view(path);
    if (view === undefined) return false;
    if (catalog.own(path).some((record) => this.#dutyOf(record, view).kind !== 'keep') || !folder.isArranged(path)) return true;
    return view.contents.some((content) => this.#owesCopy(path, content) || this.#owesRuns(path, content));
  }

  /** Does every duty that stands now. Rejects with `busy` when the folder has a change of its own there: come again. */
  async attend(path: FilePath): Promise<void> {
    const { catalog, folder } = this.#slice;
    const view = catalog.view(path);
    if (view === undefined) return;
    for (const record of catalog.own(path)) await this.#discharge(record, view);
    // A record that dominates another took its place in the index: what that one stood for may still lie here.
    await folder.arrange(path);
    for (const content of catalog.view(path)?.contents ?? []) {
      if (this.#owesCopy(path, content)) await folder.keepFromHere(path, content.shown);
      if (this.#owesRuns(path, content)) await this.#attendRuns(path, content);
    }
  }

  /** It lies here, and the own index does not say so. */
  #owesCopy(path: FilePath, { hash, holders }: Content): boolean {
    return !holders.includes(this.#slice.catalog.self) && this.#slice.folder.holds(path, hash);
  }

  #owesRuns(path: FilePath, content: Content): boolean {
    const { hash, holders, parts } = content;
    if (holders.includes(this.#slice.catalog.self)) return this.#slice.folder.runs.heldFor(path, hash) !== undefined;
    return parts !== undefined && (this.#liveCopies(content) === 0 || this.#hasNewRuns(content));
  }

  /** Runs that lie here are announced for every content that is striped, and given up where all of it lies here. */
  async #attendRuns(path: FilePath, content: Content): Promise<void> {
    const { catalog, folder } = this.#slice;
    const { hash, holders, shown } = content;
    if (holders.includes(catalog.self)) return await folder.runs.letGo(path, hash);
    // All of it may lie here under another name, or set aside.
    if (this.#liveCopies(content) === 0 && (await folder.keepFromHere(path, shown))) return;
    if (this.#hasNewRuns(content)) await folder.runs.adopt(path, shown);
  }

  /** What nobody lacks is not told: it would be one copy more, each time another name of the content gets runs. */
  #hasNewRuns(content: Content): boolean {
    const { catalog, folder, wanted } = this.#slice;
    const { hash, parts, shown } = content;
    const lying = folder.runs.lying(hash, shown.manifest.hash);
    const isNews = lying !== NO_RUNS && lying !== parts?.get(catalog.self);
    return isNews && this.#liveCopies(content) < wanted();
  }

  #dutyOf(record: IndexRecord, view: PathView): Duty {
    return dutyOf(record, view, (content) => this.#liveCopies(content), this.#slice.wanted());
  }

  async #discharge(record: IndexRecord, view: PathView): Promise<void> {
    const { folder } = this.#slice;
    const { path, version } = record;
    const duty = this.#dutyOf(record, view);
    if (duty.kind === 'carry') {
      await this.#carry(path, duty.by);
    } else if (duty.kind === 'adopt') {
      await (record.holding === 'all' ? folder.keepFromHere(path, duty.version) : folder.runs.adopt(path, duty.version));
    } else if (duty.kind === 'let-go' && version.kind === 'file') {
      const { by } = duty;
      const renamedTo = duty.renamedTo && lastNameOf(this.#slice.catalog, duty.renamedTo, version.hash);
      if (renamedTo !== undefined && (await this.#follow(path, version, renamedTo, by))) return;
      const isKept = renamedTo === undefined || (await this.#keepUnderNewName(path, version, renamedTo));
      await this.#letGo(path, version, by);
      // What stood in its way is gone now, and its bytes lie in the trash.
      if (!isKept) await this.#keepUnderNewName(path, version, renamedTo);
    }
  }

  /** Whoever has all of what was renamed moves its file: nothing is copied, nothing travels. False when that cannot be. */
  async #follow(from: FilePath, { hash }: FileVersion, path: FilePath, by: Version): Promise<boolean> {
    const { catalog, folder } = this.#slice;
    const content = catalog.view(path)?.contents.find((one) => one.hash === hash);
    if (content === undefined || !folder.holds(from, hash) || folder.holds(path, hash)) return false;
    return await folder.renaming.follow(from, path, content.shown, by);
  }

  /**
   * A holder of renamed bytes commits them under the new name before it obeys: the bytes never travel. False when it
   * cannot and may obey all the same.
   */
  async #keepUnderNewName(from: FilePath, version: FileVersion, path: FilePath): Promise<boolean> {
    const { catalog, folder, wanted } = this.#slice;
    const content = catalog.view(path)?.contents.find((one) => one.hash === version.hash);
    if (content === undefined || content.holders.includes(catalog.self)) return true;
    // Who has all of it renamed it: then it is striped under the new name once somebody says so.
    const isStriped = content.parts !== undefined || folder.runs.heldFor(from, version.hash) !== undefined;
    if (isStriped && folder.runs.lying(version.hash, version.manifest.hash) !== NO_RUNS) {
      await folder.runs.adopt(path, content.shown);
      return true;
    }
    try {
      await folder.keepFromHere(path, content.shown);
      return true;
    } catch (error) {
      const { code } = asMeshError(error);
      // The old name may be what stands in its way (`a` became `a/b`).
      const isInItsWay = code === 'bad-place';
      // No room for both: these bytes go when the others have theirs.
      const isKeptElsewhere = code === 'full' && this.#liveCopies(content) >= wanted();
      if (!isInItsWay && !isKeptElsewhere) throw error;
      return false;
    }
  }

  async #letGo(path: FilePath, version: FileVersion, by: Version): Promise<void> {
    const { folder } = this.#slice;
    const isHere = folder.holds(path, version.hash) || folder.runs.heldFor(path, version.hash) !== undefined;
    if (isHere) await folder.letGo(path, version.hash, by);
    else await this.#carry(path, by, version);
  }

  /**
   * Takes the dominating version into the own index, unless it is there already: what is held of it must not be denied.
   * `gone`: what it takes the place of, though recorded as held.
   */
  async #carry(path: FilePath, by: Version, gone?: FileVersion): Promise<void> {
    await this.#slice.catalog.change([path], (transaction) => {
      // What is still held, and is replaced by `by` too, has its own time: its record would go with this one.
      const stays = ({ version, holding }: IndexRecord) =>
        holding !== 'none' && isBefore(version, by) && !(gone !== undefined && isSameVersion(version, gone));
      const isThere = transaction.own(path).some((record) => isSameVersion(record.version, by) || stays(record));
      if (!isThere) transaction.put({ path, version: by, holding: 'none' });
    });
  }

  #liveCopies(content: Content): number {
    return copiesOf(content, (peer) => this.#slice.standings.of(peer) === 'live');
  }
}
