import { byCodeUnits, type ContentHash, type FilePath, type PeerId, type RequestId } from './ids.ts';
import { baseName, COMPONENT_BYTES_MAX, folderOf, utf8Bytes } from './path.ts';
import { NO_RUNS, type RunMask, unionOf } from './striping.ts';
import { byVersionKey, type FileVersion, isSameVersion, type Tombstone, undominated, type Version } from './version.ts';

/** UTF-8 bytes of a label of `originLabels`: the name of a peer, of up to 64 UTF-16 units, and four digits of a hash. */
const LABEL_BYTES_MAX = 3 * 64 + 5;

/** What one peer has of one version on its disk, verified: all of it, a 64-bit mask of runs (16 hex digits), or none. */
export type Holding = 'all' | 'none' | { readonly mask: string };

/** One line of one peer's index. A peer holds at most one record per path and version. */
export interface IndexRecord {
  readonly path: FilePath;
  readonly version: Version;
  readonly holding: Holding;
}

/** An undominated version of a path with the peers whose indexes have it. */
export interface KnownVersion<V extends Version = Version> {
  readonly version: V;
  readonly holdings: ReadonlyMap<PeerId, Holding>;
}

/** Versions of equal content on one path are one: united for the reader, the lowest origin and the latest time shown. */
export interface Content {
  readonly hash: ContentHash;
  readonly size: number;
  /** The version of the lowest origin: its mode and origin are the ones shown. */
  readonly shown: FileVersion;
  readonly modifiedMs: number;
  readonly versions: readonly FileVersion[];
  /** Peers whose own index says `all` for one of the versions, in id order. */
  readonly holders: readonly PeerId[];
  /** Runs of the other peers that announced a mask for one of the versions, none of them too, in id order; absent: not striped. */
  readonly parts?: ReadonlyMap<PeerId, RunMask>;
}

/** All that follows from the catalog for one path. */
export interface PathView {
  readonly path: FilePath;
  /** Every undominated version, tombstones included. */
  readonly known: readonly KnownVersion[];
  /** The contents, lowest shown origin first; more than one is a conflict; none: deleted or never there. */
  readonly contents: readonly Content[];
  readonly tombstones: readonly Tombstone[];
}

/** What one index says of one version of a path. */
type Said = Omit<IndexRecord, 'path'> & { readonly peer: PeerId };

const NO_TOMBSTONES: readonly Tombstone[] = [];

/** Makes the view of one path from every record any index has for it. Pure: the same records in any order, the same view. */
export function viewOf(path: FilePath, records: readonly Said[]): PathView {
  const one = oneFileOf(records);
  if (one !== undefined) return viewOfOne(path, one, records);
  const byPeer = [...records].sort(comparePeers);
  // Who lies may tell another version under the key of one: everywhere the same of the two counts.
  const versions = undominated(byPeer.map((record) => record.version)).sort(byVersionKey);
  const known = versions.map((version) => {
    const holdings = new Map<PeerId, Holding>();
    for (const record of byPeer) if (isSameVersion(record.version, version)) holdings.set(record.peer, record.holding);
    return { version, holdings };
  });
  return {
    path,
    known,
    contents: contentsOf(known),
    tombstones: versions.filter((version) => version.kind === 'tombstone'),
  };
}

/** The version that all records are of, where none of them is of runs: so it is with nearly all paths, and each is looked at often. */
function oneFileOf(records: readonly Said[]): FileVersion | undefined {
  const version = records[0]?.version;
  if (version?.kind !== 'file') return undefined;
  return records.every((said) => said.version === version && typeof said.holding === 'string') ? version : undefined;
}

function viewOfOne(path: FilePath, version: FileVersion, records: readonly Said[]): PathView {
  const holdings = new Map<PeerId, Holding>();
  const holders: PeerId[] = [];
  for (const { peer, holding } of records.length === 1 ? records : records.toSorted(comparePeers)) {
    holdings.set(peer, holding);
    if (holding === 'all') holders.push(peer);
  }
  const { hash, size, modifiedMs } = version;
  const content: Content = { hash, size, shown: version, modifiedMs, versions: [version], holders };
  return { path, known: [{ version, holdings }], contents: [content], tombstones: NO_TOMBSTONES };
}

function comparePeers(a: Said, b: Said): number {
  return byCodeUnits(a.peer, b.peer);
}

