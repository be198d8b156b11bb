import { describe, expect, it } from 'vitest';
import { failureLines, runSeeds } from './run.ts';

/** Seeds in all, split over so many tests, so that a run tells how far it is. */
const SEEDS = Number(process.env.SEEDS ?? 25);
const PARTS = Math.max(1, Math.min(20, Math.floor(SEEDS / 10)));
const MS_PER_SEED_MAX = 60_000;
/**
 * No part is begun after so long in `make test`, or after SEEDS_S seconds: on a busy machine fewer seeds are worth more than
 * a run that is broken off. A part that is left out says so.
 */
const BUDGET_MS = Number(process.env.SEEDS_S ?? (process.env.TRIAL === undefined ? 180 : Number.POSITIVE_INFINITY)) * 1000;
const beganMs = performance.now();

describe('whole meshes from seeds: invariants 1 to 10', () => {
  for (let part = 0; part < PARTS; part++) {
    const first = 1 + Math.floor((part * SEEDS) / PARTS);
    const last = Math.floor(((part + 1) * SEEDS) / PARTS);
    it(`hold for seeds ${first} to ${last}`, { timeout: (last - first + 1) * MS_PER_SEED_MAX }, async ({ skip }) => {
      skip(part > 0 && performance.now() - beganMs > BUDGET_MS, 'the time for seeds is over: SEEDS_S=3600 gives more');
      const failures: string[] = [];
      await runSeeds(first, last, ({ result, otherHash }) => {
        if (otherHash !== undefined) failures.push(`seed ${result.seed} has two histories: ${result.hash} and ${otherHash}`);
        if (result.findings.length > 0) failures.push(failureLines(result, 40));
        return true;
      });
      expect(failures.join('\n')).toBe('');
    });
  }
});
