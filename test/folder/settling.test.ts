import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FilePath } from '../../src/core/ids.ts';
import { Room } from '../../src/folder/room.ts';
import { Settling } from '../../src/folder/settling.ts';
import { FolderBench } from './folder-bench.ts';

const BATCH = 1_000;

describe('waiting until files rest', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('settling');
    await bench.start();
  });
  afterEach(() => bench.end());

  it('is not used up by tens of thousands of files that cannot be read', async () => {
    const stat = { size: 1, mtimeMs: 1, ctimeMs: 1, inode: 1, mode: 0o644 };
    bench.platform.disk.stat = () => Promise.resolve(stat);
    const { ledger, config, platform } = bench;
    const room = new Room({ ...platform, ledger, config, mesh: () => bench.mesh });
    const taken: string[] = [];
    const settling: Settling = new Settling(room, {
      settling: () => {},
      settled: ({ path }) => {
        if (path.startsWith('locked/')) return settling.again(path);
        taken.push(path);
        settling.done(path);
      },
    });
    const walk = async () => {
      for (let batch = 0; batch < 60; batch++) {
        await settling.roomFor(BATCH);
        const folder = batch === 59 ? 'open' : `locked/${batch}`;
        for (let file = 0; file < BATCH; file++) settling.add(`${folder}/${file}` as FilePath, stat);
      }
    };
    const walking = walk();
    await bench.pass(60_000);
    await walking;
    expect(taken).toHaveLength(BATCH);
    expect(settling.busyPaths().length).toBeGreaterThan(0);
    settling.stop();
    room.isStopped = true;
  });

  it('looks again at a file that a scan met changed, and not at one it met as it was', async () => {
    const stat = { size: 1, mtimeMs: 1, ctimeMs: 1, inode: 1, mode: 0o644 };
    const changed = { ...stat, ctimeMs: 2 };
    const { ledger, config, platform } = bench;
    const looked: string[] = [];
    platform.disk.statMany = (paths) => {
      looked.push(...paths);
      return Promise.resolve(paths.map(() => changed));
    };
    const room = new Room({ ...platform, ledger, config, mesh: () => bench.mesh });
    const settled: string[] = [];
    const settling = new Settling(room, { settling: () => {}, settled: ({ path }) => settled.push(path) });
    for (const path of ['a', 'b']) settling.add(path as FilePath, stat);
    settling.add('a' as FilePath, { ...stat });
    settling.add('b' as FilePath, changed);
    await bench.pass(500);
    expect(looked).toEqual(['b']);
    await bench.pass(2_000);
    expect(settled).toEqual(['a', 'b']);
    // While they are read.
    settling.add('a' as FilePath, { ...stat });
    settling.add('b' as FilePath, { ...changed, size: 2 });
    for (const path of settled) settling.done(path as FilePath);
    await bench.pass(500);
    expect(looked).toEqual(['b', 'b']);
    settling.stop();
    room.isStopped = true;
  });
});
