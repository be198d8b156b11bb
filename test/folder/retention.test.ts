import { describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { OldCopies, type OldRow } from '../../src/folder/old-copies.ts';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

const DAY_MS = 24 * 3_600_000;

describe('what is set aside', () => {
  const OLD = 'x'.repeat(40_000);
  const trash = (bench: FolderBench) => bench.private('trash').length;

  async function withBench(capacity: number | undefined, test: (bench: FolderBench) => Promise<void>): Promise<void> {
    const bench = new FolderBench('retention', capacity === undefined ? {} : { capacity: { bytes: capacity } });
    await bench.start();
    await test(bench);
    await bench.end();
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
      await bench.days(29);
      expect(trash(bench)).toBe(1);
      await bench.days(2);
      expect(trash(bench)).toBe(0);
      expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
    }));

  it('is offered no more when it is bad or gone, once somebody doubts it, and stays when it is right', () =>
    withBench(undefined, async (bench) => {
      for (const name of ['right', 'rotten', 'short', 'gone']) await buried(bench, name, OLD + name);
      const places = Object.fromEntries(
        bench.private('trash').map((place) => [bench.read(place)?.slice(OLD.length) ?? '', place] as const),
      ) as Record<'right' | 'rotten' | 'short' | 'gone', string>;
      await bench.settle();
      bench.drive.rot(places.rotten);
      bench.write(places.short, 'x');
      bench.drive.userDelete(places.gone);
      const kept = async () => {
        const names = ['gone', 'right', 'rotten', 'short'];
        const copies = await Promise.all(names.map((name) => bench.folder.oldCopies(path(name))));
        return names.filter((_, index) => copies[index]?.length === 1);
      };
      const doubt = (name: string) => bench.folder.restoring.doubt(path(name), hashOf(OLD + name));
      doubt('right');
      doubt('rotten');
      await bench.pass(1_000);
      expect(await kept()).toEqual(['gone', 'right', 'short']);
      // What is not there as it was is seen without a word of others.
      for (const name of ['gone', 'short'])
        await expect(bench.folder.restoring.open(path(name), hashOf(OLD + name))).rejects.toMatchObject({ code: 'gone' });
      await bench.pass(1_000);
      expect(await kept()).toEqual(['right']);
      // Of bytes that are wrong most may still be good: they lie where they lay.
      expect(bench.private('trash').sort()).toEqual([places.right, places.rotten, places.short].sort());
      let reads = 0;
      const { disk } = bench.platform;
      const open = disk.open.bind(disk);
      disk.open = (place) => {
        reads++;
        return open(place);
      };
      doubt('right');
      await bench.pass(1_000);
      expect(reads).toBe(0);
      await bench.pass(3_600_000);
      doubt('right');
      doubt('right');
      await bench.pass(1_000);
      expect(reads).toBe(1);
      expect(await kept()).toEqual(['right']);
    }));

  it('is kept though the clock is years ahead for an hour, or was years behind when it was set aside', () =>
    withBench(undefined, async (bench) => {
      await bench.days(1);
      bench.node.wall.offsetMs -= 10_000 * DAY_MS;
      await buried(bench, 'b', 'while the clock was behind');
      bench.node.wall.offsetMs += 10_000 * DAY_MS;
      await bench.restart();
      await buried(bench, 'a', 'gone');
      bench.node.wall.offsetMs += 10_000 * DAY_MS;
      await bench.restart();
      await bench.pass(3_700_000);
      expect(trash(bench)).toBe(2);
      bench.node.wall.offsetMs -= 10_000 * DAY_MS;
      await bench.days(26);
      expect(trash(bench)).toBe(2);
      await bench.days(5);
      expect(trash(bench)).toBe(0);
    }));

  it('goes when its 30 days are over, though one put away before it was when the clock was years ahead', () =>
    withBench(undefined, async (bench) => {
      bench.node.wall.offsetMs += 10_000 * DAY_MS;
      await buried(bench, 'ahead', 'ahead');
      bench.node.wall.offsetMs -= 10_000 * DAY_MS;
      await buried(bench, 'a', 'gone');
      for (let day = 0; day < 31; day++) {
        bench.node.wall.offsetMs += DAY_MS;
        await bench.pass(3_700_000);
      }
      expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
      expect(await bench.folder.oldCopies(path('ahead'))).toHaveLength(1);
    }));

  it('takes a tenth of the capacity at most: the oldest goes first', () =>
    withBench(1_000_000, async (bench) => {
      for (const name of ['a', 'b', 'c']) await buried(bench, name, OLD + name);
      await bench.pass(3_700_000);
      expect(trash(bench)).toBe(2);
      expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
    }));

  /** Somebody else fills the disk. */
  function fillDisk(bench: FolderBench): void {
    bench.platform.disk.free = () => Promise.resolve({ free: 0, total: 1_000_000_000 });
  }

  /** The mesh replaces a file held here, time and again. */
  async function replaced(bench: FolderBench, name: string, texts: readonly string[]): Promise<void> {
    let version = bench.foreign(name, 'first');
    await bench.keep(name, version, 'first');
    for (const text of texts) {
      version = bench.foreign(name, text, [version]);
      await bench.keep(name, version, text);
    }
  }

  it('keeps a tenth of what is held on a full disk too, beside trash that waits for a person', () =>
    withBench(undefined, async (bench) => {
      for (let index = 0; index < 25; index++) await buried(bench, `gone/${index}`, `${OLD}${index}`);
      expect(bench.folder.state().warnings.join()).toContain('the trash keeps them all');
      await bench.keep('large', bench.foreign('large', 'l'.repeat(90_000)), 'l'.repeat(90_000));
      await replaced(
        bench,
        'v',
        ['1', '2', '3', '4'].map((digit) => digit.repeat(4_000)),
      );
      expect(bench.private('versions')).toHaveLength(4);
      fillDisk(bench);
      await bench.pass(3_700_000);
      // 94,000 bytes are held: two older versions of 4,000 bytes stay, whatever the held trash takes.
      expect((await bench.folder.oldCopies(path('v'))).map((copy) => copy.hash)).toEqual(
        ['3', '2'].map((digit) => hashOf(digit.repeat(4_000))),
      );
      expect(trash(bench)).toBe(25);
      await bench.folder.resume('deleted');
      await bench.pass(3_700_000);
      expect(trash(bench)).toBe(0);
      expect(await bench.folder.oldCopies(path('v'))).toHaveLength(2);
    }));

  it('stays, whatever share it takes, once others replaced many files at once, until a person speaks', () =>
    withBench(undefined, async (bench) => {
      const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
      for (const name of names) bench.write(name, `${OLD}${name}`);
      await bench.settle();
      // One file time and again is one.
      for (let time = 0; time < 30; time++) await bench.keep('f0', bench.foreign('f0', `${time}`, [bench.held('f0')]), `${time}`);
      expect(bench.folder.state().warnings).toEqual([]);
      for (const name of names.slice(1, 10)) await bench.keep(name, bench.foreign(name, name, [bench.held(name)]), name);
      await bench.restart();
      for (const name of names.slice(10, 30)) await bench.keep(name, bench.foreign(name, name, [bench.held(name)]), name);
      expect(bench.folder.state().warnings.join()).toContain(
        'what they were is all kept for 30 days, or until you type `filemesh resume',
      );
      await buried(bench, 'gone', OLD);
      fillDisk(bench);
      await bench.pass(3_700_000);
      expect(bench.private('versions')).toHaveLength(59);
      await bench.folder.resume('restore');
      expect(bench.folder.state().warnings).toEqual([]);
      await bench.pass(3_700_000);
      expect(bench.private('versions').length).toBeLessThan(10);
    }));

  it('stays, too, when others replaced it by way of a sibling that came to lie beside it before', () =>
    withBench(undefined, async (bench) => {
      const names = Array.from({ length: 30 }, (_, index) => `f${index}`);
      for (const name of names) bench.write(name, `${OLD}${name}`);
      await bench.settle();
      for (const name of names) {
        const mine = bench.held(name);
        const beside = bench.foreign(name, name);
        await bench.keep(name, beside, name);
        await bench.folder.keepFromHere(path(name), bench.foreign(name, name, [mine, beside]));
        await bench.folder.arrange(path(name));
        expect(bench.read(name)).toBe(name);
      }
      expect(bench.folder.state().warnings.join()).toContain('other peers replaced many files');
      fillDisk(bench);
      await bench.pass(3_700_000);
      expect(bench.private('versions')).toHaveLength(30);
    }));

  it('stays for thirty days where nobody speaks, and no longer', () =>
    withBench(undefined, async (bench) => {
      const names = Array.from({ length: 30 }, (_, index) => `f${index}`);
      for (const name of names) bench.write(name, `${OLD}${name}`);
      await bench.settle();
      for (const name of names) await bench.keep(name, bench.foreign(name, name, [bench.held(name)]), name);
      fillDisk(bench);
      await bench.pass(3_700_000);
      await bench.days(29);
      expect(bench.private('versions')).toHaveLength(30);
      await bench.days(2);
      expect(bench.folder.state().warnings).toEqual([]);
      expect(bench.private('versions').length).toBeLessThan(10);
    }));

  it('is gone through in short turns, however much of it waits for a person', async () => {
    let [inTurn, inTurnMax, removed] = [0, 0, 0];
    const after = (_ms: number, act: () => void) => {
      inTurn = 0;
      setImmediate(act);
    };
    const old = new OldCopies({
      options: {
        clock: { after, wall: () => 0, now: () => 0 },
        store: {
          range: () => Promise.resolve([]),
          get: (key: string) => Promise.resolve(key === 'f/trash-held' ? bytes('{"sinceMs":0}') : undefined),
        },
        disk: { list: () => Promise.resolve([]), stat: async () => undefined, remove: async () => void removed++ },
      },
      ...{ queue: { write: () => Promise.resolve() }, belief: {}, calendar: { todayMs: 100 * DAY_MS, stampMs: 100 * DAY_MS } },
    } as unknown as ConstructorParameters<typeof OldCopies>[0]);
    await old.load();
    for (let index = 0; index < 20_000; index++) {
      const copy = String(index);
      const disk = `.filemesh/${index < 19_990 ? 'trash' : 'versions'}/${copy}`;
      const row = { copy, path: path('a'), hash: hashOf('a'), size: 1, asideMs: 0 };
      const looked = () => {
        inTurnMax = Math.max(inTurnMax, ++inTurn);
        return disk;
      };
      old.add(Object.defineProperty(row, 'disk', { get: looked }) as unknown as OldRow);
    }
    inTurn = inTurnMax = 0;
    await old.purge(1_000_000, () => false);
    expect([removed, old.of(path('a')).length]).toEqual([10, 19_990]);
    expect(inTurnMax).toBeLessThanOrEqual(5_100);
  });

  it('is not purged while a program may still write to it, though it was put away in the middle of a purge', () =>
    withBench(100_000, async (bench) => {
      bench.write('late', OLD);
      await bench.settle();
      for (const name of ['a', 'b', 'c', 'd']) await buried(bench, name, name.repeat(5_000));
      const { disk } = bench.platform;
      const remove = disk.remove.bind(disk);
      const open = bench.drive.volume.file('late');
      const next = bench.foreign('late', 'next', [bench.held('late')]);
      let isKept = false;
      disk.remove = async (place) => {
        if (!isKept && place.startsWith('.filemesh/trash/')) {
          isKept = true;
          await bench.keep('late', next, 'next');
          bench.drive.volume.write(open, 0, bytes('late save'));
        }
        await remove(place);
      };
      await bench.pass(3_700_000);
      expect(isKept).toBe(true);
      expect(bench.contents('late')).toContain(hashOf(`late save${OLD.slice(9)}`));
    }));

  it('is purged though one of its files cannot be removed', () =>
    withBench(1_000_000, async (bench) => {
      for (const name of ['a', 'b', 'c', 'd']) await buried(bench, name, OLD + name);
      const { disk } = bench.platform;
      const remove = disk.remove.bind(disk);
      const [stuck] = await bench.folder.oldCopies(path('a'));
      disk.remove = (place) =>
        place.endsWith(stuck?.copy ?? '?') ? Promise.reject(new MeshError('failed', 'not permitted')) : remove(place);
      await bench.pass(3_700_000);
      expect(await bench.folder.oldCopies(path('a'))).toHaveLength(1);
      expect(await bench.folder.oldCopies(path('b'))).toEqual([]);
      expect(trash(bench)).toBe(2);
    }));
});