function contentsOf(known: readonly KnownVersion[]): Content[] {
  const groups = new Map<ContentHash, KnownVersion<FileVersion>[]>();
  for (const one of known) {
    if (one.version.kind !== 'file') continue;
    const group = groups.get(one.version.hash) ?? [];
    group.push(one as KnownVersion<FileVersion>);
    groups.set(one.version.hash, group);
  }
  return [...groups.values()].map(contentOf).sort(byOrigin);
}

function contentOf(group: readonly KnownVersion<FileVersion>[]): Content {
  const versions = group.map((one) => one.version).sort((a, b) => byCodeUnits(a.origin, b.origin) || byVersionKey(a, b));
  const shown = versions[0] as FileVersion;
  const holders = new Set<PeerId>();
  for (const { holdings } of group) for (const [peer, holding] of holdings) if (holding === 'all') holders.add(peer);
  const parts = partsOf(group, holders);
  return {
    hash: shown.hash,
    size: shown.size,
    shown,
    modifiedMs: Math.max(...versions.map((version) => version.modifiedMs)),
    versions,
    holders: [...holders].sort(byCodeUnits),
    ...(parts && { parts }),
  };
}

function partsOf(group: readonly KnownVersion<FileVersion>[], holders: ReadonlySet<PeerId>): Content['parts'] {
  let parts: Map<PeerId, RunMask> | undefined;
  for (const { holdings } of group) {
    for (const [peer, holding] of holdings) {
      if (holding === 'all' || holding === 'none') continue;
      parts ??= new Map();
      if (!holders.has(peer)) parts.set(peer, unionOf(parts.get(peer) ?? NO_RUNS, holding.mask));
    }
  }
  return parts && new Map([...parts].sort(([a], [b]) => byCodeUnits(a, b)));
}

function byOrigin(a: Content, b: Content): number {
  return byCodeUnits(a.shown.origin, b.shown.origin) || byCodeUnits(a.hash, b.hash);
}

/** The undominated version a request made at this path, if any: a replay is answered with it. */
export function madeBy(view: PathView | undefined, request: RequestId): Version | undefined {
  return view?.known.find((one) => one.version.request === request || one.version.inherited.includes(request))?.version;
}

/**
 * The names of the contents of a conflict, in the order of `contents`: `name (origin).ext`; an origin that stands twice
 * adds four digits of the hash. The stem is cut so that the component fits. A path without conflict keeps its name.
 *
 * @param nameOf the shown name of a peer, the same on every peer.
 */
export function shownNames(view: PathView, nameOf: (peer: PeerId) => string): string[] {
  if (view.contents.length < 2) return view.contents.map(() => view.path);
  return originLabels(view, nameOf).map((label) => labelled(view.path, label));
}

/** `alpha`, or `alpha 3f2a` where one origin has two contents: the words `resolve --keep` takes. */
export function originLabels(view: PathView, nameOf: (peer: PeerId) => string): string[] {
  const origins = view.contents.map((content) => nameOf(content.shown.origin));
  return origins.map((origin, index) =>
    origins.indexOf(origin) === origins.lastIndexOf(origin) ? origin : `${origin} ${view.contents[index]?.hash.slice(0, 4)}`,
  );
}

/**
 * All that `shownNames` may put before ` (` in the names of a conflict at `path`, whatever the labels are: the folder and the stem,
 * longest first, and where a long label may need its room, what is left of it.
 */
export function stemsShown(path: string): string[] {
  const { folder, stem, extension } = partedName(path);
  const room = COMPONENT_BYTES_MAX - utf8Bytes(` ()${extension}`) - LABEL_BYTES_MAX;
  const left = [...stem];
  const stems = [folder + stem];
  while (left.length > 0 && utf8Bytes(left.join('')) > room) {
    left.pop();
    stems.push(folder + left.join(''));
  }
  return stems;
}

function labelled(path: string, label: string): string {
  const { folder, stem: whole, extension } = partedName(path);
  const tail = ` (${label})${extension}`;
  let stem = whole;
  while (utf8Bytes(stem + tail) > COMPONENT_BYTES_MAX && stem !== '') stem = [...stem].slice(0, -1).join('');
  return `${folder}${stem}${tail}`;
}

/** The folder with the `/` behind it, and the name before its extension and from its dot on. */
function partedName(path: string): { folder: string; stem: string; extension: string } {
  const folder = folderOf(path);
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 ? name.slice(dot) : '';
  return { folder: folder === '' ? '' : `${folder}/`, stem: extension === '' ? name : name.slice(0, dot), extension };
}
