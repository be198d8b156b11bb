import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MeshId } from '../../src/core/ids.ts';
import { FolderBench, hashOf, path } from './folder-bench.ts';

describe('the folder can lie', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  async function fill(count: number): Promise<void> {
    for (let index = 0; index < count; index++) bench.write(`f/${index}`, `content ${index}`);
    await bench.settle();
    expect(bench.folder.state().files).toBe(count);
  }
  const tombstones = () => bench.ledger.records().filter((record) => record.version.kind === 'tombstone').length;
  const held = () => bench.ledger.records().filter((record) => record.holding === 'all').length;

  it('an unmounted folder pauses and deletes nothing; mounted again it goes on', async () => {
    await fill(30);
    bench.drive.unmount();
    await bench.pass(10_000);
    expect(bench.folder.state().paused).toContain('filemesh resume --deleted');
    expect(tombstones()).toBe(0);
    await expect(bench.folder.open(path('f/1'), hashOf('content 1'))).rejects.toMatchObject({ code: 'paused' });
    await expect(bench.folder.stage('x', 1)).rejects.toMatchObject({ code: 'paused' });
    bench.drive.mount();
    await bench.pass(10_000);
    expect(bench.folder.state().paused).toBeUndefined();
    expect(tombstones()).toBe(0);
    bench.write('new', 'new');
    await bench.settle();
    expect(bench.contents('new')).toEqual([hashOf('new')]);
  });

  it('an unmount during the two scans of a delete deletes nothing', async () => {
    await fill(5);
    bench.drive.userDelete('f/1');
    await bench.pass(900);
    bench.drive.unmount();
    await bench.pass(10_000);
    expect(tombstones()).toBe(0);
    bench.drive.mount();
    await bench.pass(10_000);
    expect(tombstones()).toBe(1);
  });

  it('another folder in its place, with its marker and on its disk, is not believed before the next start', async () => {
    await fill(5);
    const { disk } = bench.platform;
    const probe = disk.probe.bind(disk);
    const swap = () => {
      disk.probe = async () => ({ ...(await probe()), inode: 77 }) as Awaited<ReturnType<typeof probe>>;
    };
    swap();
    bench.drive.userDelete('f/1');
    bench.write('f/2', 'as it was then');
    await bench.pass(70_000);
    expect(bench.folder.state().paused).toContain('stop the peer and start it again');
    expect([tombstones(), bench.contents('f/2')]).toEqual([0, [hashOf('content 2')]]);
    disk.probe = probe;
    await bench.pass(10_000);
    expect([bench.folder.state().paused, tombstones()]).toEqual([undefined, 1]);
    expect(bench.contents('f/2')).toEqual([hashOf('as it was then')]);
    swap();
    bench.drive.userDelete('f/3');
    await bench.pass(70_000);
    for (const answer of ['deleted', 'restore'] as const)
      await expect(bench.folder.resume(answer)).rejects.toMatchObject({ code: 'paused', message: /stop the peer/ });
    expect(tombstones()).toBe(1);
    await bench.restart();
    expect(bench.folder.state().paused).toBeUndefined();
  });

  it('a folder that may not be read is passed over: nothing in it is deleted, and what is beside it is', async () => {
    await fill(5);
    bench.write('locked/a', 'mine');
    await bench.settle();
    bench.drive.unreadable.add('locked');
    bench.drive.userDelete('f/1');
    await bench.pass(70_000);
    expect(bench.tombstones('f/1')).toHaveLength(1);
    expect(tombstones()).toBe(1);
    expect(bench.folder.state().notKept).toContainEqual({ path: 'locked', reason: 'unreadable' });
    bench.drive.unreadable.clear();
    await bench.pass(70_000);
    expect(bench.contents('locked/a')).toEqual([hashOf('mine')]);
  });

  it.each(['missing', 'unreadable'] as const)('a root that is %s pauses', async (trouble) => {
    await fill(3);
    bench.drive.trouble = trouble;
    await bench.pass(70_000);
    expect(bench.folder.state().paused).toContain(trouble);
    bench.drive.trouble = 'none';
    await bench.pass(10_000);
    expect(bench.folder.state().paused).toBeUndefined();
    expect(tombstones()).toBe(0);
  });

  it('many files missing at once pull the brake; resume --deleted believes it', async () => {
    await fill(40);
    for (let index = 0; index < 25; index++) bench.drive.userDelete(`f/${index}`);
    await bench.pass(10_000);
    expect(bench.folder.state().paused).toContain('25 of the 40');
    expect(tombstones()).toBe(0);
    await bench.folder.resume('deleted');
    expect(bench.folder.state().paused).toBeUndefined();
    expect(tombstones()).toBe(25);
    expect(held()).toBe(15);
  });

  it('resume --restore lets go of the missing without deleting them', async () => {
    await fill(40);
    for (let index = 0; index < 25; index++) bench.drive.userDelete(`f/${index}`);
    await bench.pass(10_000);
    await bench.folder.resume('restore');
    expect(bench.folder.state().paused).toBeUndefined();
    expect(tombstones()).toBe(0);
    expect(held()).toBe(15);
    expect(bench.ledger.own(path('f/1'))).toMatchObject([{ holding: 'none', version: { hash: hashOf('content 1') } }]);
    const version = bench.ledger.view(path('f/1'))?.contents[0]?.shown;
    if (version === undefined) throw new Error('the content is known');
    await bench.keep('f/1', version, 'content 1');
    expect(bench.read('f/1')).toBe('content 1');
    await bench.pass(70_000);
    expect(bench.folder.state().paused).toBeUndefined();
    expect(tombstones()).toBe(0);
  });

  it('files that come back release the brake', async () => {
    await fill(40);
    bench.drive.userRename('f', '.filemesh/hidden');
    await bench.pass(10_000);
    expect(bench.folder.state().paused).toContain('40 of the 40');
    bench.drive.userRename('.filemesh/hidden', 'f');
    await bench.pass(70_000);
    expect(bench.folder.state().paused).toBeUndefined();
    expect(held()).toBe(40);
    expect(tombstones()).toBe(0);
  });

  it('fewer than twenty missing are believed', async () => {
    await fill(19);
    bench.drive.userRename('f', '.filemesh/hidden');
    await bench.settle();
    expect(tombstones()).toBe(19);
  });

  it('what lies behind a link that took the place of a folder is not here, and not deleted', async () => {
    await fill(5);
    bench.drive.userRename('f', '.filemesh/hidden');
    bench.drive.userSymlink('f', '/elsewhere');
    await bench.settle();
    expect(tombstones()).toBe(0);
    expect(held()).toBe(0);
    expect(bench.folder.state().notKept).toEqual([{ path: 'f', reason: 'symlink' }]);
    bench.drive.userDelete('f');
    bench.drive.userRename('.filemesh/hidden', 'f');
    await bench.settle();
    expect(held()).toBe(5);
    expect(bench.contents('f/1')).toEqual([hashOf('content 1')]);
  });

  it('a folder without its marker, or with another, pauses at the start', async () => {
    await fill(30);
    bench.node.kill();
    bench.drive.userRename('.filemesh/marker', '.filemesh/lost');
    await bench.boot();
    await bench.pass(5_000);
    expect(bench.folder.state().paused).toContain('marker');
    bench.node.kill();
    bench.drive.userRename('.filemesh/lost', '.filemesh/marker');
    bench.mesh = 'b'.repeat(64) as MeshId;
    await bench.boot();
    expect(bench.folder.state().paused).toContain('another mesh');
    expect(tombstones()).toBe(0);
  });

  it('an emptied folder that keeps its marker at a restart pulls the brake', async () => {
    await fill(30);
    bench.node.kill();
    bench.drive.userRename('f', '.filemesh/hidden');
    await bench.start();
    await bench.settle();
    expect(bench.folder.state().paused).toContain('30 of the 30');
    expect(tombstones()).toBe(0);
  });

  it('what the first scan of a new store finds is found; what comes later is new', async () => {
    await fill(3);
    bench.node.kill();
    bench.node.store.restore(new Map());
    await bench.start();
    await bench.settle();
    expect(bench.held('f/1')).toMatchObject({ hash: hashOf('content 1'), found: true });
    bench.write('later', 'x');
    await bench.settle();
    expect(bench.held('later').found).toBe(false);
    await bench.restart();
    bench.write('again', 'x');
    await bench.settle();
    expect(bench.held('again').found).toBe(false);
  });

  it('files of a folder without a marker are new', async () => {
    const other = new FolderBench('fresh');
    other.write('a', 'x');
    await other.start();
    await other.settle();
    expect(other.held('a').found).toBe(false);
    await other.end();
  });

  it('many burials by others hold the trash', async () => {
    await fill(40);
    for (let index = 0; index < 25; index++) {
      const tombstone = bench.foreignTombstone(`f/${index}`, [bench.held(`f/${index}`)]);
      await bench.folder.letGo(path(`f/${index}`), hashOf(`content ${index}`), tombstone);
    }
    expect(bench.folder.state().warnings.join()).toContain('trash');
    await bench.days(40);
    expect(bench.private('trash')).toHaveLength(25);
    await bench.folder.resume('deleted');
    await bench.pass(3_700_000);
    expect(bench.private('trash')).toHaveLength(0);
    expect(await bench.rows('o')).toBe(0);
  });
});

