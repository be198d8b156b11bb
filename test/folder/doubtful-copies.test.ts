import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { isBefore } from '../../src/core/version.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import { bytes, FolderBench, hashOf, LOW, path } from './folder-bench.ts';

const GOOD = 'sound content';

describe('a copy that nobody can be served from', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('doubtful copies');
    await bench.start();
  });
  afterEach(() => bench.end());

  const ownKinds = () => bench.ledger.own(path('a')).map(({ version, holding }) => `${version.kind} ${holding}`);
  const verify = () => bench.folder.verify(path('a'), hashOf(GOOD));
  const fault = (what: string) => new MeshError('failed', `cannot ${what} a: the disk says so`);

  /** A file of this peer, which another one says it has, too. */
  async function filed(): Promise<void> {
    bench.write('a', GOOD);
    await bench.settle();
    bench.others.announce(LOW, path('a'), bench.held('a'));
  }

  /** The disk does not open that file for the next `times`, whoever asks; until the function given is called. */
  function lock(times = Number.POSITIVE_INFINITY): () => void {
    const { disk } = bench.platform;
    const [open, readMany] = [disk.open.bind(disk), disk.readMany.bind(disk)];
    let left = times;
    const isLocked = (place: string) => place === 'a' && left-- > 0;
    disk.open = (place) => (isLocked(place) ? Promise.reject(fault('open')) : open(place));
    disk.readMany = async (places, options) => {
      const files = await readMany(places, options);
      return files.map((file, index) => {
        return isLocked(places[index] as string) ? { code: 'failed', message: fault('open').message } : file;
      });
    };
    return () => {
      left = 0;
    };
  }

  it('because its mode says so counts no more, stays, and is held again once it can be opened', async () => {
    await filed();
    const unlock = lock();
    bench.drive.userChmod('a', 0);
    await bench.pass(70_000);
    expect(ownKinds()).toEqual(['file none']);
    expect(bench.read('a')).toBe(GOOD);
    unlock();
    await bench.pass(400_000);
    expect(ownKinds()).toEqual(['file all']);
    expect(bench.read('a')).toBe(GOOD);
  });

  it('because somebody wrote it anew for himself counts no more, and is an edit once it can be opened', async () => {
    await filed();
    const before = bench.held('a');
    const unlock = lock();
    bench.write('a', 'not for everybody');
    await bench.pass(70_000);
    expect(ownKinds()).toEqual(['file none']);
    expect(bench.contents('a')).toEqual([hashOf(GOOD)]);
    expect(bench.read('a')).toBe('not for everybody');
    unlock();
    await bench.pass(400_000);
    expect(bench.contents('a')).toEqual([hashOf('not for everybody')]);
    expect(isBefore(before, bench.held('a'))).toBe(true);
  });

  it('is found by whoever asks for it, and by whoever looks whether it is right', async () => {
    for (const found of [() => bench.folder.open(path('a'), hashOf(GOOD)).catch(() => undefined), verify]) {
      await filed();
      const unlock = lock();
      await found();
      await bench.pass(10_000);
      expect(ownKinds()).toEqual(['file none']);
      unlock();
      await bench.pass(400_000);
      expect(ownKinds()).toEqual(['file all']);
    }
  });

  it('is found by a read that fails', async () => {
    await filed();
    const { disk, hasher } = bench.platform;
    const [open, digest] = [disk.open.bind(disk), hasher.digest.bind(hasher)];
    const bad = new WeakSet<OpenFile>();
    disk.open = async (place) => {
      const file = await open(place);
      if (place === 'a') bad.add(file);
      if (place === 'a') file.read = () => Promise.reject(fault('read'));
      return file;
    };
    hasher.digest = (file, like) => (bad.has(file) ? Promise.reject(fault('read')) : digest(file, like));
    const copy = await bench.folder.open(path('a'), hashOf(GOOD));
    await expect(copy.read(0, 5)).rejects.toMatchObject({ code: 'failed' });
    await copy.close();
    await bench.pass(1_000);
    expect(ownKinds()).toEqual(['file none']);
  });

  it('once, is no proof', async () => {
    await filed();
    lock(1);
    await bench.folder.open(path('a'), hashOf(GOOD)).catch(() => undefined);
    await bench.pass(10_000);
    lock(1);
    expect(await verify()).toBe(true);
    lock(1);
    bench.drive.userChmod('a', 0o600);
    await bench.pass(70_000);
    expect(ownKinds()).toEqual(['file all']);
  });

  it('while nothing of the folder can be opened, is no proof', async () => {
    await filed();
    lock();
    const { disk } = bench.platform;
    const probe = disk.probe.bind(disk);
    disk.probe = async () => ({ state: 'unreadable', reason: 'no descriptors are left' });
    await expect(verify()).rejects.toMatchObject({ code: 'paused' });
    disk.probe = probe;
    expect(ownKinds()).toEqual(['file all']);
  });

  it('for its bytes are wrong is what it was when good ones are put back with the time they had', async () => {
    bench.write('a', GOOD);
    await bench.settle();
    const { mode, mtimeMs } = bench.drive.volume.file('a').stat();
    bench.drive.rot('a');
    await bench.pass(5_000);
    expect(await verify()).toBe(false);
    expect(ownKinds()).toEqual(['file none']);
    await bench.pass(70_000);
    const file = bench.drive.volume.file('a');
    bench.drive.volume.write(file, 0, bytes(GOOD));
    file.finish(mode, mtimeMs, bench.platform.clock.wall());
    await bench.pass(130_000);
    expect(ownKinds()).toEqual(['file all']);
    expect(bench.folder.state().notKept).toEqual([]);
  });

  it('for its bytes are wrong is no edit when its mode changes, and is not read again and again for that', async () => {
    bench.write('a', GOOD);
    await bench.settle();
    bench.drive.rot('a');
    await verify();
    bench.drive.userChmod('a', 0o600);
    await bench.pass(130_000);
    expect(bench.contents('a')).toEqual([hashOf(GOOD)]);
    const { disk } = bench.platform;
    const readMany = disk.readMany.bind(disk);
    let reads = 0;
    disk.readMany = (places, options) => {
      reads += places.includes('a') ? 1 : 0;
      return readMany(places, options);
    };
    await bench.pass(130_000);
    expect(reads).toBe(0);
    expect(ownKinds()).toEqual(['file none']);
  });

  describe('of wrong bytes,', () => {
    const trash = () => bench.private('trash').length;

    it('stays when whoever else had it was removed from the mesh', async () => {
      await filed();
      bench.others.removed.add(LOW);
      bench.drive.rot('a');
      const rotten = bench.read('a');
      expect(await verify()).toBe(false);
      await bench.folder.scan();
      expect(bench.read('a')).toBe(rotten);
      expect(trash()).toBe(0);
      expect(bench.folder.state().notKept).toMatchObject([{ path: 'a' }]);
    });

    it('is not purged from the trash once who else had it was removed, or is away', async () => {
      for (const gone of [bench.others.removed, bench.others.away]) {
        await filed();
        bench.drive.rot('a');
        expect(await verify()).toBe(false);
        expect([trash(), bench.read('a')]).toEqual([1, undefined]);
        gone.add(LOW);
        await bench.days(32);
        expect(trash()).toBe(1);
        gone.clear();
        await bench.pass(3_700_000);
        expect(trash()).toBe(0);
      }
    });
  });
});
