import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

describe('on a disk that does not tell upper from lower case', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('case folding');
    bench.drive.volume.foldsCase = true;
    await bench.start();
  });
  afterEach(() => bench.end());

  const own = (name: string) => bench.ledger.own(path(name)).map(({ version, holding }) => `${version.kind} ${holding}`);

  it.each([
    ['Photo.jpg', 'photo.jpg'],
    ['Album/2026/a', 'album/2026/a'],
  ])('a file whose name changes in case alone is renamed: %s', async (before, after) => {
    bench.write(before, 'a picture');
    await bench.settle();
    const version = bench.held(before);
    const depth = before.startsWith('Album') ? ['Album', 'album'] : [before, after];
    bench.drive.userRename(depth[0] as string, depth[1] as string);
    await bench.pass(130_000);
    expect(bench.drive.userList()).toEqual([after]);
    expect(bench.tombstones(before)).toMatchObject([{ renamedTo: after }]);
    expect([own(before), own(after)]).toEqual([['tombstone none'], ['file all']]);
    expect(bench.folder.state().files).toBe(1);
    // Somebody deletes what the mesh took for the older one.
    await bench.folder.letGo(path(before), hashOf('a picture'), bench.foreignTombstone(before, [version]));
    await bench.pass(130_000);
    expect(bench.read(after)).toBe('a picture');
    expect(bench.contents(after)).toEqual([hashOf('a picture')]);
  });

  it('a file that is changed as well is another one, and the old name is free', async () => {
    bench.write('Photo.jpg', 'a picture');
    await bench.settle();
    bench.drive.userDelete('Photo.jpg');
    bench.write('photo.jpg', 'another picture');
    await bench.pass(130_000);
    expect([bench.contents('Photo.jpg'), bench.contents('photo.jpg')]).toEqual([[], [hashOf('another picture')]]);
    expect(bench.drive.userList()).toEqual(['photo.jpg']);
  });

  it('scans come no more often for that', async () => {
    bench.write('Photo.jpg', 'a picture');
    await bench.settle();
    bench.drive.userRename('Photo.jpg', 'photo.jpg');
    await bench.pass(130_000);
    let walks = 0;
    const { disk } = bench.platform;
    const walk = disk.walk.bind(disk);
    disk.walk = (under) => {
      walks += 1;
      return walk(under);
    };
    await bench.pass(180_000);
    expect(walks).toBeLessThanOrEqual(4);
  });

  it('what another peer has under that name in other case is declined, and nothing is told of it', async () => {
    const theirs = bench.foreign('Photo.jpg', 'theirs');
    const staging = await bench.staged('theirs');
    bench.write('photo.jpg', 'mine');
    await expect(bench.folder.keep(path('Photo.jpg'), theirs, staging)).rejects.toMatchObject({ code: 'bad-place' });
    await bench.pass(130_000);
    expect([own('Photo.jpg'), own('photo.jpg')]).toEqual([[], ['file all']]);
    expect(bench.read('photo.jpg')).toBe('mine');
  });

  it('…and on one that does, two names of one file are two', async () => {
    bench.drive.volume.foldsCase = false;
    bench.drive.userWrite('Photo.jpg', bytes('a picture'));
    bench.drive.volume.link(bench.drive.volume.file('Photo.jpg'), 'photo.jpg');
    bench.drive.hint('photo.jpg');
    await bench.pass(130_000);
    expect([own('Photo.jpg'), own('photo.jpg')]).toEqual([['file all'], ['file all']]);
    expect(bench.drive.userList()).toEqual(['Photo.jpg', 'photo.jpg']);
  });
});