it.each([
  ['in memory', {}],
  ['on the disk', { smallBytesMax: 0 }],
] as const)('what others place here, staged %s, finds out that the folder is another one', async (_, config) => {
  const bench = new FolderBench('placed', config);
  await bench.start();
  bench.write('a', 'mine');
  await bench.settle();
  const version = bench.foreign('b', 'theirs');
  bench.drive.unmount({ isSeen: false });
  await expect(bench.keep('b', version, 'theirs')).rejects.toMatchObject({ code: 'paused' });
  expect(bench.folder.state().paused).toContain('filemesh resume');
  bench.drive.mount();
  await bench.pass(10_000);
  await bench.keep('b', version, 'theirs');
  expect(bench.read('b')).toBe('theirs');
  await bench.end();
});

it('a folder unmounted while it is prepared for the first time is marked when it is there again', async () => {
  const bench = new FolderBench('first start');
  bench.write('mine', 'was here before');
  const acts = (line: string) => line.includes('mkdir .filemesh') && bench.drive.unmount();
  const unwatch = bench.world.scheduler.trace.watch(acts);
  await bench.boot();
  unwatch();
  expect(bench.folder.state().paused).toContain('another disk');
  bench.drive.mount();
  await bench.pass(20_000);
  expect(bench.folder.state().paused).toBeUndefined();
  expect(bench.contents('mine')).toEqual([hashOf('was here before')]);
  await bench.end();
});

