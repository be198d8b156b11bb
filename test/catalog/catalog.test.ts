import { beforeEach, describe, expect, it } from 'vitest';
import type { Catalog, Delta } from '../../src/catalog/catalog.ts';
import type { FilePath } from '../../src/core/ids.ts';
import { isBefore, versionKey } from '../../src/core/version.ts';
import { fullDisk, type MemoryStore, type StoreDisk } from './memory-store.ts';
import { contentOf, fileDraft, graveDraft, mint, path, peerNamed, restart, startOn, syncIndex } from './mesh-of-catalogs.ts';

const self = peerNamed('alpha');
const other = peerNamed('bravo');
const a = path('a');
const b = path('b');

let disk: StoreDisk;
let store: MemoryStore;
let catalog: Catalog;
beforeEach(async () => {
  ({ disk, store, catalog } = await startOn(self, 1));
});

const contents = (on: Catalog, at: FilePath) => on.view(at)?.contents.map((one) => one.hash);
const reopened = async (seed: number) => {
  const again = await restart({ disk, catalog }, seed);
  store = again.store;
  return again.catalog;
};

describe('a change', () => {
  it('is seen by readers only when it is durable', async () => {
    store.hold();
    const change = mint(catalog, a, 'one');
    await Promise.resolve();
    await Promise.resolve();
    expect(catalog.view(a)).toBeUndefined();
    expect(catalog.index(self)?.sequence).toBe(0);
    store.release();
    await change;
    expect(contents(catalog, a)).toEqual([contentOf('one')]);
    expect(catalog.index(self)?.sequence).toBe(1);
  });

  it('sees its own puts before anybody does', async () => {
    const seen = await catalog.change([a], (tx) => {
      const first = tx.mint(a, fileDraft(self, 'one'), [], 'all');
      tx.mint(a, fileDraft(self, 'two'), [first], 'all');
      return { own: tx.own(a).length, view: tx.view(a)?.contents.map((one) => one.hash), known: tx.known(a).length };
    });
    expect(seen).toEqual({ own: 1, view: [contentOf('two')], known: 1 });
    expect(catalog.view(a)?.known).toHaveLength(1);
  });

  it('that throws rejects its caller alone and leaves nothing', async () => {
    const good = mint(catalog, a, 'one');
    const bad = catalog.change([b], (tx) => {
      tx.mint(b, fileDraft(self, 'two'), [], 'all');
      throw new RangeError('no');
    });
    await expect(bad).rejects.toThrow(RangeError);
    await good;
    expect(catalog.view(b)).toBeUndefined();
    expect(contents(catalog, a)).toHaveLength(1);
  });

  it('may touch only the paths it named', async () => {
    await expect(catalog.change([a], (tx) => tx.own(b))).rejects.toThrow('only the paths it named');
  });

  it('keeps the keys it saves in the same batch, and in no keyspace of the catalog', async () => {
    store.hold();
    const change = catalog.change([a], (tx) => {
      tx.mint(a, fileDraft(self, 'one'), [], 'all');
      tx.save('f/a', new Uint8Array([7]));
    });
    store.release();
    await change;
    expect(store.batches).toBe(1);
    expect(await store.get('f/a')).toEqual(new Uint8Array([7]));
    await expect(catalog.change([a], (tx) => tx.save('x/a', undefined))).rejects.toThrow('keyspace');
  });

  it('that finds the store full rejects, and no counter of it is used again', async () => {
    const first = await mint(catalog, a, 'one');
    store.refusal = fullDisk();
    let refused = '';
    const failing = catalog.change([a], (tx) => {
      refused = versionKey(tx.mint(a, fileDraft(self, 'two'), [first], 'all'));
    });
    await expect(failing).rejects.toMatchObject({ code: 'full' });
    expect(contents(catalog, a)).toEqual([contentOf('one')]);
    store.refusal = undefined;
    const next = await mint(catalog, a, 'three');
    expect(versionKey(next)).not.toBe(refused);
    expect(next.own.writer).not.toBe(first.own.writer);
    expect(catalog.index(self)?.trail.map((start) => start.writer)).toEqual([first.own.writer, next.own.writer]);
  });
});

