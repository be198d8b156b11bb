import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MultiMap } from '../../src/core/multi-map.ts';

describe('a map of several items a key', () => {
  it('has what a map of lists would have, after any adding and deleting', () => {
    const items = Array.from({ length: 4 }, (_, number) => ({ number }));
    const acts = fc.array(fc.tuple(fc.boolean(), fc.constantFrom('a', 'b'), fc.nat(3)), { maxLength: 40 });
    fc.assert(
      fc.property(acts, (done) => {
        const map = new MultiMap<string, { readonly number: number }>();
        const lists: Record<string, number[]> = { a: [], b: [] };
        for (const [isAdded, key, number] of done) {
          const item = items[number] as { readonly number: number };
          const list = lists[key] ?? [];
          if (isAdded) map.add(key, item);
          else map.delete(key, item);
          if (!isAdded) lists[key] = list.filter((one) => one !== number);
          else if (!list.includes(number)) list.push(number);
          for (const each of ['a', 'b']) {
            expect([...map.of(each)].map((one) => one.number)).toEqual(lists[each]);
            expect(map.has(each)).toBe(lists[each]?.length !== 0);
          }
        }
      }),
    );
  });
});
