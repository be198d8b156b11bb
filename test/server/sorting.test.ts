import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeRuns } from '../../src/server/sorting.ts';

const byNumber = (a: number, b: number) => a - b;

describe('runs that are merged', () => {
  test('are one order, whatever they were', async () => {
    const runs = fc.array(fc.array(fc.integer({ min: -50, max: 50 })));
    await fc.assert(
      fc.asyncProperty(runs, async (drawn) => {
        const sorted = drawn.map((run) => [...run].sort(byNumber));
        expect(await mergeRuns(sorted, byNumber, () => Promise.resolve())).toEqual(drawn.flat().sort(byNumber));
      }),
    );
  });

  test('leave the event loop to others now and then', async () => {
    const runs = [0, 1, 2].map((first) => Array.from({ length: 30_000 }, (_, index) => first + 3 * index));
    let pauses = 0;
    const merged = await mergeRuns(runs, byNumber, async () => {
      pauses++;
    });
    expect(merged).toHaveLength(90_000);
    expect(merged.at(-1)).toBe(89_999);
    expect(pauses).toBeGreaterThanOrEqual(6);
  });
});
