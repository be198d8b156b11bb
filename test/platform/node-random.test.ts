import { expect, it } from 'vitest';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { randomHex } from '../../src/platform/random.ts';

const random = new NodeRandom();

it('draws bytes, never the same twice', () => {
  expect(random.bytes(0)).toHaveLength(0);
  expect(randomHex(random, 16)).toMatch(/^[0-9a-f]{32}$/);
  expect(randomHex(random, 16)).not.toBe(randomHex(random.fork('room'), 16));
});

it('draws each byte once, also across what it draws from the system at a time', () => {
  const drawn = Array.from({ length: 3_000 }, (_, index) => Buffer.from(random.bytes(12 + (index % 7))).toString('hex'));
  expect(new Set(drawn.map((hex) => hex.slice(0, 24))).size).toBe(3_000);
  // Eight zero bytes in a row do not happen; a part of the pool that was given before would be zeros.
  for (const hex of drawn) expect(hex).not.toMatch(/0{16}/);
  expect(random.bytes(100_000)).toHaveLength(100_000);
  expect(new Set(random.bytes(4096)).size).toBeGreaterThan(200);
});

it('draws integers from 0 up to the bound, each of a few', () => {
  for (const below of [1, 2, 10, 2 ** 31, 2 ** 47 + 1, 2 ** 48]) {
    for (let draw = 0; draw < 100; draw++) {
      const drawn = random.integer(below);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < below).toBe(true);
    }
  }
  expect(new Set(Array.from({ length: 200 }, () => random.integer(4))).size).toBe(4);
  for (const below of [0, -1, 1.5, 2 ** 48 + 1]) expect(() => random.integer(below)).toThrow();
});
