import { describe, expect, it } from 'vitest';
import { bytes, contentOf, stageContent, text } from '../platform/disk-bench.ts';
import type { SimNode, SimPlatform } from './sim-node.ts';
import type { CrashMode } from './sim-volume-crash.ts';
import { SimWorld } from './sim-world.ts';

const MODES: readonly CrashMode[] = ['journal', 'hostile'];
const SEEDS = 60;
const settled = 'x'.repeat(3 * 512);
const edited = 'y'.repeat(3 * 512);

/** What a cut leaves over many seeds: each distinct outcome of `look`, after `prepare`. */
function outcomes(mode: CrashMode, prepare: (node: SimNode) => void, look: (node: SimNode) => string): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const node = new SimWorld(`crash/${seed}`).addNode('alpha');
    prepare(node);
    node.powerLoss(mode);
    seen.add(look(node));
  }
  return seen;
}

function contentAt(node: SimNode, path: string): string | undefined {
  const content = node.drive.userRead(path);
  return content === undefined ? undefined : text(content);
}

describe.each(MODES)('power loss (%s)', (mode) => {
  it('keeps what was synced', () => {
    const seen = outcomes(
      mode,
      ({ drive }) => {
        drive.userWrite('a/f', bytes(settled));
        drive.userSync();
      },
      (node) => String(contentAt(node, 'a/f') === settled),
    );
    expect([...seen]).toEqual(['true']);
  });

  it('may lose a name, or keep it with all, part or none of its bytes', () => {
    const shapeOf = (content: string | undefined) =>
      content === undefined ? 'no file' : content === settled ? 'whole' : content === '' ? 'empty' : 'torn';
    const seen = outcomes(
      mode,
      ({ drive }) => drive.userWrite('f', bytes(settled)),
      (node) => shapeOf(contentAt(node, 'f')),
    );
    expect([...seen].sort()).toEqual(['empty', 'no file', 'torn', 'whole']);
  });

  it('tears an edit in place at sectors', () => {
    const seen = outcomes(
      mode,
      ({ drive }) => {
        drive.userWrite('f', bytes(settled));
        drive.userSync();
        drive.volume.write(drive.volume.file('f'), 0, bytes(edited));
      },
      (node) => (contentAt(node, 'f') ?? '').replace(/x{512}/g, 'o').replace(/y{512}/g, 'n'),
    );
    for (const shape of seen) expect(shape).toMatch(/^[on]{3}$/);
    expect([...seen]).toEqual(expect.arrayContaining(['ooo', 'nnn', 'ono']));
  });

  it('has written everything by itself half a minute later', async () => {
    const world = new SimWorld(`late/${mode}`);
    const node = world.addNode('alpha');
    node.drive.userWrite('a/f', bytes(settled));
    await world.scheduler.runFor(31_000);
    node.powerLoss(mode);
    expect(contentAt(node, 'a/f')).toBe(settled);
  });

  it('never loses a file between two names of a rename', () => {
    const seen = outcomes(
      mode,
      ({ drive }) => {
        drive.userWrite('a/f', bytes(settled));
        drive.userMakeFolder('b');
        drive.userSync();
        drive.userRename('a/f', 'b/g');
      },
      (node) => node.drive.userList().join(),
    );
    expect([...seen].sort()).toEqual(['a/f', 'b/g']);
  });
});

describe('power loss, order of names', () => {
  const prepare = ({ drive }: SimNode) => {
    for (const name of ['1', '2', '3']) drive.userMakeFolder(name);
  };
  const look = ({ drive }: SimNode) => [...drive.volume.root.entries.keys()].sort().join('');

  it('journal keeps a prefix', () => {
    expect([...outcomes('journal', prepare, look)].sort()).toEqual(['', '1', '12', '123']);
  });

  it('hostile keeps any subset', () => {
    expect([...outcomes('hostile', prepare, look)].sort()).toEqual(['', '1', '12', '123', '13', '2', '23', '3']);
  });
});

