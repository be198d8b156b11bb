import { expect, it } from 'vitest';
import { Lately } from '../../src/catalog/lately.ts';

it('what was asked for lately is kept, and no more than there is room for', () => {
  const lately = new Lately<number, string>(10);
  for (let number = 0; number < 100; number++) {
    lately.set(number, `${number}`);
    expect(lately.get(0)).toBe('0');
    expect(lately.get(number)).toBe(`${number}`);
  }
  const kept = Array.from({ length: 100 }, (_, number) => number).filter((number) => lately.get(number) !== undefined);
  expect(kept.length).toBeLessThanOrEqual(10);
  expect(kept).toEqual(expect.arrayContaining([0, 97, 98, 99]));
});

it('what is taken out is gone, however long ago it came', () => {
  const lately = new Lately<number, string>(4);
  for (const number of [1, 2, 3]) lately.set(number, 'here');
  for (const number of [1, 3]) lately.delete(number);
  expect([1, 2, 3].map((number) => lately.get(number))).toEqual([undefined, 'here', undefined]);
});
