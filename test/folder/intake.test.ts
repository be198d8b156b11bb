import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { FileStat } from '../../src/platform/disk.ts';
import { versionShape } from '../catalog/version-shape.ts';
import { bytes, FolderBench, hashOf } from './folder-bench.ts';

describe('taking in what people do', () => {
  let bench: FolderBench;
  beforeEach(() => {
    bench = new FolderBench('intake');
  });
  afterEach(() => bench.end());

  it('is not held up by files of the same content in a folder that may not be read', async () => {
    bench.write('locked/a', 'same');
    for (const name of ['x', 'y', 'z']) bench.write(name, name);
    await bench.start();
    bench.drive.unreadable.add('locked');
    bench.write('b', 'same');
    bench.write('c', 'other');
    await bench.pass(1_500);
    expect(bench.contents('b')).toEqual([hashOf('same')]);
    expect(bench.contents('c')).toEqual([hashOf('other')]);
    expect(bench.tombstones('locked/a')).toEqual([]);
  });

  it('takes no file for renamed that a link hides', async () => {
    bench.write('folder/a', 'same');
    await bench.start();
    bench.drive.userRename('folder/a', 'away');
    bench.drive.userDelete('folder');
    bench.drive.userSymlink('folder', '/elsewhere');
    await bench.pass(1_500);
    expect(bench.contents('away')).toEqual([hashOf('same')]);
    expect(bench.tombstones('folder/a')).toEqual([]);
  });

  it.each([1e18, -1e18])('tells of a time that no date can be (%d ms) the nearest that one can', async (mtimeMs) => {
    await bench.start();
    bench.write('a', 'one');
    bench.drive.userTouch('a', mtimeMs);
    await bench.settle();
    expect(versionShape.safeParse(bench.held('a')).success).toBe(true);
    expect(Math.sign(bench.held('a').modifiedMs)).toBe(Math.sign(mtimeMs));
  });

  it('notices a write that comes after the reading, though its program puts size and mtime back', async () => {
    await bench.start();
    const { disk } = bench.platform;
    const [statMany, readMany, walk] = [disk.statMany.bind(disk), disk.readMany.bind(disk), disk.walk.bind(disk)];
    const putBack = (is: FileStat): FileStat => ({ ...is, mtimeMs: 5 });
    let reads = 0;
    disk.statMany = async (places) => {
      if (places.includes('a') && reads === 1) {
        reads += 1;
        bench.drive.userWrite('a', bytes('two'));
      }
      return (await statMany(places)).map((is) => (is !== undefined && 'size' in is ? putBack(is) : is));
    };
    disk.readMany = async (places, options) => {
      const files = await readMany(places, options);
      reads += 1;
      return files.map((file) => ('bytes' in file ? { ...file, stat: putBack(file.stat), after: putBack(file.after) } : file));
    };
    disk.walk = async function* (under?: string) {
      for await (const batch of walk(under))
        yield batch.map((entry) => (entry.kind === 'file' ? { ...entry, stat: putBack(entry.stat) } : entry));
    };
    bench.write('a', 'one');
    await bench.settle();
    expect(bench.read('a')).toBe('two');
    expect(bench.contents('a')).toEqual([hashOf('two')]);
  });

  it('lists a file that cannot be read as not kept, until it is gone', async () => {
    await bench.start();
    const { disk } = bench.platform;
    const [open, readMany] = [disk.open.bind(disk), disk.readMany.bind(disk)];
    const refused = { code: 'failed', message: 'EACCES' } as const;
    disk.open = (place) => (place === 'a' ? Promise.reject(new MeshError('failed', 'EACCES')) : open(place));
    disk.readMany = async (places, options) =>
      (await readMany(places, options)).map((file, index) => (places[index] === 'a' && 'bytes' in file ? refused : file));
    bench.write('a', 'secret');
    await bench.pass(10_000);
    expect(bench.folder.state().notKept).toEqual([{ path: 'a', reason: 'EACCES' }]);
    bench.drive.userDelete('a');
    await bench.pass(100_000);
    expect(bench.folder.state().notKept).toEqual([]);
  });

  it('never calls a file unreadable that has grown since it settled', async () => {
    await bench.start();
    const { disk } = bench.platform;
    const readMany = disk.readMany.bind(disk);
    let size = 1;
    disk.readMany = (places, options) => {
      size += 300_000;
      bench.drive.userWrite('a', new Uint8Array(size));
      return readMany(places, options);
    };
    bench.write('a', 'short');
    for (let ms = 0; ms < 5_000; ms += 100) {
      await bench.pass(100);
      expect(bench.folder.state().notKept).toEqual([]);
    }
    expect(size).toBeGreaterThan(1);
    expect(bench.held('a').size).toBe(size);
  });
});
