import { describe, expect, test } from 'vitest';
import type { PeerId, WriterId } from '../../src/core/ids.ts';
import { cursorAt } from '../../src/core/trail.ts';
import { isFromLostHistory, lackOf, type TellableIndex } from '../../src/gossip/lacking.ts';

/** `a1 b5` is a trail whose starts a and b began at 1 and 5. */
function copy(trailText: string, sequence: number): TellableIndex {
  const trail = trailText
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => ({ writer: word.slice(0, 1).repeat(16) as WriterId, first: Number(word.slice(1)) }));
  return { peer: 'f'.repeat(64) as PeerId, trail, sequence, cursor: cursorAt(trail, sequence) };
}

describe('what a copy lacks of another', () => {
  const cases: [string, TellableIndex, TellableIndex | undefined, boolean, string][] = [
    ['nothing known yet: everything', copy('a1', 4), undefined, true, 'whole'],
    ['an empty index is nothing', copy('', 0), undefined, true, 'nothing'],
    ['on the trail: what follows', copy('a1', 4), copy('a1', 2), true, 'delta 2'],
    ['on the trail, at the end of an earlier start', copy('a1 b5', 9), copy('a1', 4), false, 'delta 4'],
    ['level', copy('a1', 4), copy('a1', 4), true, 'nothing'],
    ['level, and a start without records', copy('a1 b5', 4), copy('a1', 4), true, 'nothing'],
    ['behind: nothing to tell', copy('a1', 2), copy('a1', 4), false, 'nothing'],
    ['behind by a start', copy('a1', 4), copy('a1 b5', 9), false, 'nothing'],
    ['off the trail, and ours: everything', copy('a1 c3', 3), copy('a1', 4), true, 'whole'],
    ['off the trail, and ours is empty: everything, which is nothing', copy('b1', 0), copy('a1', 4), true, 'whole'],
    ['parted, more starts here', copy('a1 b3 c4', 9), copy('a1 d3', 9), false, 'whole'],
    ['parted, fewer starts here', copy('a1 d3', 9), copy('a1 b3 c4', 9), false, 'nothing'],
    ['parted, as many starts, the greater writer here', copy('a1 d3', 9), copy('a1 b3', 9), false, 'whole'],
    ['parted, as many starts, the lower writer here', copy('a1 b3', 9), copy('a1 d3', 9), false, 'nothing'],
    ['a doubtful copy there: everything', copy('a1', 4), { ...copy('a1', 4), cursor: undefined }, false, 'whole'],
    ['a doubtful copy here: nothing', { ...copy('a1', 4), cursor: undefined }, undefined, false, 'nothing'],
  ];
  test.each(cases)('%s', (_what, ours, theirs, isOwn, expected) => {
    const lack = lackOf(ours, theirs, isOwn);
    expect(lack.kind === 'delta' ? `delta ${lack.after}` : lack.kind).toBe(expected);
  });

  test('a cursor of our own that we do not know is of a lost history', () => {
    expect(isFromLostHistory(copy('a1', 3), copy('a1', 4))).toBe(true);
    expect(isFromLostHistory(copy('a1', 4), copy('b1', 4))).toBe(true);
    expect(isFromLostHistory(copy('a1', 4), copy('a1', 4))).toBe(false);
    expect(isFromLostHistory(copy('a1', 4), undefined)).toBe(false);
  });
});
