import { afterEach, expect, it, vi } from 'vitest';
import { runSeed } from './seed.ts';
import { SimManyActs } from './sim-disk-many.ts';

afterEach(() => vi.restoreAllMocks());

it('seeds keep small contents in batches, some of several', async () => {
  const sizes: number[] = [];
  const { commitMany } = SimManyActs.prototype;
  vi.spyOn(SimManyActs.prototype, 'commitMany').mockImplementation(function (this: SimManyActs, intents) {
    sizes.push(intents.length);
    return commitMany.call(this, intents);
  });
  for (let seed = 1; seed <= 4; seed++) expect((await runSeed(seed)).findings).toEqual([]);
  expect(sizes.length).toBeGreaterThan(50);
  expect(sizes.filter((size) => size > 1).length).toBeGreaterThan(10);
});
