import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cursorAt, isOnTrail, outranks, TRAIL_STARTS_MAX, type Trail, withStart } from '../../src/core/trail.ts';
import { writerId } from './histories.ts';

const trailOf = (...firsts: number[]): Trail => firsts.map((first, index) => ({ writer: writerId(index + 1), first }));
/** A trail, and a sequence its index may have reached. */
const grown = fc.array(fc.nat(5), { minLength: 1, maxLength: 10 }).chain((steps) => {
  let first = 1;
  const firsts = steps.map((step) => {
    first += step;
    return first;
  });
  return fc.tuple(fc.constant(trailOf(...firsts)), fc.integer({ min: first - 1, max: first + 5 }));
});

describe('a trail', () => {
  it('keeps the last starts', () => {
    let trail: Trail = [];
    for (let first = 1; first <= TRAIL_STARTS_MAX + 3; first++) trail = withStart(trail, { writer: writerId(first), first });
    expect(trail).toHaveLength(TRAIL_STARTS_MAX);
    expect(trail[0]?.first).toBe(4);
  });
});

describe('a cursor', () => {
  it.each([
    [0, 1],
    [4, 1],
    [5, 2],
    [9, 2],
    [10, 3],
    [99, 3],
  ])('at sequence %i of starts at 1, 6 and 11 names start %i', (sequence, start) => {
    expect(cursorAt(trailOf(1, 6, 11), sequence)).toEqual({ writer: writerId(start), sequence });
  });

  it('is undefined before the trail begins', () => {
    expect(cursorAt([], 0)).toBeUndefined();
    expect(cursorAt(trailOf(5), 3)).toBeUndefined();
  });

  it('read off a history lies on it, also after later starts', () => {
    fc.assert(
      fc.property(grown, fc.nat(20), ([trail, head], back) => {
        const cursor = cursorAt(trail, Math.max(head - back, (trail[0]?.first ?? 1) - 1));
        expect(cursor).toBeDefined();
        if (cursor === undefined) return;
        expect(isOnTrail(cursor, trail, head)).toBe(true);
        const later = withStart(trail, { writer: writerId(99), first: head + 1 });
        expect(isOnTrail(cursor, later, head + 3)).toBe(true);
      }),
    );
  });

  it('beyond where a history was cut off is not on what was begun there anew', () => {
    fc.assert(
      fc.property(grown, fc.integer({ min: 1, max: 9 }), ([trail, head], lost) => {
        const cursor = cursorAt(trail, head + lost);
        const anew = withStart(trail, { writer: writerId(99), first: head + 1 });
        expect(cursor !== undefined && isOnTrail(cursor, anew, head + 100)).toBe(false);
        expect(cursor !== undefined && isOnTrail(cursor, trail, head)).toBe(false);
      }),
    );
  });

  it('of a writer that is not on the trail is off it', () => {
    expect(isOnTrail({ writer: writerId(9), sequence: 1 }, trailOf(1), 5)).toBe(false);
  });
});

describe('of two copies off each other’s trail', () => {
  it('the one of more starts is kept, then the one of the greater last writer', () => {
    expect(outranks(trailOf(1, 2), [{ writer: writerId(9), first: 1 }])).toBe(true);
    expect(outranks([{ writer: writerId(9), first: 1 }], trailOf(1))).toBe(true);
    expect(outranks(trailOf(1), trailOf(1))).toBe(false);
  });

  it('never both are', () => {
    fc.assert(fc.property(grown, grown, ([a], [b]) => !(outranks(a, b) && outranks(b, a))));
  });
});
