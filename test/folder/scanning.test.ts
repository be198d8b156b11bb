import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { FolderBench, hashOf, path } from './folder-bench.ts';

describe('whole scans', () => {
  let bench: FolderBench;
  beforeEach(() => {
    bench = new FolderBench('scanning');
  });
  afterEach(() => bench.end());

  const wait = (ms: number) => new Promise<void>((resolve) => void bench.platform.clock.after(ms, () => resolve()));

  /** From now on a whole walk takes so long, all of it after its last entry; tells when each began. */
  function slowWalks(tookMs: number): number[] {
    const { disk, clock } = bench.platform;
    const walk = disk.walk.bind(disk);
    const begun: number[] = [];
    disk.walk = async function* (under?: string) {
      if (under === undefined) begun.push(clock.now());
      yield* walk(under);
      if (under === undefined) await wait(tookMs);
    };
    return begun;
  }

  it.each([
    { tookMs: 100, restMs: 60_000, what: 'of a small folder come at the usual interval' },
    { tookMs: 2_000, restMs: 100_000, what: 'of a large folder rest fifty times as long as the last one took' },
    { tookMs: 30_000, restMs: 300_000, what: 'of a huge folder rest five intervals at most' },
  ])('$what', async ({ tookMs, restMs }) => {
    await bench.start();
    const begun = slowWalks(tookMs);
    await bench.pass(800_000);
    const rests = begun.slice(1).map((atMs, index) => atMs - (begun[index] ?? 0) - tookMs);
    expect(rests.length).toBeGreaterThan(0);
    for (const each of rests) {
      // Beside the rest there are a few looks at the disk.
      expect(each).toBeGreaterThanOrEqual(restMs);
      expect(each).toBeLessThan(restMs * 1.05 + 500);
    }
  });

  it('a file deleted behind the walk of a long scan is missed by the next one, which comes soon', async () => {
    bench.write('a', 'a');
    await bench.start();
    const begun = slowWalks(20_000);
    const scan = bench.folder.scan();
    await bench.pass(5_000);
    expect(begun).toHaveLength(1);
    bench.drive.userDelete('a');
    await bench.pass(120_000);
    await scan;
    expect(bench.tombstones('a')).toHaveLength(1);
  });

  it('one that breaks off is told until one succeeds, and deletes nothing', async () => {
    bench.write('a', 'a');
    await bench.start();
    const { disk } = bench.platform;
    const walk = disk.walk.bind(disk);
    disk.walk = async function* () {
      yield [];
      throw new MeshError('failed', 'cannot read the folder f');
    };
    bench.drive.userDelete('a');
    await bench.pass(70_000);
    const warnings = () => bench.folder.state().warnings.filter((one) => one.includes('broke off'));
    expect(warnings()).toEqual(['the last scan of the folder broke off, and is tried again: cannot read the folder f']);
    expect(bench.tombstones('a')).toEqual([]);
    disk.walk = walk;
    await bench.pass(70_000);
    expect(warnings()).toEqual([]);
    expect(bench.tombstones('a')).toHaveLength(1);
  });

  it('pass over a folder that may not be read, though the disk refuses every act on single files in it', async () => {
    for (const name of ['locked/a', 'b', 'c']) bench.write(name, name);
    await bench.start();
    const { disk } = bench.platform;
    const stat = disk.stat.bind(disk);
    const syncNames = disk.syncNames.bind(disk);
    // As a real disk does it.
    const refused = () => Promise.reject(new MeshError('failed', 'EACCES'));
    disk.stat = (place) => (place.startsWith('locked/') ? refused() : stat(place));
    disk.syncNames = (place) => (place.startsWith('locked/') ? refused() : syncNames(place));
    bench.drive.unreadable.add('locked');
    bench.drive.userDelete('b');
    await bench.pass(10_000);
    expect(bench.tombstones('b')).toHaveLength(1);
    expect(bench.tombstones('locked/a')).toEqual([]);
    const begun = slowWalks(0);
    await bench.pass(60_000);
    expect(begun).toHaveLength(1);
    expect(bench.folder.state().warnings).toEqual([]);
    bench.drive.unreadable.clear();
    Object.assign(disk, { stat, syncNames });
    await bench.pass(70_000);
    expect(bench.contents('locked/a')).toEqual([hashOf('locked/a')]);
    expect(bench.folder.holds(path('locked/a'), hashOf('locked/a'))).toBe(true);
  });

  it('a link in the place of a folder that is ignored now deletes nothing of what was held in it', async () => {
    bench.write('linked/a', 'mine');
    await bench.start();
    bench.write('.filemeshignore', 'linked\n');
    await bench.settle();
    bench.drive.userRename('linked', 'linked.away');
    bench.drive.userDelete('linked.away/a');
    bench.drive.userSymlink('linked', '/elsewhere');
    await bench.pass(130_000);
    expect(bench.tombstones('linked/a')).toEqual([]);
    expect(bench.contents('linked/a')).toEqual([hashOf('mine')]);
  });

  it.each([
    ['f/a', 'f/a '],
    ['f/a', 'f/a.'],
    ['f/a', 'f /a'],
    ['f/a', `f/${`${'long'.repeat(60)}/`.repeat(5)}a`],
    ['f/\u00e4', 'f/a\u0308'],
    ['f\u00fc/a', 'fu\u0308/a'],
  ])('%s, renamed to a name the mesh does not keep, is deleted nowhere', async (name, refused) => {
    bench.write(name, 'mine');
    await bench.start();
    bench.drive.userRename(name, refused);
    await bench.pass(130_000);
    expect(bench.tombstones(name)).toEqual([]);
    expect(bench.contents(name)).toEqual([hashOf('mine')]);
    expect(bench.folder.holds(path(name), hashOf('mine'))).toBe(false);
    bench.drive.userRename(refused, name);
    await bench.pass(130_000);
    expect(bench.folder.holds(path(name), hashOf('mine'))).toBe(true);
  });

  it('a stop between the walk and what it found waits for nothing that comes no more', async () => {
    bench.write('a', 'a');
    await bench.boot();
    const { disk } = bench.platform;
    const probe = disk.probe.bind(disk);
    // The first scan has walked already when it looks at the root once more.
    const probed = new Promise<void>((resolve) => {
      disk.probe = async () => {
        resolve();
        await wait(100);
        return probe();
      };
    });
    await bench.world.scheduler.settle(probed);
    let isStopped = false;
    const stop = bench.folder.stop().then(() => {
      isStopped = true;
    });
    await bench.pass(60_000);
    expect(isStopped).toBe(true);
    await stop;
    expect(bench.folder.holds(path('a'), hashOf('a'))).toBe(false);
  });

  it('tell what was deleted though the disk refuses to look at one of the names, which waits', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `f${index}`);
    for (const name of [...names, ...Array.from({ length: 200 }, (_, index) => `stays${index}`)]) bench.write(name, name);
    await bench.start();
    const { disk } = bench.platform;
    const stat = disk.stat.bind(disk);
    disk.stat = (place) => (place === 'f7' ? Promise.reject(new MeshError('failed', 'EIO')) : stat(place));
    for (const name of names) bench.drive.userDelete(name);
    await bench.pass(20_000);
    expect(names.filter((name) => bench.tombstones(name).length === 0)).toEqual(['f7']);
    disk.stat = stat;
    await bench.pass(70_000);
    expect(bench.tombstones('f7')).toHaveLength(1);
    for (const name of names) bench.write(name, 'new');
    await bench.settle();
    expect(names.filter((name) => bench.contents(name)[0] !== hashOf('new'))).toEqual([]);
  });

  it('one that breaks off in the middle of recording leaves no name locked', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `f${index}`);
    for (const name of [...names, ...Array.from({ length: 200 }, (_, index) => `stays${index}`)]) bench.write(name, name);
    await bench.start();
    const { ledger } = bench;
    const own = ledger.own.bind(ledger);
    ledger.own = (name) => {
      if (name === 'f7') throw new MeshError('failed', 'EIO');
      return own(name);
    };
    for (const name of names) bench.drive.userDelete(name);
    await bench.pass(20_000);
    expect(bench.folder.state().warnings.join()).toContain('EIO');
    ledger.own = own;
    for (const name of names) bench.write(name, 'new');
    await bench.pass(70_000);
    expect(names.filter((name) => bench.contents(name)[0] !== hashOf('new'))).toEqual([]);
  });
});
