import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { Owners } from '../../src/core/ownership.ts';
import { peerId } from './histories.ts';

const name = fc.string({ minLength: 1, maxLength: 20 }).map((text) => text as FilePath);
const peers = fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 8 }).map((numbers) => numbers.map(peerId));

const ownerOf = (path: FilePath, candidates: readonly PeerId[]) => new Owners(candidates).of(path);

describe('the owner of a name', () => {
  it('is none when there is no candidate', () => {
    expect(ownerOf('a' as FilePath, [])).toBeUndefined();
  });

  it('is a candidate, and the same for candidates in any order', () => {
    const mixed = peers.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(name, mixed, (path, [list, other]) => {
        expect(list).toContain(ownerOf(path, list));
        expect(ownerOf(path, other)).toBe(ownerOf(path, list));
      }),
    );
  });

  it('is one for names that differ in case only', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z/ß]{1,12}$/), peers, (text, list) => {
        expect(ownerOf(text.toUpperCase() as FilePath, list)).toBe(ownerOf(text.toLowerCase() as FilePath, list));
      }),
    );
  });

  it('stays when another candidate leaves, and moves only when it leaves itself', () => {
    fc.assert(
      fc.property(name, peers, fc.nat(7), (path, list, at) => {
        const left = list[at % list.length];
        const owner = ownerOf(path, list);
        const after = ownerOf(
          path,
          list.filter((one) => one !== left),
        );
        if (owner !== left) expect(after).toBe(owner);
      }),
    );
  });

  it('is spread evenly over the candidates', () => {
    const list = [1, 2, 3, 4].map(peerId);
    const counts = new Map(list.map((one) => [one, 0]));
    for (let index = 0; index < 4000; index++) {
      const owner = ownerOf(`folder/file ${index}.txt` as FilePath, list) as (typeof list)[number];
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