it('a folder that is another one just while its marker is written is marked once that is seen', async () => {
  const bench = new FolderBench('first start, twice');
  bench.write('mine', 'was here before');
  const acts = (line: string) => {
    if (line.includes('mkdir .filemesh')) bench.drive.unmount();
    if (line.includes('rename .filemesh/marker.new')) bench.drive.mount();
  };
  const unwatch = bench.world.scheduler.trace.watch(acts);
  await bench.boot();
  unwatch();
  await bench.pass(20_000);
  expect(bench.folder.state().paused).toBeUndefined();
  expect(bench.contents('mine')).toEqual([hashOf('was here before')]);
  await bench.end();
});

it('an act on another disk that is mounted meanwhile is not told as done', async () => {
  const bench = new FolderBench('mounted meanwhile');
  await bench.start();
  const version = bench.foreign('a', 'theirs');
  const staging = await bench.staged('theirs');
  bench.drive.unmount({ isSeen: false });
  // A copy of the folder, as a backup has one: every act on it succeeds.
  for (const room of ['stage', 'versions']) bench.drive.userMakeFolder(`.filemesh/${room}`);
  await expect(bench.folder.keep(path('a'), version, staging)).rejects.toMatchObject({ code: 'paused' });
  bench.drive.mount();
  await bench.pass(20_000);
  expect([bench.folder.holds(path('a'), hashOf('theirs')), bench.ledger.own(path('a'))]).toEqual([false, []]);
  await bench.keep('a', version, 'theirs');
  expect(bench.read('a')).toBe('theirs');
  await bench.end();
});
