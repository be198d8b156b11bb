import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { encodeFact } from '../../src/catalog/persistence.ts';
import { factStoreKey } from '../../src/catalog/store-keys.ts';
import type { GrantFact } from '../../src/core/grants.ts';
import type { StoreDisk } from './memory-store.ts';
import { mint, path, peerNamed, restart, startOn } from './mesh-of-catalogs.ts';

const self = peerNamed('alpha');
const other = peerNamed('bravo');
const a = path('a');

let disk: StoreDisk;
let catalog: Catalog;
beforeEach(async () => {
  ({ disk, catalog } = await startOn(self, 1));
});

const reopened = async (seed: number) => {
  return (await restart({ disk, catalog }, seed)).catalog;
};

describe('a damaged store', () => {
  const damages: [string, string, number[]][] = [
    ['a record that is no record', `x/${self}/0000000000000001`, [0x93, 1, 2, 3]],
    ['a record of a version that is none', `x/${self}/0000000000000001`, [0x93, 0xa1, 0x61, 1, 0xc4, 1, 7]],
    ['a head that is no head', `i/${self}`, [0xc1]],
    ['a fact that is none', 'a/mesh', [1]],
    ['a record beyond the head of its index', `x/${other}/0000000000000009`, [0x90]],
  ];
  for (const [what, key, bytes] of damages) {
    it(`with ${what} is refused with words that say how to go on`, async () => {
      await mint(catalog, a, 'one');
      disk.apply([{ key, value: Uint8Array.from(bytes) }]);
      await expect(reopened(6)).rejects.toMatchObject({
        code: 'failed',
        message: expect.stringContaining('Move the store away'),
      });
    });
  }
});

describe('facts', () => {
  const member = (id = other, name = 'bravo', generation = 1) =>
    ({ kind: 'member', role: 'peer', id, name, generation }) as const;

  it('are merged, durable, and told once', async () => {
    const told: number[] = [];
    catalog.onFacts((changed) => told.push(changed.length));
    expect(await catalog.adopt([member(), member(self, 'alpha')])).toHaveLength(2);
    expect(await catalog.adopt([member()])).toEqual([]);
    expect(await catalog.adopt([member(other, 'bravo', 2), member()])).toEqual([member(other, 'bravo', 2)]);
    expect(told).toEqual([2, 1]);
    catalog = await reopened(7);
    expect(catalog.facts()).toHaveLength(2);
    expect(catalog.members().get(other)).toEqual(member(other, 'bravo', 2));
  });

  it('are put in order once, and R is worked out once, until one changes', async () => {
    const replicas = (value: number) => ({ kind: 'setting', name: 'replicas', value, revision: value }) as const;
    await catalog.adopt([member()]);
    expect(catalog.wantedCopies()).toBe(2);
    const before = catalog.facts();
    expect(catalog.facts()).toBe(before);
    await catalog.adopt([replicas(3)]);
    expect(catalog.facts()).toEqual([...before, replicas(3)]);
    expect(catalog.wantedCopies()).toBe(3);
    await catalog.adopt([replicas(4)]);
    expect(catalog.wantedCopies()).toBe(4);
  });

  it('name peers the same everywhere, and strangers by their id', async () => {
    expect(catalog.shownName(other)).toBe(other.slice(0, 8));
    await catalog.adopt([member(other, 'same'), member(self, 'same')]);
    const [lower, upper] = [self, other].sort();
    const names = [lower, upper].map((peer) => catalog.shownName(peer as typeof self));
    expect(names).toEqual(['same', 'same-2']);
  });

  it('keep a secret of any letters', async () => {
    const secret = { kind: 'secret', generation: 1, secret: 'schlüssel/100%', excludes: [] } as const;
    await catalog.adopt([secret]);
    catalog = await reopened(8);
    expect(catalog.facts()).toEqual([secret]);
    expect([...disk.keys()].every((key) => /^[\x20-\x7e]*$/.test(key))).toBe(true);
  });

  it('that lie under the key of another fold are moved and merged, and the peer starts', async () => {
    const grant = (at: string, right: 'read' | 'none', revision: number): GrantFact => ({
      ...{ kind: 'grant', path: at, who: 'anna', life: 0, homeLife: 0, right, revision },
    });
    const [small, capital, only] = [grant('stra\u00dfe', 'read', 1), grant('STRA\u1e9eE', 'none', 2), grant('\u0390', 'none', 1)];
    const { path: _path, who: _who, kind: _kind, ...said } = small;
    const both: GrantFact = { ...capital, others: [said] };
    await catalog.adopt([small]);
    // As a store has them whose writer folded case by toLowerCase alone.
    disk.apply([
      { key: 'a/grant/anna/stra%00dfe', value: encodeFact(small) },
      { key: 'a/grant/anna/%0390', value: encodeFact(only) },
      { key: 'a/grant/anna/STRA%1e9eE', value: encodeFact(capital) },
    ]);
    catalog = await reopened(9);
    expect(catalog.facts()).toEqual([both, only]);
    expect(disk.keys().filter((key) => key.startsWith('a/'))).toEqual([only, capital].map(factStoreKey));
    catalog = await reopened(10);
    expect(catalog.facts()).toEqual([both, only]);
  });
});