describe('group commit', () => {
  it('writes waiting changes of different paths in one batch, in the order they came', async () => {
    store.hold();
    const running = mint(catalog, path('running'), 'x');
    await Promise.resolve();
    await Promise.resolve();
    const names = Array.from({ length: 50 }, (_, index) => path(`file ${index}`));
    const versions = Promise.all(names.map((name) => mint(catalog, name, name)));
    store.release();
    await running;
    const counters = (await versions).map((version) => version.own.counter);
    expect(counters).toEqual(names.map((_, index) => index + 2));
    expect(store.batches).toBe(2);
  });

  it('parts changes of one path: the second sees what the first made', async () => {
    const both = await Promise.all([mint(catalog, a, 'one'), mint(catalog, a, 'two')]);
    expect(isBefore(both[0], both[1])).toBe(true);
    expect(contents(catalog, a)).toEqual([contentOf('two')]);
    expect(store.batches).toBe(2);
  });

  it('tells listeners once a batch, after memory has it', async () => {
    const told: string[] = [];
    catalog.onPaths((paths) => told.push([...paths].join(), String(catalog.view(a)?.contents.length)));
    catalog.onOwn((sequence) => told.push(`own ${sequence}`));
    await Promise.all([mint(catalog, a, 'one'), mint(catalog, b, 'two')]);
    expect(told).toEqual(['a,b', '1', 'own 2']);
  });

  it('goes on when a listener throws', async () => {
    catalog.onPaths(() => {
      throw new Error('listener');
    });
    await mint(catalog, a, 'one');
    expect(contents(catalog, a)).toHaveLength(1);
  });

  it('refuses changes after close and finishes those before', async () => {
    const before = mint(catalog, a, 'one');
    const closed = catalog.close();
    await expect(mint(catalog, b, 'two')).rejects.toMatchObject({ code: 'closed' });
    await closed;
    await before;
    expect(contents(catalog, a)).toHaveLength(1);
  });
});

describe('the own index', () => {
  it('replaces the record of a version, and numbers it anew', async () => {
    const version = await mint(catalog, a, 'one');
    await catalog.change([a], (tx) => tx.put({ path: a, version, holding: 'none' }));
    expect(catalog.own(a)).toEqual([{ path: a, version, holding: 'none' }]);
    expect((await catalog.read(self, 0, 10)).records.map((one) => one.sequence)).toEqual([2]);
  });

  it('gives no sequence to a put that says nothing new, or of a dominated version', async () => {
    const one = await mint(catalog, a, 'one');
    const two = await mint(catalog, a, 'two');
    await catalog.change([a], (tx) => {
      tx.put({ path: a, version: one, holding: 'all' });
      tx.put({ path: a, version: two, holding: 'all' });
    });
    expect(catalog.index(self)?.sequence).toBe(2);
    expect(catalog.own(a).map((record) => record.version)).toEqual([two]);
    expect([...disk.keys()].filter((key) => key.startsWith('x/'))).toHaveLength(1);
  });

  it('keeps siblings in consecutive sequences', async () => {
    const [one, two] = await catalog.change([a, b], (tx) => [
      tx.mint(a, fileDraft(self, 'one'), [], 'all'),
      tx.mint(b, fileDraft(self, 'else'), [], 'all'),
    ]);
    await catalog.change([a], (tx) => tx.mint(a, fileDraft(self, 'two'), [], 'all'));
    const { records } = await catalog.read(self, 0, 10);
    expect(records.map(({ sequence, path: at }) => [sequence, at])).toEqual([
      [2, 'b'],
      [3, 'a'],
      [4, 'a'],
    ]);
    expect(contents(catalog, a)).toHaveLength(2);
    expect(one?.own.writer).toBe(two?.own.writer);
  });

  it('takes a one-off writer where a larger counter would be taken for descent', async () => {
    const one = await mint(catalog, a, 'one');
    const sibling = await catalog.change([a], (tx) => tx.mint(a, fileDraft(self, 'two'), [], 'all'));
    expect(sibling.own.writer).not.toBe(one.own.writer);
    expect(contents(catalog, a)).toHaveLength(2);
    expect(catalog.index(self)?.trail).toHaveLength(1);
  });

  it('has another writer after each start that wrote, and keeps what it had', async () => {
    const one = await mint(catalog, a, 'one');
    catalog = await reopened(2);
    expect(catalog.own(a)).toEqual([{ path: a, version: one, holding: 'all' }]);
    const two = await mint(catalog, a, 'two');
    expect(two.own.writer).not.toBe(one.own.writer);
    expect(two.own.counter).toBe(2);
    expect(catalog.index(self)?.trail).toEqual([
      { writer: one.own.writer, first: 1 },
      { writer: two.own.writer, first: 2 },
    ]);
  });

  it('tells of a start only when it is durable', async () => {
    expect(catalog.index(self)).toEqual({ peer: self, trail: [], sequence: 0, cursor: undefined });
    await catalog.startAnew();
    const { writer } = catalog;
    expect(catalog.index(self)?.trail).toEqual([{ writer, first: 1 }]);
    catalog = await reopened(3);
    expect(catalog.index(self)?.trail).toEqual([{ writer, first: 1 }]);
  });
});

