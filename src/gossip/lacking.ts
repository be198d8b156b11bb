import type { PeerId } from '../core/ids.ts';
import { type Cursor, isOnTrail, outranks, type Trail } from '../core/trail.ts';

/** A copy of one index as one peer has it, as told in a `cursors` message: how far it goes, and how far it was read. */
export interface TellableIndex {
  readonly peer: PeerId;
  readonly trail: Trail;
  /** Highest sequence of the copy. */
  readonly sequence: number;
  /** How far the copy was read without a gap; undefined: nothing that could be built upon. */
  readonly cursor?: Cursor | undefined;
}

/** What one end should send the other about one index. */
export type Lack =
  | { readonly kind: 'nothing' }
  /** The records after that sequence. */
  | { readonly kind: 'delta'; readonly after: number }
  /** All records: its copy is of another history, or there is none. */
  | { readonly kind: 'whole' };

const NOTHING: Lack = { kind: 'nothing' };

/**
 * What `theirs` lacks of `ours`, both copies of one index. On our trail their cursor gets the delta; off it the whole
 * index, if our copy is the one to be believed: the owner's own, else the one that outranks (DESIGN: single-writer
 * indexes). Whoever takes it judges the same way.
 *
 * @param isOwn the index is the own one of the end that sends.
 */
export function lackOf(ours: TellableIndex, theirs: TellableIndex | undefined, isOwn: boolean): Lack {
  // A copy that is in doubt itself brings nobody up to date.
  if (!isOwn && ours.cursor === undefined) return NOTHING;
  const cursor = theirs?.cursor;
  if (theirs === undefined || cursor === undefined) return ours.sequence > 0 ? { kind: 'whole' } : NOTHING;
  if (isOnTrail(cursor, ours.trail, ours.sequence)) {
    return cursor.sequence < ours.sequence ? { kind: 'delta', after: cursor.sequence } : NOTHING;
  }
  if (isOwn) return { kind: 'whole' };
  const isBehind = ours.cursor !== undefined && isOnTrail(ours.cursor, theirs.trail, theirs.sequence);
  return !isBehind && outranks(ours.trail, theirs.trail) ? { kind: 'whole' } : NOTHING;
}

/** True when a reader met a cursor of the own index that the own history does not know: the store was restored. */
export function isFromLostHistory(own: TellableIndex, theirs: TellableIndex | undefined): boolean {
  return theirs?.cursor !== undefined && !isOnTrail(theirs.cursor, own.trail, own.sequence);
}