describe('drive', () => {
  async function start(): Promise<{ world: SimWorld; node: SimNode; platform: SimPlatform; stop: () => Promise<void> }> {
    const world = new SimWorld('drive');
    const node = world.addNode('alpha', { capacityBytes: 100_000 });
    const stop = world.scheduler.pump();
    const platform = node.start();
    await platform.disk.prepare(bytes('marker'));
    return { world, node, platform, stop };
  }

  it('takes dirty pages for clean after a failed sync, and loses them', async () => {
    const { node, platform, stop } = await start();
    const staged = await platform.disk.stage('s');
    await staged.sync();
    await staged.write(0, bytes(settled));
    node.drive.faults.syncErrorRate = 1;
    await expect(staged.sync()).rejects.toMatchObject({ code: 'failed' });
    node.drive.faults.syncErrorRate = 0;
    await staged.sync();
    expect(await contentOf(platform.disk, staged.path)).toBe(settled);
    node.powerLoss();
    expect(contentAt(node, staged.path)).toBe('\0'.repeat(settled.length));
    await stop();
  });

  it('says full at its capacity, and has room again when a file is gone', async () => {
    const { platform, stop } = await start();
    const staged = await platform.disk.stage('big');
    await staged.write(0, new Uint8Array(90_000));
    await expect(staged.write(90_000, new Uint8Array(20_000))).rejects.toMatchObject({ code: 'full' });
    expect((await platform.disk.free()).free).toBeLessThan(10_001);
    await platform.disk.remove(staged.path);
    expect((await platform.disk.free()).free).toBeLessThan(10_001);
    await staged.close();
    expect((await platform.disk.free()).free).toBeGreaterThan(90_000);
    await stop();
  });

  it('keeps written data over a kill of the process, and does not answer the dead', async () => {
    const { node, platform, stop } = await start();
    const staged = await platform.disk.stage('s');
    await staged.write(0, bytes('unsynced'));
    node.kill();
    let isAnswered = false;
    const mark = () => {
      isAnswered = true;
    };
    platform.disk.stat('f').then(mark, mark);
    const again = node.start();
    expect(await contentOf(again.disk, '.filemesh/stage/s')).toBe('unsynced');
    expect(isAnswered).toBe(false);
    await stop();
  });

  it('is another, empty device while unmounted, and comes back', async () => {
    const { node, platform, stop } = await start();
    node.drive.userWrite('f', bytes('x'));
    const before = await platform.disk.probe();
    node.drive.unmount();
    const blank = await platform.disk.probe();
    expect(blank).toMatchObject({ state: 'present', marker: undefined });
    expect(blank.state === 'present' && before.state === 'present' && blank.device !== before.device).toBe(true);
    expect(await platform.disk.stat('f')).toBeUndefined();
    node.drive.mount();
    expect(await platform.disk.probe()).toEqual(before);
    node.drive.trouble = 'unreadable';
    expect(await platform.disk.probe()).toMatchObject({ state: 'unreadable' });
    await expect(platform.disk.walk()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'failed' });
    await stop();
  });

  it('goes back to an image of disk and store, twice, and is empty after a wipe', async () => {
    const { node, platform, stop } = await start();
    node.drive.userWrite('f', bytes('old'));
    await platform.store.batch([{ key: 'k', value: bytes('old') }]);
    const image = node.snapshot();
    for (const later of ['new', 'newer']) {
      node.drive.userWrite('f', bytes(later));
      node.kill();
      node.restore(image);
      const { disk, store } = node.start();
      expect(await contentOf(disk, 'f')).toBe('old');
      expect(await store.get('k')).toEqual(bytes('old'));
    }
    node.kill();
    node.wipe();
    const { disk, store } = node.start();
    expect(await disk.probe()).toMatchObject({ state: 'present', marker: undefined });
    expect(await store.range({ from: '', to: '~', limit: 1 })).toEqual([]);
    await stop();
  });

  it('rots silently', async () => {
    const { node, platform, stop } = await start();
    node.drive.userWrite('f', bytes('precious'));
    const before = await platform.disk.stat('f');
    node.drive.rot('f');
    expect(await platform.disk.stat('f')).toEqual(before);
    expect(await contentOf(platform.disk, 'f')).not.toBe('precious');
    await stop();
  });

  it('meets a symlink in a walk and never goes through it', async () => {
    const { node, platform, stop } = await start();
    node.drive.userSymlink('link', '/etc');
    const staged = await stageContent(platform.disk, 's', 'x');
    const walk = platform.disk.walk()[Symbol.asyncIterator]();
    expect((await walk.next()).value).toEqual([{ path: 'link', kind: 'skipped', reason: 'symlink' }]);
    for (const path of ['link', 'link/passwd']) {
      expect(await platform.disk.stat(path)).toBeUndefined();
      await expect(platform.disk.open(path)).rejects.toMatchObject({ code: 'gone' });
      await expect(platform.disk.commit({ path, staged, aside: '.filemesh/aside/1' })).rejects.toMatchObject({
        code: 'bad-place',
      });
    }
    await stop();
  });

  it('loses and doubles hints as its faults say', async () => {
    const { world, node, platform, stop } = await start();
    const hints: (string | undefined)[] = [];
    await platform.disk.watch((path) => hints.push(path));
    const hinted = async (faults: object) => {
      hints.length = 0;
      Object.assign(node.drive.faults, { hintLossRate: 0, hintDoubleRate: 0, hintVagueRate: 0 }, faults);
      node.drive.userWrite('f', bytes('x'));
      await world.scheduler.runFor(100);
      return [...hints];
    };
    expect(await hinted({})).toEqual(['f']);
    expect(await hinted({ hintLossRate: 1 })).toEqual([]);
    expect(await hinted({ hintDoubleRate: 1 })).toEqual(['f', 'f']);
    expect(await hinted({ hintVagueRate: 1 })).toEqual([undefined]);
    await stop();
  });
});
