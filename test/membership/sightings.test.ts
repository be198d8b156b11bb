import { expect, test } from 'vitest';
import { FOREIGN_MAX, OWN_EACH_MAX, Sightings } from '../../src/membership/sightings.ts';
import { tagOf } from '../../src/wire/mesh-line.ts';

const PREFIX = '0123456789abcdef';
const instanceOf = (number: number) => number.toString(16).padStart(16, '0');

test('a flood of made-up sightings, and of a true one with other addresses, keeps nobody of the own mesh back', () => {
  let nowMs = 0;
  const own: string[] = [];
  let foreign = 0;
  const sightings = new Sightings({
    clock: { now: () => nowMs },
    instance: instanceOf(0),
    idPrefix: () => PREFIX,
    onOwn: ({ instance, addresses }) => own.push(`${instance} ${addresses[0]}`),
    onForeign: (count) => {
      foreign = count;
    },
  });
  const sight = (number: number, address: string, tag = tagOf(PREFIX, instanceOf(number))) =>
    sightings.take({ instance: instanceOf(number), tag, addresses: [address] });
  for (let number = 100; number < 5_000; number++) sight(number, 'x:1', 'ab'.repeat(16));
  for (let port = 1; port < 1_000; port++) sight(1, `x:${port}`);
  expect([own.length, foreign]).toEqual([OWN_EACH_MAX, FOREIGN_MAX]);
  sight(2, 'b:1');
  expect(own.at(-1)).toBe(`${instanceOf(2)} b:1`);
  nowMs += 1_000;
  sight(1, 'a:1');
  expect(own.at(-1)).toBe(`${instanceOf(1)} a:1`);
});
