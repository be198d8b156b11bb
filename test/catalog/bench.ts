import { createHash } from 'node:crypto';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import type { Draft } from '../../src/core/version.ts';
import { openNodeStore } from '../../src/platform/node/node-store.ts';
import { MemoryStore, StoreDisk } from './memory-store.ts';
import { openCatalog, syncIndex } from './mesh-of-catalogs.ts';

/**
 * Load time and memory with 100,000 files in 3 indexes, on the real store. Run by hand, twice, since only a fresh process tells
 * what a peer needs: node --expose-gc --import tsx test/catalog/bench.ts fill FILE, then … load FILE
 */
const FILES = 100_000;
const CHANGES_AT_ONCE = 1_000;
const ROWS_AT_ONCE = 5_000;

const peers = ['a', 'b', 'c'].map((name) => createHash('sha256').update(name).digest('hex') as PeerId);
const memory = () => {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return `heap ${mebibytes(heapUsed)}, rss ${mebibytes(rss)}`;
};
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const timed = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
  const start = performance.now();
  const result = await act();
  console.log(`${what}: ${(performance.now() - start).toFixed(0)} ms; ${memory()}`);
  return result;
};
const hash = (text: string) => createHash('sha256').update(text).digest('hex') as ContentHash;
const draft = (number: number): Draft => ({
  kind: 'file',
  hash: hash(`content ${number}`),
  size: number * 7,
  mode: 0o644,
  manifest: { scheme: 1, hash: hash(`manifest ${number}`) },
  found: false,
  origin: peers[0] as PeerId,
  modifiedMs: 1_700_000_000_000.5 + number,
});
const pathOf = (number: number) => `folder-${number % 100}/some name of a file ${number}.txt` as FilePath;

async function fill(file: string): Promise<void> {
  const disks = peers.map(() => new StoreDisk());
  const [first, second, third] = (await Promise.all(
    peers.map((self, index) => openCatalog(self, new MemoryStore(disks[index] as StoreDisk), index)),
  )) as [Catalog, Catalog, Catalog];
  await timed('files put by one', async () => {
    for (let from = 0; from < FILES; from += CHANGES_AT_ONCE) {
      const numbers = Array.from({ length: CHANGES_AT_ONCE }, (_, index) => from + index);
      await Promise.all(
        numbers.map((number) => first.change([pathOf(number)], (tx) => tx.mint(pathOf(number), draft(number), [], 'all'))),
      );
    }
  });
  for (const other of [second, third]) {
    await timed('its index read by another', () => syncIndex(first, other, first.self));
    await timed('and recorded there', () => recordAll(other));
  }
  await timed('their indexes read by the first', async () => {
    for (const other of [second, third]) await syncIndex(other, first, other.self);
  });
  const store = await openNodeStore(file);
  const rows = [...(disks[0] as StoreDisk).values].map(([key, value]) => ({ key, value }));
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) await store.batch(rows.slice(from, from + ROWS_AT_ONCE));
  await store.close();
}

async function recordAll(catalog: Catalog): Promise<void> {
  for (let after = ''; ; ) {
    const paths = catalog.paths(after, CHANGES_AT_ONCE);
    if (paths.length === 0) return;
    await Promise.all(
      paths.map((path) =>
        catalog.change([path], (tx) => {
          for (const version of tx.known(path)) tx.put({ path, version, holding: 'all' });
        }),
      ),
    );
    after = paths.at(-1) as string;
  }
}

async function loadFrom(file: string): Promise<void> {
  console.log(`empty: ${memory()}`);
  const store = await openNodeStore(file);
  const start = performance.now();
  const catalog = await openCatalog(peers[0] as PeerId, store, 9);
  const { heapUsed, rss } = process.memoryUsage();
  console.log(
    `opened: ${(performance.now() - start).toFixed(0)} ms; before collection heap ${mebibytes(heapUsed)}, rss ${mebibytes(rss)}`,
  );
  console.log(`after collection: ${memory()}`);
  await timed('all views made', async () => {
    for (let after = ''; ; ) {
      const paths = catalog.paths(after, 500);
      for (const path of paths) catalog.view(path);
      if (paths.length === 0) return;
      after = paths.at(-1) as string;
    }
  });
  await store.close();
}

const [mode, file] = process.argv.slice(2);
if (file === undefined) throw new Error('fill FILE | load FILE');
await (mode === 'fill' ? fill(file) : loadFrom(file));
