import type { ContentHash } from '../core/ids.ts';
import type { IndexRecord, PathView } from '../core/namespace.ts';
import { BURIED_MAX, type FileVersion, isBefore, isSameVersion, type Tombstone, type Version } from '../core/version.ts';

/** What a content found in the folder is to the mesh: one it knows, or a new version of `base`. */
export type Finding =
  | { readonly kind: 'known'; readonly versions: readonly FileVersion[] }
  | { readonly kind: 'new'; readonly base: readonly Version[] };

/**
 * What to record for a content found at a path.
 *
 * @param held versions of what this peer had there until now; empty when it had nothing.
 * @param own own records of the path.
 */
export function findingOf(
  view: PathView | undefined,
  hash: ContentHash,
  held: readonly FileVersion[],
  own: readonly IndexRecord[],
): Finding {
  const same = view?.contents.find((content) => content.hash === hash)?.versions ?? [];
  if (same.length > 0 && isCovered(held, same)) return { kind: 'known', versions: same };
  if (held.length > 0) return { kind: 'new', base: united([...baseOfHeld(view, held), ...same]) };
  const buried = own.map((record) => record.version).filter((version) => version.kind === 'tombstone');
  return { kind: 'new', base: buried };
}

/**
 * What a change to a held content descends from: all versions of that content known here, and the tombstones beside
 * them; a tombstone that buries the content is no part of it, for an edit survives a delete it did not know.
 */
export function baseOfHeld(view: PathView | undefined, held: readonly FileVersion[]): Version[] {
  const hashes = new Set(held.map((version) => version.hash));
  const equal = (view?.contents ?? []).filter((content) => hashes.has(content.hash)).flatMap((content) => content.versions);
  const contents = united([...held, ...equal]);
  const beside = (view?.tombstones ?? []).filter((tombstone) => !contents.some((version) => isBefore(version, tombstone)));
  return [...contents, ...beside];
}

/** True when each of `versions` is in `base` or replaced by one of it. */
export function isCovered(versions: readonly Version[], base: readonly Version[]): boolean {
  return versions.every((version) => base.some((one) => isSameVersion(version, one) || isBefore(version, one)));
}

/** True while the mesh still counts this content of the path as current. */
export function isCurrent(view: PathView | undefined, hash: ContentHash): boolean {
  return view?.contents.some((content) => content.hash === hash) === true;
}

/** A version that replaces one of `versions`, of those undominated; what is to be recorded as `none` by who lets go. */
export function replacerOf(view: PathView | undefined, versions: readonly Version[]): Version | undefined {
  return view?.known.find((one) => versions.some((version) => isBefore(version, one.version)))?.version;
}

/** Contents a tombstone over `base` buries. */
export function buriedBy(base: readonly Version[]): Tombstone['buried'] {
  const hashes = base.filter((version) => version.kind === 'file').map((version) => version.hash);
  return [...new Set(hashes)].slice(0, BURIED_MAX);
}

function united<V extends Version>(versions: readonly V[]): V[] {
  return versions.filter((version, index) => versions.findIndex((other) => isSameVersion(other, version)) === index);
}
