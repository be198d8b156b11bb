import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chunker } from '../../src/core/chunking.ts';
import type { Candidate } from '../../src/core/placement.ts';
import { planStripes } from '../../src/core/stripe-plan.ts';
import {
  bytesOfRuns,
  copiesOf,
  hasRun,
  maskOf,
  NO_RUNS,
  rangeOfRun,
  rangesOf,
  runCount,
  runEnds,
  runsIn,
  unionOf,
  withoutRuns,
} from '../../src/core/striping.ts';
import { noise } from '../platform/hasher-acceptance.ts';
import { peerId } from './histories.ts';

const MIB = 1024 * 1024;

function chunkEnds(content: Uint8Array): number[] {
  const chunker = new Chunker(content.length);
  return [...chunker.push(content), ...chunker.finish()];
}

describe('runs', () => {
  it.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
    [300_000, 4],
    [MIB, 4],
    [16 * MIB, 64],
    [1_000 * MIB, 64],
  ])('%i bytes have %i', (size, count) => {
    expect(runCount(size)).toBe(count);
  });

  it.each([2, 3, 4, 5, 6, 7, 11, 100, 4_096, 300_000, 600_000, 2_000_000, 20_000_000])(
    'of %i bytes are whole chunks, and none is empty',
    (size) => {
      const cuts = chunkEnds(noise(size, size));
      const ends = runEnds(cuts, size);
      expect(ends).toHaveLength(runCount(size));
      expect(ends.at(-1)).toBe(size);
      for (const [run, end] of ends.entries()) {
        expect(cuts).toContain(end);
        expect(rangeOfRun(ends, run).length).toBeGreaterThan(0);
        // Its chunks are those that begin in its share.
        const share = Math.floor(((run + 1) * size) / ends.length);
        if (end < size) expect(cuts.filter((cut) => cut >= share && cut < end)).toEqual([]);
        if (end < size) expect(end).toBeGreaterThanOrEqual(share);
      }
    },
  );

  it('of like bytes are four: also where every chunk has its greatest length', () => {
    for (const size of [4, 7, 1_001, 65_537]) expect(new Set(runEnds(chunkEnds(new Uint8Array(size)), size)).size).toBe(4);
  });

  it('masks are sets of numbers from 0 to 63', () => {
    const sets = fc.uniqueArray(fc.integer({ min: 0, max: 63 }));
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const sorted = (runs: Iterable<number>) => [...runs].sort((x, y) => x - y);
        expect(maskOf(a)).toMatch(/^[0-9a-f]{16}$/);
        expect(runsIn(maskOf(a))).toEqual(sorted(a));
        expect(runsIn(unionOf(maskOf(a), maskOf(b)))).toEqual(sorted(new Set([...a, ...b])));
        expect(runsIn(withoutRuns(maskOf(a), maskOf(b)))).toEqual(sorted(a.filter((run) => !b.includes(run))));
        for (const run of a) expect(hasRun(maskOf(a), run)).toBe(true);
      }),
    );
  });

  it('that touch are one range; bits that no run has are no bytes', () => {
    expect(rangesOf([10, 20, 30, 40], maskOf([0, 1, 3, 9]))).toEqual([
      { offset: 0, length: 20 },
      { offset: 30, length: 10 },
    ]);
    expect(bytesOfRuns(300_000, maskOf([0, 1, 2, 3, 40]))).toBe(300_000);
    expect(bytesOfRuns(300_000, NO_RUNS)).toBe(0);
  });
});

describe('copies of a striped content', () => {
  const [a, b, c] = [peerId(1), peerId(2), peerId(3)];
  const content = {
    size: MIB,
    holders: [a],
    parts: new Map([
      [b, maskOf([0, 1, 2])],
      [c, maskOf([2, 3, 60])],
    ]),
  };

  it('are those of its rarest run, by whoever counts', () => {
    expect(copiesOf(content, () => true)).toBe(2);
    expect(copiesOf(content, (peer) => peer !== a)).toBe(1);
    expect(copiesOf(content, (peer) => peer === b)).toBe(0);
    expect(copiesOf({ size: MIB, holders: [a, b] }, () => true)).toBe(2);
  });
});

describe('the plan of stripes', () => {
  const candidate = (number: number, bytes: number, capacity = 10 * MIB): Candidate => {
    const load = { bytes, capacity, files: 0, incomingBytes: 0, incomingFiles: 0 };
    return { id: peerId(number), name: `peer ${number}`, load, hasBytes: false, heldBase: false };
  };
  const live = () => 'live' as const;
  const planned = (plan: ReturnType<typeof planStripes>) => [...plan.masks].map(([peer, mask]) => [peer, runsIn(mask).length]);

  it('gives every run as many copies as are wanted, none twice to one peer', () => {
    const plan = planStripes(
      { size: 16 * MIB, holders: [peerId(1)] },
      [2, 3, 4].map((number) => candidate(number, 0, 16 * MIB)),
      {
        wanted: 3,
        standing: live,
      },
    );
    expect(plan.isComplete).toBe(true);
    const runs = [...plan.masks.values()].flatMap(runsIn);
    expect(runs).toHaveLength(2 * 64);
    for (let run = 0; run < 64; run++) expect(runs.filter((one) => one === run)).toHaveLength(2);
    for (const mask of plan.masks.values()) expect(runsIn(mask).length).toBeGreaterThan(40);
  });

  it('goes by load, and by room', () => {
    const content = { size: 4 * MIB, holders: [peerId(1)] };
    const plan = planStripes(content, [candidate(2, 8 * MIB), candidate(3, 6 * MIB)], { wanted: 2, standing: live });
    expect(planned(plan)).toEqual([
      [peerId(2), 4],
      [peerId(3), 12],
    ]);
    expect(planStripes(content, [candidate(2, 9 * MIB), candidate(3, 8 * MIB)], { wanted: 2, standing: live }).isComplete).toBe(
      false,
    );
  });

  it('counts who is away for a while, and heals what is gone; what no live peer has is left out', () => {
    const parts = new Map([
      [peerId(2), maskOf([0, 1])],
      [peerId(3), maskOf([2, 3])],
    ]);
    const content = { size: MIB, holders: [peerId(1)], parts };
    const standing = (state: 'away' | 'gone') => (peer: string) => (peer === peerId(2) ? state : ('live' as const));
    expect(planStripes(content, [candidate(3, 0)], { wanted: 2, standing: standing('away') }).masks.size).toBe(0);
    const healing = planStripes(content, [candidate(3, 0)], { wanted: 2, standing: standing('gone') });
    expect(healing.masks.get(peerId(3))).toBe(maskOf([0, 1]));
    const lost = planStripes({ ...content, holders: [] }, [candidate(3, 0), candidate(4, 0)], {
      wanted: 2,
      standing: standing('gone'),
    });
    expect([...lost.masks]).toEqual([[peerId(4), maskOf([2, 3])]]);
  });
});
