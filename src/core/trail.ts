import type { WriterId } from './ids.ts';

/** Starts a trail remembers: a reader absent for longer reads the whole index again. */
export const TRAIL_STARTS_MAX = 64;

/** One start of a peer: its writer, and the first sequence that start could use. */
export interface Start {
  readonly writer: WriterId;
  readonly first: number;
}

/** The last starts of one peer, oldest first; at most TRAIL_STARTS_MAX. */
export type Trail = readonly Start[];

/** How far an index has been read without a gap: a sequence, and the writer of the start it was written in. */
export interface Cursor {
  readonly writer: WriterId;
  readonly sequence: number;
}

/** Trail after one more start; the oldest falls off. */
export function withStart(trail: Trail, start: Start): Trail {
  return [...trail, start].slice(-TRAIL_STARTS_MAX);
}

/** The cursor at `sequence` of this trail: names the start that wrote it. Undefined when the trail is empty or begins later. */
export function cursorAt(trail: Trail, sequence: number): Cursor | undefined {
  const start = trail.findLast((one) => one.first <= sequence + 1);
  return start === undefined ? undefined : { writer: start.writer, sequence };
}

/**
 * True when `cursor` was read off this very history: its writer is a start of the trail, and its sequence lies in what
 * that start wrote. `head` is the last sequence written.
 */
export function isOnTrail(cursor: Cursor, trail: Trail, head: number): boolean {
  const index = trail.findIndex((start) => start.writer === cursor.writer);
  const start = trail[index];
  if (start === undefined) return false;
  const end = (trail[index + 1]?.first ?? head + 1) - 1;
  return cursor.sequence >= start.first - 1 && cursor.sequence <= end;
}

/**
 * Of two copies of one index off each other's trail, when its owner cannot be asked: true when `a` is to be kept. More
 * starts, then the greater last writer: chance, but the same everywhere.
 */
export function outranks(a: Trail, b: Trail): boolean {
  if (a.length !== b.length) return a.length > b.length;
  return (a.at(-1)?.writer ?? '') > (b.at(-1)?.writer ?? '');
}
