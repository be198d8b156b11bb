import {
  byCodeUnits,
  type ContentHash,
  type FilePath,
  type PeerId,
  type RequestId,
  type VersionKey,
  type WriterId,
} from './ids.ts';

/** Entries a vector may carry; above it the oldest that no version of the path has as its own is dropped. Range 8–1,024. */
export const VECTOR_ENTRIES_MAX = 64;
/** Entries that one may carry at all, and that others take: more versions beside each other than honest peers make are not all covered. */
export const VECTOR_ENTRIES_LIMIT = 2 * VECTOR_ENTRIES_MAX;
/** Request ids a version inherits from its base: replays older than that many changes of one name are new changes. */
export const INHERITED_REQUESTS_MAX = 15;
/** Contents one tombstone may bury: more siblings than peers cannot be, and a mesh is ≤ 50 peers. */
export const BURIED_MAX = 64;
/** The last moment a Date can tell, in wall ms; minus that is the first. */
export const WALL_MS_MAX = 8.64e15;

/** One step of one writer. */
export interface Entry {
  readonly writer: WriterId;
  /** The index sequence at which the writer's peer recorded it: 1…2^53−1. */
  readonly counter: number;
}

/**
 * What a version has seen (Parker et al. 1983, with dots after Preguiça et al. 2010). Oldest entry first; at most one
 * entry a writer; at most VECTOR_ENTRIES_MAX entries, and those above that are versions' own.
 */
export type VersionVector = readonly Entry[];

/** `{scheme, hash}`: which chunking, and the hash of the ordered chunk hashes. A function of content and size alone. */
export interface ManifestId {
  readonly scheme: number;
  readonly hash: ContentHash;
}

interface Descent {
  /** The entry that the making of this version added; it names the version below its path. */
  readonly own: Entry;
  /** Includes `own`. */
  readonly vector: VersionVector;
  /** The request that made it; absent for a change seen in a folder. */
  readonly request?: RequestId;
  /** Request ids of its base, newest first, at most INHERITED_REQUESTS_MAX. */
  readonly inherited: readonly RequestId[];
  /** The peer whose index had it first. */
  readonly origin: PeerId;
  /** Wall time of the making at the origin, in ms. For people only: never compared for order. */
  readonly modifiedMs: number;
}

/** One content of one path. */
export interface FileVersion extends Descent {
  readonly kind: 'file';
  readonly hash: ContentHash;
  /** Bytes. */
  readonly size: number;
  /** Permission bits of the file at its origin (0o777 mask). */
  readonly mode: number;
  readonly manifest: ManifestId;
  /** Found by the first scan of a new store in a folder already marked: older than whatever knows that content. */
  readonly found: boolean;
}

/** The version that says "deleted". It keeps what it buried and, for a rename, where that went. */
export interface Tombstone extends Descent {
  readonly kind: 'tombstone';
  readonly buried: readonly ContentHash[];
  readonly renamedTo?: FilePath;
}

export type Version = FileVersion | Tombstone;

export function versionKey(version: Version): VersionKey {
  return entryKey(version.own);
}

export function entryKey(entry: Entry): VersionKey {
  return `${entry.writer}:${entry.counter}` as VersionKey;
}

/** The counter `vector` has for `writer`, 0 when none. */
export function counterOf(vector: VersionVector, writer: WriterId): number {
  for (const entry of vector) if (entry.writer === writer) return entry.counter;
  return 0;
}

/** True when `vector` has seen `entry`. */
export function covers(vector: VersionVector, entry: Entry): boolean {
  return counterOf(vector, entry.writer) >= entry.counter;
}

/** True when one of these versions has seen the one of that key: it has left the indexes, and is not on its way. */
export function isReplaced(key: VersionKey, known: Iterable<Version>): boolean {
  const [writer, counter] = key.split(':');
  for (const { vector } of known) if (counterOf(vector, writer as WriterId) >= Number(counter)) return true;
  return false;
}

export function isSameVersion(a: Version, b: Version): boolean {
  return a.own.counter === b.own.counter && a.own.writer === b.own.writer;
}

/**
 * True when `b` replaces `a`. Three proofs of descent, each enough: b's vector covers a's own entry; b inherits the
 * request that made a (a replay made a twice); a was found, and b has or buries that content. Never true for a = b,
 * never both ways. Neither way: concurrent.
 */
export function isBefore(a: Version, b: Version): boolean {
  if (isSameVersion(a, b)) return false;
  const isCovered = covers(b.vector, a.own);
  const covered = covers(a.vector, b.own);
  // Both ways: somebody's vectors lie. Then one of them stays, the same one everywhere.
  if (isCovered || covered) return isCovered && (!covered || byVersionKey(a, b) < 0);
  return isKnownTo(a, b) && (!isKnownTo(b, a) || byVersionKey(a, b) < 0);
}

