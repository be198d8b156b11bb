import type { FilePath, PeerId } from './ids.ts';
import type { Content, IndexRecord, PathView } from './namespace.ts';
import { copiesOf, keepersOf } from './striping.ts';
import { type FileVersion, isBefore, isSameVersion, type Version } from './version.ts';

/** With fewer copies than that one more death loses the file: it comes before the room that is kept for new ones. */
const COPIES_URGENT = 2;

/** How a holder counts: `live` now; `away` for less than the grace time; `gone` for longer. */
export type Standing = 'live' | 'away' | 'gone';

/** How a content stands against the wanted number of copies. */
export interface Shortage {
  /** Who has it now, or runs of it. */
  readonly live: readonly PeerId[];
  /** Copies still to be made: holders that are merely away count as copies here. */
  readonly missing: number;
  /** A holder is gone, and copies enough are left for what is missing to wait until there is more room than for new files. */
  readonly canWait: boolean;
}

/** What the owner of a name must see to for one content. */
export function shortageOf(content: Content, wanted: number, standing: (peer: PeerId) => Standing): Shortage {
  const keepers = keepersOf(content);
  const copies = copiesOf(content, (peer) => standing(peer) !== 'gone');
  return {
    live: keepers.filter((peer) => standing(peer) === 'live'),
    missing: Math.max(0, wanted - copies),
    canWait: copies >= COPIES_URGENT && keepers.some((peer) => standing(peer) === 'gone'),
  };
}

/** What a peer must do about one record of its own index. */
export type Duty =
  /** The record stands, or must wait for copies of its successor. */
  | { readonly kind: 'keep' }
  /** The same content is current under another version: record that one as held. */
  | { readonly kind: 'adopt'; readonly version: FileVersion }
  /** Let the bytes go; a rename's target is kept first. */
  | { readonly kind: 'let-go'; readonly by: Version; readonly renamedTo?: FilePath }
  /** Nothing is held, but the version is dominated: carry the dominating one, so that a tombstone has many bearers. */
  | { readonly kind: 'carry'; readonly by: Version };

/**
 * Decides about one own record. A dominated version stays until `wanted` live peers hold a content that replaces it;
 * a tombstone is obeyed at once.
 */
export function dutyOf(record: IndexRecord, view: PathView, liveCopies: (content: Content) => number, wanted: number): Duty {
  const { version, holding } = record;
  if (view.known.some((one) => isSameVersion(one.version, version))) return { kind: 'keep' };
  const dominators = view.known.map((one) => one.version).filter((other) => isBefore(version, other));
  const by = dominators[0];
  if (by === undefined) return { kind: 'keep' };
  if (holding === 'none' || version.kind === 'tombstone') return { kind: 'carry', by };
  const same = view.contents.find((content) => content.hash === version.hash);
  if (same !== undefined) return { kind: 'adopt', version: same.shown };
  const successors = view.contents.filter((content) => content.versions.some((one) => dominators.includes(one)));
  if (successors.length === 0) return letGo(dominators);
  const kept = successors.find((content) => liveCopies(content) >= wanted);
  return kept === undefined ? { kind: 'keep' } : { kind: 'let-go', by: kept.shown };
}

function letGo(dominators: readonly Version[]): Duty {
  const renaming = dominators.find((one) => one.kind === 'tombstone' && one.renamedTo !== undefined);
  const by = renaming ?? (dominators[0] as Version);
  const renamedTo = by.kind === 'tombstone' ? by.renamedTo : undefined;
  return renamedTo === undefined ? { kind: 'let-go', by } : { kind: 'let-go', by, renamedTo };
}
