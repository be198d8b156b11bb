import { expect, test } from 'vitest';
import { namedApart, type Packing, pack } from '../../src/web/zip-routes.ts';
import type { Entry } from '../../src/wire/calls.ts';

/** The files of a folder without end; counts those that were asked for. */
async function* endless(seen: { asked: number }, copies: number): AsyncGenerator<Entry> {
  for (; ; seen.asked++) {
    const shownPath = `films/${seen.asked}.bin`;
    yield { path: shownPath, contents: [{ shownPath, size: 1, modified: 0, copies }] } as unknown as Entry;
  }
}

test.each([
  ['of files that are here', 1],
  ['of files none of whose holders is here', 0],
])('an archive %s is refused as soon as there are too many', async (_what, copies) => {
  const [seen, packing]: [{ asked: number }, Packing] = [{ asked: 0 }, { items: [], missing: [] }];
  await expect(pack(endless(seen, copies), 'films', packing)).rejects.toMatchObject({ status: 400 });
  expect(seen.asked).toBeLessThanOrEqual(20_000);
  expect(packing.items[0]?.name ?? packing.missing[0]).toBe('films/0.bin');
});

test('an archive has each file once, and none under the name of another', () => {
  const item = (whole: string, name: string) => ({ whole, name, size: 1, modifiedMs: 0 });
  const names = (...items: ReturnType<typeof item>[]) => namedApart(items).map(({ name }) => name);
  const plan = item('2026/plan.txt', 'plan.txt');
  expect(names(plan, item('2026/other.txt', 'other.txt'))).toEqual(['plan.txt', 'other.txt']);
  expect(names(plan, plan)).toEqual(['plan.txt']);
  expect(names(plan, item('2025/plan.txt', 'plan.txt'))).toEqual(['2026/plan.txt', '2025/plan.txt']);
});
