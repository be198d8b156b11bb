import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, PeerId, VersionKey } from '../core/ids.ts';
import { type Content, originLabels, type PathView, shownNames } from '../core/namespace.ts';
import { assertStorable, checkPath } from '../core/path.ts';
import { isReplaced, isSameVersion, type Version, versionKey } from '../core/version.ts';
import { type Ask, type Change, ENTRY_BASE_MAX } from '../wire/calls.ts';
import type { Wish } from './claiming.ts';

/** One thing to be done once the names are granted; what needs bytes gets them then. */
export type PlannedStep =
  | { readonly kind: 'put-upload'; readonly path: FilePath; readonly base: readonly Version[] }
  | {
      readonly kind: 'put-content';
      readonly path: FilePath;
      readonly base: readonly Version[];
      readonly from: FilePath;
      readonly content: Content;
    }
  | { readonly kind: 'put-old'; readonly path: FilePath; readonly base: readonly Version[]; readonly copy: string }
  | { readonly kind: 'bury'; readonly path: FilePath; readonly base: readonly Version[]; readonly renamedTo?: FilePath };

/** What a change comes to: names to be claimed, and one step a version made. */
export interface Plan {
  readonly wishes: readonly Wish[];
  readonly steps: readonly PlannedStep[];
  /** Contents of which the maker should be a holder: without one it names who is. */
  readonly needs: readonly { readonly path: FilePath; readonly hash: ContentHash }[];
}

/** Turns what a client asks into a plan, against the namespace as known here. Throws what the client must be told. */
export class Planner {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  plan(ask: Ask<'change'>): Plan {
    const { change } = ask;
    if (change.kind === 'create' || change.kind === 'put' || change.kind === 'restore') assertStorable(change.path);
    if (change.kind === 'rename') assertStorable(change.to);
    if (change.kind === 'create') return this.#create(change.path);
    // What the client saw comes first: a peer that has not read of it cannot judge the rest.
    this.#refuseOvertaken(change.path, this.#versions(change.path, ask.base));
    if (change.kind === 'put') return this.#put(change.path, ask.base);
    if (change.kind === 'delete') return this.#delete(change.path, ask.base);
    if (change.kind === 'rename') return this.#rename(change, ask.base);
    if (change.kind === 'restore') return this.#restore(change, ask.base);
    return change.kind === 'resolve' ? this.#resolve(change, ask.base) : this.#resolveBoth(change.path, ask.base);
  }

