import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { FilePath } from '../../src/core/ids.ts';
import type { MemoryStore, StoreDisk } from './memory-store.ts';
import { fileDraft, path, peerNamed, restart, startOn } from './mesh-of-catalogs.ts';

const self = peerNamed('alpha');

let disk: StoreDisk;
let store: MemoryStore;
let catalog: Catalog;
beforeEach(async () => {
  ({ disk, store, catalog } = await startOn(self, 1));
});
const reopened = async (seed: number) => {
  const again = await restart({ disk, catalog }, seed);
  store = again.store;
  return again.catalog;
};

describe('the newest records of the own index', () => {
  const paths = (count: number, from = 0) => Array.from({ length: count }, (_, index) => path(`${from + index}`));
  const mintAll = (all: readonly FilePath[]) =>
    catalog.change(all, (tx) => {
      for (const one of all) tx.mint(one, fileDraft(self, one), [], 'all');
    });

  it('are read without the store, those of an earlier start with it', async () => {
    await mintAll(paths(10));
    catalog = await reopened(3);
    await mintAll(paths(10, 10));
    const asked = store.ranges;
    const { records } = await catalog.read(self, 10, 100);
    expect(records.map((one) => one.path)).toEqual(paths(10, 10));
    expect(store.ranges).toBe(asked);
    expect((await catalog.read(self, 9, 100)).records).toHaveLength(11);
    expect(store.ranges).toBeGreaterThan(asked);
  });

  it('are not kept without bound, and none is passed over', async () => {
    await mintAll(paths(9_000));
    await mintAll(paths(100, 9_000));
    const asked = store.ranges;
    expect((await catalog.read(self, 9_050, 100)).records).toHaveLength(50);
    expect(store.ranges).toBe(asked);
    expect((await catalog.read(self, 0, 50)).records.map((one) => one.path)).toEqual(paths(50));
    expect(store.ranges).toBeGreaterThan(asked);
  });
});
