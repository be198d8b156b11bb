import { beforeEach, describe, expect, it } from 'vitest';
import type { HeldTable } from '../../src/folder/held-table.ts';
import { KeptManifests } from '../../src/folder/kept-manifests.ts';
import { Manifests } from '../../src/folder/manifests.ts';
import type { OldCopies } from '../../src/folder/old-copies.ts';
import type { RunsTable } from '../../src/folder/runs-table.ts';
import { StoreQueue } from '../../src/folder/store-queue.ts';
import type { Hasher } from '../../src/platform/hasher.ts';
import type { Store, StoreRange, StoreWrite } from '../../src/platform/store.ts';
import { hashOf } from './folder-bench.ts';
import { longText, MIB, manifestOf } from './long-texts.ts';

describe('a manifest that nothing needs', () => {
  const film = longText(2 * MIB);
  const [hash, manifest] = [hashOf(film), manifestOf(film)];
  let rows: Map<string, Uint8Array>;
  /** Called before a range is read. */
  let reading: () => void;
  let manifests: Manifests;
  let kept: KeptManifests;

  beforeEach(async () => {
    rows = new Map();
    reading = () => {};
    const store = {
      get: (key: string) => Promise.resolve(rows.get(key)),
      range: async ({ from, to }: StoreRange) => {
        reading();
        return [...rows].filter(([key]) => key >= from && key < to).map(([key, value]) => ({ key, value }));
      },
      batch: async (writes: readonly StoreWrite[]) => {
        for (const { key, value } of writes) value === undefined ? rows.delete(key) : rows.set(key, value);
      },
    } as unknown as Store;
    manifests = new Manifests({} as Hasher);
    const nothing = { hasHash: () => false, at: () => undefined };
    const [held, old, runs] = [nothing, nothing, nothing] as unknown as [HeldTable, OldCopies, RunsTable];
    kept = new KeptManifests({ store, queue: new StoreQueue(store), manifests, held, old, runs });
    await kept.save(hash, manifest);
  });

  it('goes with the second sweep that finds it so', async () => {
    await kept.sweep(false);
    expect(rows.size).toBe(2);
    await kept.sweep(false);
    expect([rows.size, kept.count]).toEqual([0, 0]);
  });

  it.each([
    ['is kept anew', () => kept.save(hash, manifest)],
    [
      'is written with a record',
      async () => {
        manifests.keep(hash, manifest);
        const { writes, noted } = kept.writesFor([hash]);
        for (const { key, value } of writes) rows.set(key, value as Uint8Array);
        await Promise.resolve();
        noted();
      },
    ],
  ])('stays when it %s while a sweep is about to remove it', async (_what, keep) => {
    await kept.sweep(false);
    let keeping: Promise<void> | undefined;
    reading = () => {
      keeping ??= keep();
    };
    await kept.sweep(false);
    await keeping;
    expect([rows.size, kept.count]).toEqual([2, 1]);
    reading = () => {};
    expect(Buffer.from((await kept.of(hash)) ?? [])).toEqual(Buffer.from(manifest));
  });
});