describe('the namespace', () => {
  it('pages through paths in order while some are added', async () => {
    for (const name of ['d', 'b', 'a']) await mint(catalog, path(name), name);
    expect(catalog.paths('', 2)).toEqual(['a', 'b']);
    await mint(catalog, path('c'), 'c');
    expect(catalog.paths('b', 9)).toEqual(['c', 'd']);
  });

  it('knows twins by case and folders, of what has contents now', async () => {
    for (const name of ['dir/File', 'dir/file', 'dir/FILE', 'Dir/other']) await mint(catalog, path(name), name);
    expect(catalog.twinsOf(path('dir/file')).sort()).toEqual(['dir/FILE', 'dir/File']);
    expect(catalog.twinsOf(path('dir/FILE')).sort()).toEqual(['dir/File', 'dir/file']);
    expect(catalog.twinsOf(path('DIR/OTHER'))).toEqual(['Dir/other']);
    expect([
      catalog.folders.isFolder('dir'),
      catalog.folders.isFolder('Dir'),
      catalog.folders.isFolder('dir/file'),
      catalog.folders.isFolder('di'),
    ]).toEqual([true, true, false, false]);
    const grave = path('Dir/other');
    await catalog.change([grave], (tx) => tx.mint(grave, graveDraft(self, []), tx.known(grave), 'none'));
    expect(catalog.twinsOf(path('DIR/OTHER'))).toEqual([]);
    expect(catalog.folders.isFolder('Dir')).toBe(false);
    expect(catalog.paths('', 9)).toContain('Dir/other');
  });

  it('is the same after the store is read again', async () => {
    await mint(catalog, path('Dir/x'), 'x');
    await mint(catalog, b, 'b');
    const views = [catalog.view(path('Dir/x')), catalog.view(b)];
    catalog = await reopened(5);
    expect([catalog.view(path('Dir/x')), catalog.view(b)]).toEqual(views);
    expect(catalog.folders.isFolder('Dir')).toBe(true);
  });
});

describe('a page of an index', () => {
  it('ends where a path ends, and says how far it reaches', async () => {
    await mint(catalog, b, 'first');
    await mint(catalog, a, 'one');
    await catalog.change([a], (tx) => tx.mint(a, fileDraft(self, 'two'), [], 'all'));
    const first = await catalog.read(self, 0, 2);
    expect(first).toMatchObject({ upTo: 1, last: false });
    const rest = await catalog.read(self, first.upTo, 2);
    expect(rest.records.map((one) => one.path)).toEqual(['a', 'a']);
    expect(rest).toMatchObject({ upTo: catalog.index(self)?.sequence, last: true });
  });
});

describe('a delta', () => {
  it('of the own index is never taken', async () => {
    await mint(catalog, a, 'one');
    const { catalog: twin } = await startOn(self, 9, disk.backup());
    await mint(twin, b, 'two');
    expect(await syncIndex(twin, catalog, self)).toBe(false);
    expect(catalog.view(b)).toBeUndefined();
  });

  it('that contradicts itself is refused with `protocol`', async () => {
    const { catalog: reader } = await startOn(other, 3);
    await mint(catalog, a, 'one');
    const { records } = await catalog.read(self, 0, 9);
    const { trail } = catalog.index(self) as { trail: Delta['trail'] };
    const delta: Delta = { index: self, trail, after: 0, upTo: 1, whole: true, last: true, records };
    for (const wrong of [{ after: 1 }, { upTo: 0 }, { trail: [] }, { records: [...records, ...records] }]) {
      await expect(reader.take({ ...delta, ...wrong }, true)).rejects.toMatchObject({ code: 'protocol' });
    }
    expect(await reader.take(delta, true)).toBe(true);
  });
});