/** The proofs of descent beside the vectors. */
function isKnownTo(a: Version, b: Version): boolean {
  if (a.request !== undefined && b.inherited.includes(a.request)) return true;
  return a.kind === 'file' && a.found && knowsContent(b, a.hash);
}

function knowsContent(version: Version, hash: ContentHash): boolean {
  if (version.kind === 'tombstone') return version.buried.includes(hash);
  return !version.found && version.hash === hash;
}

/** The versions that no other of them replaces, each once, in the order given. */
export function undominated(versions: readonly Version[]): Version[] {
  // As nearly all paths have it: one version, told by each of its holders.
  if (versions.every((version) => version === versions[0])) return versions.slice(0, 1);
  const kept: Version[] = [];
  for (const version of versions) {
    if (kept.some((other) => isSameVersion(other, version))) continue;
    if (versions.some((other) => isBefore(version, other))) continue;
    kept.push(version);
  }
  return kept;
}

/** What is known of a version before it has its own entry. */
export type Draft = Omit<FileVersion, 'own' | 'vector' | 'inherited'> | Omit<Tombstone, 'own' | 'vector' | 'inherited'>;

/**
 * Makes the version that follows `base` (its vector joins theirs and adds `own`).
 *
 * @param known every version of the path in the catalog: entries that are somebody's own are never dropped.
 */
export function makeVersion(draft: Draft, base: readonly Version[], own: Entry, known: readonly Version[]): Version {
  const vector = trimmed([...joined(base).filter((entry) => entry.writer !== own.writer), own], base, known);
  const whole = draft.kind === 'file' ? draft : { ...draft, buried: allBuried(draft.buried, base, known) };
  return { ...whole, own, vector, inherited: inheritedRequests(base) };
}

/** Earlier contents too: a peer that lost its store may still have one of them, and finds it without its descent. */
function allBuried(buried: readonly ContentHash[], base: readonly Version[], known: readonly Version[]): ContentHash[] {
  const all = new Set(buried);
  for (const version of known) {
    if (all.size >= BURIED_MAX) break;
    if (version.kind === 'file' && base.some((one) => isBefore(version, one))) all.add(version.hash);
  }
  return [...all];
}

/**
 * True when a version of this path that descends from `base` may be numbered `own`: the base must have seen the newest
 * entry any version of the path has of this writer, or a larger counter would be taken for descent. And that entry must be
 * below: a peer that lies may have put any counter of this writer into a vector, which would cover what is made now.
 */
export function mayWrite({ writer, counter }: Entry, base: readonly Version[], known: readonly Version[]): boolean {
  const newest = Math.max(0, ...known.map((version) => counterOf(version.vector, writer)));
  const seen = Math.max(0, ...base.map((version) => counterOf(version.vector, writer)));
  return seen >= newest && newest < counter;
}

function joined(base: readonly Version[]): Entry[] {
  const newest = new Map<WriterId, number>();
  for (const { vector } of base) {
    for (const { writer, counter } of vector) newest.set(writer, Math.max(counter, newest.get(writer) ?? 0));
  }
  return [...newest].map(([writer, counter]) => ({ writer, counter }));
}

/** The last entry is the own one. */
function trimmed(vector: Entry[], base: readonly Version[], known: readonly Version[]): Entry[] {
  const surplus = vector.length - VECTOR_ENTRIES_MAX;
  if (surplus <= 0) return vector;
  const owned = new Set(known.map((version) => version.own.writer));
  const droppable = vector.slice(0, -1).filter((entry) => !owned.has(entry.writer));
  const dropped = new Set(droppable.slice(0, surplus));
  const left = vector.filter((entry) => !dropped.has(entry));
  if (left.length <= VECTOR_ENTRIES_LIMIT) return left;
  // With more nobody would take it, nor what its maker tells after it. What it was made from first stays covered; of the rest the
  // oldest is given up, and what had that entry stays beside it.
  const first = new Set(base.slice(0, VECTOR_ENTRIES_LIMIT - 1).map((version) => version.own.writer));
  const others = left.slice(0, -1).filter((entry) => !first.has(entry.writer));
  const givenUp = new Set(others.slice(0, left.length - VECTOR_ENTRIES_LIMIT));
  return left.filter((entry) => !givenUp.has(entry));
}

function inheritedRequests(base: readonly Version[]): RequestId[] {
  const ids = new Set<RequestId>();
  for (const version of base) if (version.request !== undefined) ids.add(version.request);
  for (const version of base) for (const id of version.inherited) ids.add(id);
  return [...ids].slice(0, INHERITED_REQUESTS_MAX);
}

/** Sorts versions the same way on every peer. */
export function byVersionKey(a: Version, b: Version): number {
  return byCodeUnits(a.own.writer, b.own.writer) || a.own.counter - b.own.counter;
}

/** A file's mtime in whole ms as a version may tell it: some file systems keep times that no Date can be. */
export function modifiedMsOf(mtimeMs: number): number {
  return Math.max(-WALL_MS_MAX, Math.min(WALL_MS_MAX, Math.floor(mtimeMs)));
}
