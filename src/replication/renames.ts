import type { Catalog } from '../catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';

/** Renames remembered: each is needed only until its target has its copies. */
const RENAMES_MAX = 10_000;

/** Renames in a row that are followed. */
const ROW_MAX = 100;

const NOBODY: ReadonlySet<PeerId> = new Set();
const NOTHING: readonly FilePath[] = [];

/** What a content that was `path` is called now: it may have been renamed on and on before this peer heard of it. */
export function lastNameOf(catalog: Pick<Catalog, 'view'>, path: FilePath, hash: ContentHash): FilePath {
  const names = new Set<FilePath>();
  let name = path;
  while (!names.has(name) && names.size < ROW_MAX) {
    names.add(name);
    const view = catalog.view(name);
    if (view === undefined || view.contents.some((one) => one.hash === hash)) break;
    name = view.tombstones.find(({ buried }) => buried.includes(hash))?.renamedTo ?? name;
  }
  return name;
}

/** Where a name came from: holders of the old name already have the bytes of the new one. */
export class Renames {
  readonly #catalog: Catalog;
  readonly #sources = new Map<FilePath, FilePath>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Takes note of the renames a path's tombstones tell; returns their targets. */
  note(path: FilePath): readonly FilePath[] {
    const tombstones = this.#catalog.view(path)?.tombstones ?? [];
    if (tombstones.length === 0) return NOTHING;
    const targets: FilePath[] = [];
    for (const tombstone of tombstones) {
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
  holdersOfSource(target: FilePath, hash: ContentHash): ReadonlySet<PeerId> {
    const source = this.#sources.get(target);
    if (source === undefined) return NOBODY;
    const records = this.#catalog.records(source);
    return new Set(
      records
        .filter(({ version, holding }) => holding === 'all' && version.kind === 'file' && version.hash === hash)
        .map((record) => record.peer),
    );
  }
}
