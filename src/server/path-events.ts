import type { Catalog } from '../catalog/catalog.ts';
import { Lately } from '../catalog/lately.ts';
import type { FilePath } from '../core/ids.ts';
import type { PathView } from '../core/namespace.ts';
import { copiesOf } from '../core/striping.ts';

/** What became of a path. */
export interface PathEvent {
  readonly event: 'stored' | 'replicated' | 'deleted' | 'conflict';
  readonly path: FilePath;
  /** BLAKE3 of the content. */
  readonly version?: string;
}

/** Paths whose last told state is remembered: what is older may be told again when it changes. */
const TOLD_MAX = 10_000;

/** Turns changes of the catalog into events, each told once. */
export class PathEvents {
  readonly #catalog: Catalog;
  readonly #tell: (event: PathEvent) => void;
  readonly #told = new Lately<FilePath, readonly PathEvent[]>(TOLD_MAX);

  constructor(catalog: Catalog, tell: (event: PathEvent) => void) {
    this.#catalog = catalog;
    this.#tell = tell;
    catalog.onPaths((paths) => {
      for (const path of paths) this.#look(path);
    });
  }

  #look(path: FilePath): void {
    const view = this.#catalog.view(path);
    if (view === undefined) return;
    const before = this.#told.get(path);
    const now = this.#eventsOf(view);
    for (const event of now) if (before?.some((one) => isSame(one, event)) !== true) this.#tell(event);
    this.#told.set(path, now);
  }

  #eventsOf(view: PathView): PathEvent[] {
    const { path, contents, tombstones } = view;
    if (contents.length === 0) return tombstones.length > 0 ? [{ event: 'deleted', path }] : [];
    const wanted = this.#catalog.wantedCopies();
    const events: PathEvent[] = contents.length > 1 ? [{ event: 'conflict', path }] : [];
    for (const content of contents) {
      const { hash: version, holders } = content;
      if (holders.includes(this.#catalog.self)) events.push({ event: 'stored', path, version });
      const copies = copiesOf(content, (peer) => this.#catalog.peers.isServing(peer));
      if (copies >= wanted) events.push({ event: 'replicated', path, version });
    }
    return events;
  }
}

/** Of one path. */
function isSame(a: PathEvent, b: PathEvent): boolean {
  return a.event === b.event && a.version === b.version;
}
