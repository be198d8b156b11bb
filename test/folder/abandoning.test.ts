import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderBench, hashOf, LOW, path } from './folder-bench.ts';

const HOUR_MS = 3_600_000;

describe('what nobody goes on with', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('folder', { smallBytesMax: 0 });
    await bench.start();
  });
  afterEach(() => bench.end());

  it('gives the room of an abandoned staging back, without a restart', async () => {
    const staging = await bench.folder.stage('upload-1', 1_000_000);
    await staging.write(0, new Uint8Array(10));
    expect(bench.folder.state()).toMatchObject({ incomingFiles: 1, incomingBytes: 1_000_000 });
    await bench.pass(2 * HOUR_MS);
    expect(bench.folder.state()).toMatchObject({ incomingFiles: 0, incomingBytes: 0 });
    await expect(staging.write(10, new Uint8Array(10))).rejects.toMatchObject({ code: 'gone' });
    // Its bytes wait on the disk for a week: whoever comes back goes on with them.
    expect(bench.private('stage')).toHaveLength(1);
    const again = await bench.folder.stage('upload-1', 1_000_000);
    expect(again.have).toBeLessThanOrEqual(10);
    await again.discard();
    expect(bench.private('stage')).toEqual([]);
  });

  it('never trusts a staging whose sync failed, and writes it anew', async () => {
    const version = bench.foreign('a', 'one');
    const staging = await bench.staged('one', 'upload-1');
    bench.drive.faults.syncErrorRate = 1;
    await expect(staging.digest()).rejects.toMatchObject({ code: 'failed' });
    bench.drive.faults.syncErrorRate = 0;
    // The kernel takes the lost bytes for clean now: a second sync would say that all is well.
    await expect(staging.digest()).rejects.toMatchObject({ code: 'failed' });
    await expect(bench.folder.keep(path('a'), version, staging)).rejects.toMatchObject({ code: 'failed' });
    await bench.keep('a', version, 'one');
    const again = await bench.folder.stage('upload-1', 3);
    expect(again.have).toBe(0);
    await again.discard();
    bench.node.powerLoss();
    await bench.start();
    expect(bench.read('a')).toBe('one');
  });

  it('removes an abandoned staging after a week, without a restart', async () => {
    await bench.staged('text', 'upload-1');
    await bench.pass(3 * HOUR_MS);
    bench.node.wall.offsetMs += 6 * 24 * HOUR_MS;
    await bench.pass(8 * HOUR_MS);
    expect(bench.private('stage')).toHaveLength(1);
    bench.node.wall.offsetMs += 24 * HOUR_MS;
    await bench.pass(3 * HOUR_MS);
    expect(bench.private('stage')).toEqual([]);
    expect(await bench.rows('s')).toBe(0);
  });

  it('removes it after a day when all of them take more than a tenth of the room, the oldest first', async () => {
    await bench.folder.stop();
    bench = new FolderBench('crowded', { smallBytesMax: 0, capacity: { bytes: 100_000 } });
    await bench.start();
    for (const name of ['upload-1', 'upload-2', 'upload-3']) {
      await bench.staged('x'.repeat(4_000), name);
      await bench.pass(HOUR_MS);
    }
    await bench.pass(20 * HOUR_MS);
    expect(bench.private('stage')).toHaveLength(3);
    await bench.pass(7 * HOUR_MS);
    expect(bench.private('stage')).toEqual(['.filemesh/stage/upload-2', '.filemesh/stage/upload-3']);
  });

  it('keeps it though the clock is far ahead at a start, or for a while', async () => {
    await bench.folder.stop();
    bench = new FolderBench('ahead', { smallBytesMax: 0, capacity: { bytes: 100_000 } });
    await bench.start();
    const stage = async (name: string) => {
      const staging = await bench.staged('x'.repeat(12_000), name);
      await staging.digest();
    };
    await stage('upload');
    await bench.pass(HOUR_MS + 120_000);
    await stage('once-upload');
    bench.node.kill();
    bench.node.wall.offsetMs += 8 * 24 * HOUR_MS;
    await bench.start();
    await bench.pass(5_000);
    expect(bench.private('stage')).toEqual(['.filemesh/stage/once-upload', '.filemesh/stage/upload']);
    bench.node.wall.offsetMs -= 8 * 24 * HOUR_MS;
    await bench.pass(2 * HOUR_MS);
    expect(bench.private('stage')).toEqual(['.filemesh/stage/upload']);
    // So long that it is looked for old ones once.
    bench.node.wall.offsetMs += 8 * 24 * HOUR_MS;
    await bench.pass(HOUR_MS - 1_000);
    bench.node.wall.offsetMs -= 8 * 24 * HOUR_MS;
    await bench.pass(2 * HOUR_MS);
    expect(bench.private('stage')).toEqual(['.filemesh/stage/upload']);
  });

  it('does not put a file down that was deleted while it was on its way', async () => {
    const version = bench.foreign('a', 'text');
    const staging = await bench.staged('text');
    bench.foreignTombstone('a', [version]);
    await expect(bench.folder.keep(path('a'), version, staging)).rejects.toMatchObject({ code: 'overtaken' });
    expect(bench.read('a')).toBeUndefined();
    await staging.discard();
  });

  it('lets go of nothing that is current again when its turn comes', async () => {
    bench.write('a', 'text');
    await bench.settle();
    const held = bench.held('a');
    const tombstone = bench.foreignTombstone('a', [held]);
    // Made by a client in the moment between the decision and the act.
    await bench.folder.make('1'.repeat(32) as never, [await bench.put('a', 'text', [tombstone])]);
    await bench.folder.letGo(path('a'), hashOf('text'), tombstone);
    expect(bench.read('a')).toBe('text');
    expect(bench.folder.holds(path('a'), hashOf('text'))).toBe(true);
  });
});

