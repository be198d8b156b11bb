import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChunkList } from '../../src/core/chunk-list.ts';
import { encodeManifest } from '../../src/core/chunking.ts';
import { ChunkSet } from '../../src/folder/chunk-set.ts';

const LENGTH = 65_536;
const COUNT = 40;
const chunks = ChunkList.of(
  encodeManifest(Array.from({ length: COUNT }, () => ({ length: LENGTH, hash: new Uint8Array(32) }))),
  COUNT * LENGTH,
);

it('some of the chunks, and the rest, are told in ranges of which none touches another', () => {
  const some = fc.uniqueArray(fc.integer({ min: 0, max: COUNT - 1 }));
  fc.assert(
    fc.property(some, some, (added, removed) => {
      const set = new ChunkSet(chunks);
      for (const chunk of added) set.add(chunk);
      for (const chunk of removed) set.remove(chunk);
      const isIn = new Set(added.filter((chunk) => !removed.includes(chunk)));
      for (const [ranges, wanted] of [
        [set.ranges(), true],
        [set.missing(), false],
      ] as const) {
        const told = ranges.flatMap(({ offset, length }) =>
          Array.from({ length: length / LENGTH }, (_, index) => offset / LENGTH + index),
        );
        expect(told).toEqual([...Array(COUNT).keys()].filter((chunk) => isIn.has(chunk) === wanted));
        for (const [at, { offset }] of ranges.slice(1).entries())
          expect(offset).toBeGreaterThan((ranges[at]?.offset ?? 0) + (ranges[at]?.length ?? 0));
      }
    }),
  );
});
