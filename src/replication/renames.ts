import type { Catalog } from '../catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';

/** Renames remembered: each is needed only until its target has its copies. */
const RENAMES_MAX = 10_000;

/** Where a name came from: holders of the old name already have the bytes of the new one. */
export class Renames {
  readonly #catalog: Catalog;
  readonly #sources = new Map<FilePath, FilePath>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Takes note of the renames a path's tombstones tell; returns their targets. */
  note(path: FilePath): FilePath[] {
    const targets: FilePath[] = [];
    for (const tombstone of this.#catalog.view(path)?.tombstones ?? []) {
      if (tombstone.renamedTo === undefined) continue;
      this.#sources.delete(tombstone.renamedTo);
      this.#sources.set(tombstone.renamedTo, path);
      targets.push(tombstone.renamedTo);
    }
    const oldest = this.#sources.size > RENAMES_MAX ? this.#sources.keys().next().value : undefined;
    if (oldest !== undefined) this.#sources.delete(oldest);
    return targets;
  }

  /** Peers that still announce these bytes under the name that `target` had before. */
  holdersOfSource(target: FilePath, hash: ContentHash): Set<PeerId> {
    const source = this.#sources.get(target);
    if (source === undefined) return new Set();
    const records = this.#catalog.records(source);
    return new Set(
      records
        .filter(({ version, holding }) => holding === 'all' && version.kind === 'file' && version.hash === hash)
        .map((record) => record.peer),
    );
  }
}