describe('what lies here and nobody looks at', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  const holding = (name: string) => bench.ledger.own(path(name)).map((record) => record.holding);

  it('is read again now and then: what rotted is set aside, across restarts', async () => {
    for (const name of ['a', 'b', 'c', 'd']) bench.write(name, `content of ${name}`);
    await bench.settle();
    bench.others.announce(LOW, path('c'), bench.held('c'));
    bench.drive.rot('c');
    for (let day = 0; day < 4; day++) {
      await bench.pass(8 * HOUR_MS);
      await bench.restart();
    }
    expect(['a', 'b', 'c', 'd'].map((name) => holding(name)[0])).toEqual(['all', 'all', 'none', 'all']);
    expect(bench.read('c')).toBeUndefined();
  });

  it('is read again by a machine that is up for less than a rest at a time too', async () => {
    for (const name of ['a', 'b']) bench.write(name, `content of ${name}`);
    await bench.settle();
    bench.others.announce(LOW, path('b'), bench.held('b'));
    bench.drive.rot('b');
    for (let day = 0; day < 8; day++) {
      await bench.pass(2 * HOUR_MS);
      await bench.restart();
    }
    expect(['a', 'b'].map((name) => holding(name)[0])).toEqual(['all', 'none']);
  });

  it('is not given up when a sibling is asked for while the folder is away', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    await bench.keep('a', bench.foreign('a', 'theirs'), 'theirs');
    bench.drive.unmount();
    await expect(bench.folder.open(path('a'), hashOf('theirs'))).rejects.toBeDefined();
    await bench.pass(100);
    bench.drive.mount();
    await bench.pass(10_000);
    expect(holding('a')).toEqual(['all', 'all']);
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
  });

  it('counts burials by others across a restart, and holds the trash', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
    for (const name of names) bench.write(name, name);
    await bench.settle();
    const bury = async (name: string) => {
      const version = bench.held(name);
      await bench.folder.letGo(path(name), hashOf(name), bench.foreignTombstone(name, [version]));
    };
    for (const name of names.slice(0, 10)) await bury(name);
    await bench.restart();
    for (const name of names.slice(10, 20)) await bury(name);
    expect(bench.folder.state().warnings.join()).toContain('trash');
  });

  it('counts no deletions of its own people, after a restart either', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `f${index}`);
    for (const name of names) bench.write(name, name);
    await bench.settle();
    for (const [index, name] of names.slice(0, 30).entries()) {
      const request = index.toString(16).padStart(32, '0') as never;
      await bench.folder.make(request, [{ kind: 'bury', path: path(name), base: [bench.held(name)] }]);
    }
    expect(bench.private('trash')).toHaveLength(30);
    await bench.restart();
    const version = bench.held('f79');
    await bench.folder.letGo(path('f79'), hashOf('f79'), bench.foreignTombstone('f79', [version]));
    expect(bench.private('trash')).toHaveLength(31);
    expect(bench.folder.state().warnings).toEqual([]);
    expect((await bench.folder.oldCopies(path('f79'))).map((copy) => Object.hasOwn(copy, 'byOthers'))).toEqual([false]);
  });

  it.each([
    { told: 'nowhere to be found', isKept: false },
    { told: 'kept here', isKept: true },
  ])('holds the trash for burials by others that tell of a new name, the bytes being $told: $isKept', async ({ isKept }) => {
    const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
    for (const name of names) bench.write(name, name);
    await bench.settle();
    for (const name of names) {
      const old = bench.held(name);
      const target = `new/${name}`;
      if (isKept) await bench.folder.keepFromHere(path(target), bench.foreign(target, name));
      await bench.folder.letGo(path(name), hashOf(name), bench.foreignTombstone(name, [old], target));
    }
    expect(bench.private('trash')).toHaveLength(40);
    expect(bench.folder.state().warnings.join().includes('the trash keeps them all')).toBe(!isKept);
  });
});