  #create(path: FilePath): Plan {
    const base = this.#graves(path);
    return {
      wishes: [{ path, base: base.map(versionKey), fresh: true, isNew: true }],
      steps: [{ kind: 'put-upload', path, base }],
      needs: [],
    };
  }

  #put(path: FilePath, keys: readonly VersionKey[]): Plan {
    this.#refuseConflict(path);
    const base = this.#versions(path, keys);
    const fresh = base.every((version) => version.kind === 'tombstone');
    return { wishes: [{ path, base: keys, fresh }], steps: [{ kind: 'put-upload', path, base }], needs: [] };
  }

  #delete(path: FilePath, keys: readonly VersionKey[]): Plan {
    this.#existing(path);
    const base = this.#versions(path, keys);
    return { wishes: [{ path, base: keys, fresh: false }], steps: [{ kind: 'bury', path, base }], needs: [] };
  }

  #rename({ path, to }: Extract<Change, { kind: 'rename' }>, keys: readonly VersionKey[]): Plan {
    const content = this.#onlyContent(path);
    if (path === to) throw new MeshError('exists', `${to} exists already`);
    const target = this.#graves(to);
    return {
      wishes: [
        { path, base: keys, fresh: false },
        { path: to, base: target.map(versionKey), fresh: true, isNew: true, except: path },
      ],
      steps: [
        { kind: 'put-content', path: to, base: target, from: path, content },
        { kind: 'bury', path, base: this.#versions(path, keys), renamedTo: to },
      ],
      needs: [{ path, hash: content.hash }],
    };
  }

  #resolve({ path, keep }: Extract<Change, { kind: 'resolve' }>, keys: readonly VersionKey[]): Plan {
    const view = this.#conflict(path);
    const labels = originLabels(view, (peer: PeerId) => this.#catalog.shownName(peer));
    const content = view.contents[labels.indexOf(keep)];
    if (content === undefined)
      throw new MeshError('usage', `${path} has no version of ${keep}: choose one of ${labels.join(', ')}`);
    return {
      wishes: [{ path, base: keys, fresh: false }],
      steps: [{ kind: 'put-content', path, base: this.#versions(path, keys), from: path, content }],
      needs: [{ path, hash: content.hash }],
    };
  }

  /** Each content becomes a file under its shown name; the name they shared is buried. */
  #resolveBoth(path: FilePath, keys: readonly VersionKey[]): Plan {
    const view = this.#conflict(path);
    const names = shownNames(view, (peer: PeerId) => this.#catalog.shownName(peer)).map(checkPath);
    const tombstones = names.map((name) => this.#graves(name));
    return {
      wishes: [
        { path, base: keys, fresh: false },
        ...names.map((name, index) => {
          return { path: name, base: (tombstones[index] ?? []).map(versionKey), fresh: true, isNew: true };
        }),
      ],
      steps: [
        ...names.map((name, index) => {
          const content = view.contents[index] as Content;
          return { kind: 'put-content' as const, path: name, base: tombstones[index] ?? [], from: path, content };
        }),
        { kind: 'bury', path, base: this.#versions(path, keys) },
      ],
      needs: [],
    };
  }

  #restore({ path, copy }: Extract<Change, { kind: 'restore' }>, keys: readonly VersionKey[]): Plan {
    this.#refuseConflict(path);
    const base = this.#versions(path, keys);
    const fresh = base.every((version) => version.kind === 'tombstone');
    return { wishes: [{ path, base: keys, fresh }], steps: [{ kind: 'put-old', path, base, copy }], needs: [] };
  }

  #existing(path: FilePath): PathView {
    const view = this.#catalog.view(path);
    if (view === undefined || view.contents.length === 0) throw new MeshError('not-found', `there is no ${path}`);
    return view;
  }

  #onlyContent(path: FilePath): Content {
    const view = this.#existing(path);
    this.#refuseConflict(path);
    return view.contents[0] as Content;
  }

  #conflict(path: FilePath): PathView {
    const view = this.#existing(path);
    if (view.contents.length < 2) throw new MeshError('usage', `${path} is in no conflict: there is nothing to resolve`);
    return view;
  }

  #refuseConflict(path: FilePath): void {
    if ((this.#catalog.view(path)?.contents.length ?? 0) < 2) return;
    throw new MeshError('conflict', `${path} has several versions: end that with resolve first`);
  }

  /** What a name that is free is made from: as many of its tombstones as a claim tells. */
  #graves(path: FilePath): readonly Version[] {
    return (this.#catalog.view(path)?.tombstones ?? []).slice(0, ENTRY_BASE_MAX);
  }

  /** The owner asks the same; but this peer may have read what the owner has not. */
  #refuseOvertaken(path: FilePath, base: readonly Version[]): void {
    const isNew = base.every((version) => version.kind === 'tombstone');
    // Of more versions than an entry tells nobody could have seen all.
    const told = (this.#catalog.view(path)?.known ?? []).slice(0, ENTRY_BASE_MAX);
    const unseen = told.filter(
      ({ version }) => !base.some((one) => isSameVersion(one, version)) && !(isNew && version.kind === 'tombstone'),
    );
    if (unseen.length > 0) throw new MeshError('overtaken', `${path} was changed meanwhile`);
  }

  /** Versions by their keys. A key not known here yet: its record is on its way. */
  #versions(path: FilePath, keys: readonly VersionKey[]): Version[] {
    const known = new Map(this.#catalog.records(path).map((record) => [versionKey(record.version), record.version] as const));
    return keys.map((key) => {
      const version = known.get(key);
      if (version === undefined && isReplaced(key, known.values()))
        throw new MeshError('overtaken', `${path} was changed meanwhile`);
      if (version === undefined) throw new MeshError('busy', `the version of ${path} you saw is not known here yet`);
      return version;
    });
  }
}
