import { MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import { type Cursor, cursorAt, isOnTrail, outranks, type Trail } from '../core/trail.ts';
import { isBefore, isSameVersion } from '../core/version.ts';
import type { IndexLine, KnownPaths, NumberedRecord } from './known-paths.ts';

export type { NumberedRecord } from './known-paths.ts';

/**
 * Records that one index may have of one path beside each other: siblings and tombstones, a few a peer. Range 64–128: each is
 * held against each other at every look at the path, and what lies beside it goes into one answer.
 */
export const PATH_RECORDS_MAX = 64;
/** Of these in the own index when no more of what others made comes into it: room for what is made here stays, and is read by others. */
export const OTHERS_RECORDS_MAX = PATH_RECORDS_MAX / 2;

/** How far an index reaches, and how far it is read here. */
export interface IndexState {
  readonly peer: PeerId;
  readonly trail: Trail;
  /** Highest sequence of the copy here (for the own index: of what is durable). */
  readonly sequence: number;
  /** Undefined: nothing is read that could be built upon, so everything is wanted. */
  readonly cursor: Cursor | undefined;
}

/** Records of one index with `after` < sequence ≤ `upTo`, all there are, as far as their teller has read it. */
export interface Delta {
  readonly index: PeerId;
  readonly trail: Trail;
  readonly after: number;
  readonly upTo: number;
  /** The first piece of the whole index: `after` is 0. */
  readonly whole: boolean;
  /** `upTo` is as far as the teller has read. */
  readonly last: boolean;
  /** In sequence order. */
  readonly records: readonly NumberedRecord[];
}

/** What is here of a foreign index. Its records lie in KnownPaths. */
export interface IndexCopy {
  readonly peer: PeerId;
  readonly trail: Trail;
  readonly sequence: number;
  /**
   * It ends where two histories of its index part, and was read from the one that lost: what follows would not fit, though
   * the sequence is on both. Read anew.
   */
  readonly doubtful: boolean;
  /** Times another history took its place since this process started. */
  readonly replaced: number;
}

export function stateOf({ peer, trail, sequence, doubtful }: IndexCopy): IndexState {
  return { peer, trail, sequence, cursor: doubtful ? undefined : cursorAt(trail, sequence) };
}

/** Whose word a delta is: its owner's over its own link, or another peer's, while the owner is linked here or while not. */
export type Teller = 'owner' | 'relay beside owner' | 'relay';

/** What to do with a delta: add it to the copy; let the whole it belongs to replace the copy; or not take it. */
export type Verdict = 'append' | 'replace' | 'refuse';

/**
 * Judges a delta by the trails. One history: it is added unless it leaves a gap, or refused when it lies behind the copy. Two
 * that parted: the owner's own link decides, and nobody else while there is one; else the rank of the trails.
 */
export function judge(copy: IndexCopy | undefined, delta: Delta, teller: Teller): Verdict {
  if (delta.upTo < delta.after) return 'refuse';
  if (copy === undefined || copy.trail.length === 0) return delta.after === 0 ? 'append' : 'refuse';
  const ahead = goesOn(copy.trail, delta.trail);
  const behind = goesOn(delta.trail, copy.trail);
  const { cursor } = stateOf(copy);
  if ((ahead || behind) && cursor !== undefined && isOnTrail(cursor, delta.trail, Number.MAX_SAFE_INTEGER)) {
    return delta.after <= copy.sequence ? 'append' : 'refuse';
  }
  if (ahead) return 'replace';
  if (behind || teller === 'relay beside owner') return 'refuse';
  return teller === 'owner' || outranks(delta.trail, copy.trail) ? 'replace' : 'refuse';
}

/** True when `after` has the last start of `before`: both are of one history, and `before` is no longer than `after`. */
export function goesOn(before: Trail, after: Trail): boolean {
  const last = before.at(-1);
  return last === undefined || after.some((start) => start.writer === last.writer);
}

/** Throws `protocol` unless the delta is what it says: sequences grow, and lie in its span. */
export function checkDelta(delta: Delta): void {
  let before = delta.after;
  for (const { sequence } of delta.records) {
    if (sequence <= before) throw new MeshError('protocol', 'a delta has a sequence out of order');
    before = sequence;
  }
  if (delta.records.length > 0 && before > delta.upTo) throw new MeshError('protocol', 'a delta has a record beyond its end');
  if (delta.upTo > 0 && delta.trail.length === 0) throw new MeshError('protocol', 'a delta has records and no trail');
}

/** What each path's lines become when the records beyond `sequence` are added to the copy. Throws `protocol`: see KnownPaths.lineOf. */
export function appended(known: KnownPaths, { peer, sequence }: { peer: PeerId; sequence: number }, delta: Delta): LinesByPath {
  const lines: LinesByPath = new Map();
  for (const record of delta.records) {
    if (record.sequence <= sequence) continue;
    const { path } = record;
    lines.set(path, withLine(lines.get(path) ?? known.lines(peer, path), known.lineOf(record)));
  }
  return lines;
}

export type LinesByPath = Map<FilePath, readonly IndexLine[]>;

/**
 * Lines of one path in a copy after the next record of the path. The owner keeps all records of a path in consecutive
 * sequences: one that stands before a break is gone there, whether or not what replaced it was seen here. Of more than
 * PATH_RECORDS_MAX only the last ones count: no honest index has them.
 */
export function withLine(lines: readonly IndexLine[], added: IndexLine): IndexLine[] {
  if (lines.length === 0) return [added];
  const { sequence, version } = added;
  let first = sequence;
  while (lines.some((line) => line.sequence === first - 1)) first -= 1;
  const staying = lines.filter(
    (line) => line.sequence >= first && !isSameVersion(line.version, version) && !isBefore(line.version, version),
  );
  return [...staying, added].slice(-PATH_RECORDS_MAX);
}
