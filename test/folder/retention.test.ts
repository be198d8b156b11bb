import { describe, expect, it } from 'vitest';
import { FolderBench, hashOf, path } from './folder-bench.ts';

describe('what is set aside', () => {
  const OLD = 'x'.repeat(40_000);
  const days = (count: number) => count * 24 * 3_600_000;
  const trash = (bench: FolderBench) => bench.private('trash').length;

  async function withBench(capacity: number | undefined, test: (bench: FolderBench) => Promise<void>): Promise<void> {
    const bench = new FolderBench('retention', capacity === undefined ? {} : { capacity: { bytes: capacity } });
    await bench.start();
    await test(bench);
    await bench.end();
  }

  async function later(bench: FolderBench, ms: number): Promise<void> {
    bench.node.wall.offsetMs += ms;
    await bench.restart();
    await bench.pass(1_000);
  }

  /** The mesh deletes a file held here. */
  async function buried(bench: FolderBench, name: string, text: string): Promise<void> {
    const version = bench.foreign(name, text);
    await bench.keep(name, version, text);
    await bench.folder.letGo(path(name), hashOf(text), bench.foreignTombstone(name, [version]));
  }

  it('is kept for 30 days, with its mode', () =>
    withBench(undefined, async (bench) => {
      await buried(bench, 'a', 'gone');
      expect(trash(bench)).toBe(1);
      expect((await bench.folder.oldCopies(path('a')))[0]).toMatchObject({ hash: hashOf('gone'), mode: 0o644 });
      await later(bench, days(29));
      expect(trash(bench)).toBe(1);
      await later(bench, days(2));
      expect(trash(bench)).toBe(0);
      expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
    }));

  it('takes a tenth of the capacity at most: the oldest goes first', () =>
    withBench(1_000_000, async (bench) => {
      for (const name of ['a', 'b', 'c']) await buried(bench, name, OLD + name);
      await bench.pass(3_700_000);
      expect(trash(bench)).toBe(2);
      expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
    }));
});
