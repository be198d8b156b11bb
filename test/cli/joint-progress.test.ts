import { describe, expect, it } from 'vitest';
import { jointly } from '../../src/cli/joint-progress.ts';
import type { Progress } from '../../src/client/transfer.ts';

function told(): { calls: unknown[][]; progress: Progress } {
  const calls: unknown[][] = [];
  return { calls, progress: (...words) => void calls.push(words) };
}

describe('the progress of several files', () => {
  it('is one, of all their bytes, in whatever order they come', () => {
    const { calls, progress } = told();
    const tell = jointly(
      progress,
      new Map([
        ['a', 100],
        ['b', 300],
      ]),
    );
    tell?.('a', 50, 100);
    tell?.('b', 100, 300, 80);
    tell?.('a', 100, 100);
    // A failover: less is done than before.
    tell?.('b', 80, 300, 80);
    tell?.('b', 310, 310, 80);
    expect(calls).toEqual([
      ['2 files', 50, 400, 0],
      ['2 files', 150, 400, 80],
      ['2 files', 200, 400, 80],
      ['2 files', 180, 400, 80],
      ['2 files', 410, 410, 80],
    ]);
  });

  it('does not count that a file is read before it is sent', () => {
    const { calls, progress } = told();
    const tell = jointly(
      progress,
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    tell?.('reading a', 1, 1);
    expect(calls).toEqual([['2 files', 0, 3, 0]]);
  });

  it('of one file is its own', () => {
    const { progress } = told();
    expect(jointly(progress, new Map([['a', 1]]))).toBe(progress);
    expect(jointly(undefined, new Map())).toBeUndefined();
  });
});
