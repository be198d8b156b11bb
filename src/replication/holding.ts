import type { Catalog } from '../catalog/catalog.ts';
import type { FilePath } from '../core/ids.ts';
import type { Content, IndexRecord, PathView } from '../core/namespace.ts';
import { dutyOf } from '../core/repair.ts';
import { type FileVersion, isSameVersion, type Version } from '../core/version.ts';
import type { Folder } from '../folder/folder.ts';
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

  /** Does every duty that stands now. Rejects with `busy` when the folder has a change of its own there: come again. */
  async attend(path: FilePath): Promise<void> {
    const { catalog, folder } = this.#slice;
    const view = catalog.view(path);
    if (view === undefined) return;
    for (const record of catalog.own(path)) await this.#discharge(record, view);
    // A record that dominates another took its place in the index: what that one stood for may still lie here.
    await folder.arrange(path);
    for (const { hash, holders, shown } of catalog.view(path)?.contents ?? []) {
      if (!holders.includes(catalog.self) && folder.holds(path, hash)) await folder.keepFromHere(path, shown);
    }
  }

  async #discharge(record: IndexRecord, view: PathView): Promise<void> {
    const { folder, wanted } = this.#slice;
    const { path, version } = record;
    const duty = dutyOf(record, view, (content) => this.#liveCopies(content), wanted());
    if (duty.kind === 'carry') {
      await this.#carry(path, duty.by);
    } else if (duty.kind === 'adopt') {
      await folder.keepFromHere(path, duty.version);
    } else if (duty.kind === 'let-go' && version.kind === 'file') {
      if (duty.renamedTo !== undefined) await this.#keepUnderNewName(version, duty.renamedTo);
      await this.#letGo(path, version, duty.by);
    }
  }

  /** A holder of renamed bytes commits them under the new name before it obeys: the bytes never travel. */
  async #keepUnderNewName(version: FileVersion, path: FilePath): Promise<void> {
    const { catalog, folder } = this.#slice;
    const content = catalog.view(path)?.contents.find((one) => one.hash === version.hash);
    if (content !== undefined && !content.holders.includes(catalog.self)) await folder.keepFromHere(path, content.shown);
  }

  async #letGo(path: FilePath, version: FileVersion, by: Version): Promise<void> {
    const { folder } = this.#slice;
    if (folder.holds(path, version.hash)) await folder.letGo(path, version.hash, by);
    else await this.#carry(path, by);
  }

  /** Takes the dominating version into the own index, unless it is there already: what is held of it must not be denied. */
  async #carry(path: FilePath, by: Version): Promise<void> {
    await this.#slice.catalog.change([path], (transaction) => {
      const isThere = transaction.own(path).some((record) => isSameVersion(record.version, by));
      if (!isThere) transaction.put({ path, version: by, holding: 'none' });
    });
  }

  #liveCopies(content: Content): number {
    return content.holders.filter((peer) => this.#slice.standings.of(peer) === 'live').length;
  }
}
