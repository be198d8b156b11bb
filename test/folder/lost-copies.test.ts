import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { isBefore } from '../../src/core/version.ts';
import type { OpenFile } from '../../src/platform/disk.ts';
import { bytes, FolderBench, HIGH, hashOf, LOW, path } from './folder-bench.ts';

const GOOD = 'sound content';

describe('a copy that is bad or out of reach', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('lost copies');
    await bench.start();
  });
  afterEach(() => bench.end());

  const ownKinds = (name: string) => bench.ledger.own(path(name)).map(({ version, holding }) => `${version.kind} ${holding}`);
  const verify = (name: string, text: string) => bench.folder.verify(path(name), hashOf(text));
  const reasons = () => bench.folder.state().notKept.map(({ path: name, reason }) => `${name}: ${reason}`);

  /** A file of this peer alone; or of another peer too. */
  async function filed(name: string, text = GOOD, isElsewhere = false): Promise<void> {
    bench.write(name, text);
    await bench.settle();
    if (isElsewhere) bench.others.announce(LOW, path(name), bench.held(name));
  }

  /** A conflict: what lies here, and another's content beside it. Gives the place of that one. */
  async function conflict(): Promise<string> {
    await filed('a', 'mine');
    await bench.keep('a', bench.foreign('a', 'theirs', [], HIGH), 'theirs');
    return bench.private('siblings')[0] as string;
  }

  /** The disk can not read that file any more, whoever opens it; until the function given is called. */
  function badSector(name: string): () => void {
    const { disk, hasher } = bench.platform;
    const [open, readMany, digest] = [disk.open.bind(disk), disk.readMany.bind(disk), hasher.digest.bind(hasher)];
    const fault = () => new MeshError('failed', `cannot read ${name}: the disk says EIO`);
    const bad = new WeakSet<OpenFile>();
    let isBad = true;
    disk.open = async (place) => {
      const file = await open(place);
      if (place !== name || !isBad) return file;
      file.read = () => Promise.reject(fault());
      bad.add(file);
      return file;
    };
    hasher.digest = (file, like) => (bad.has(file) ? Promise.reject(fault()) : digest(file, like));
    disk.readMany = async (places, options) => {
      const files = await readMany(places, options);
      return files.map((file, index) => (places[index] === name && isBad ? { code: 'failed', message: fault().message } : file));
    };
    return () => {
      isBad = false;
    };
  }

  it('a sibling whose mode or owner was changed, with all of the folder, is held still', async () => {
    const place = await conflict();
    await bench.pass(100);
    bench.drive.userChmod(place, 0o600);
    expect(await verify('a', 'theirs')).toBe(true);
    expect(bench.private('siblings')).toEqual([place]);
    const copy = await bench.folder.open(path('a'), hashOf('theirs'));
    expect(new TextDecoder().decode(await copy.read(0, 10))).toBe('theirs');
    await copy.close();
  });

  it('a sibling of other bytes is set aside, touched or not', async () => {
    const place = await conflict();
    bench.drive.userWrite(place, bytes('no more'));
    expect(await verify('a', 'theirs')).toBe(false);
    expect(bench.private('siblings')).toEqual([]);
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(false);
  });

  it('a file of wrong bytes stays where it is while nobody else has right ones, and is no edit', async () => {
    await filed('a');
    bench.drive.rot('a');
    const rotten = bench.read('a');
    expect(await verify('a', GOOD)).toBe(false);
    expect(ownKinds('a')).toEqual(['file none']);
    for (const act of [() => bench.folder.scan(), () => bench.restart(), () => bench.pass(70_000)]) {
      await act();
      expect(bench.read('a')).toBe(rotten);
      expect(ownKinds('a')).toEqual(['file none']);
      expect(bench.contents('a')).toEqual([hashOf(GOOD)]);
      expect(reasons().join()).toContain('a: wrong bytes, and no other peer has it');
    }
  });

  it('…goes aside when another has right ones, and these come in its place', async () => {
    await filed('a');
    const version = bench.held('a');
    bench.drive.rot('a');
    await verify('a', GOOD);
    bench.others.announce(LOW, path('a'), version);
    await bench.folder.scan();
    expect(bench.read('a')).toBeUndefined();
    expect(bench.private('trash')).toHaveLength(1);
    await bench.keep('a', version, GOOD);
    expect(bench.read('a')).toBe(GOOD);
    expect(reasons()).toEqual([]);
  });

  it('…and is an edit of it when a person writes to it', async () => {
    await filed('a');
    const version = bench.held('a');
    bench.drive.rot('a');
    await verify('a', GOOD);
    await bench.pass(5_000);
    bench.write('a', 'written anew');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('written anew')]);
    expect(isBefore(version, bench.held('a'))).toBe(true);
    expect(reasons()).toEqual([]);
  });

  it('…and is forgotten when a person deletes it', async () => {
    await filed('a');
    bench.drive.rot('a');
    await verify('a', GOOD);
    bench.drive.userDelete('a');
    await bench.settle();
    await bench.folder.scan();
    expect(reasons()).toEqual([]);
    expect(ownKinds('a')).toEqual(['file none']);
    expect(await bench.rows('l')).toBe(0);
  });

  it('wrong bytes in the trash are not purged once nobody has right ones any more', async () => {
    for (const name of ['a', 'b']) {
      await filed(name, `${GOOD} of ${name}`, true);
      bench.drive.rot(name);
      expect(await verify(name, `${GOOD} of ${name}`)).toBe(false);
    }
    expect(bench.private('trash')).toHaveLength(2);
    const version = bench.ledger.own(path('b'))[0]?.version;
    if (version === undefined) throw new Error('it is known still');
    bench.others.announce(LOW, path('b'), version, 'none');
    await bench.days(31);
    expect(bench.private('trash')).toHaveLength(1);
    expect(reasons().join()).toMatch(/^b: wrong bytes, and no other peer has it/);
  });

  it('wrong bytes in the trash are not forgotten when the folder goes away in the middle of a purge', async () => {
    await filed('a', GOOD, true);
    bench.drive.rot('a');
    expect(await verify('a', GOOD)).toBe(false);
    const { disk } = bench.platform;
    const list = disk.list.bind(disk);
    const listed: string[] = [];
    disk.list = (room) => {
      if (room === 'versions') bench.drive.unmount({ isSeen: false });
      listed.push(room);
      return list(room);
    };
    await bench.pass(3_700_000);
    expect(listed).toContain('trash');
    bench.drive.mount();
    disk.list = list;
    await bench.pass(10_000);
    expect(await bench.rows('l')).toBe(1);
  });

  it('a file the disk cannot read counts no more, and stays; it is held again when it can be read', async () => {
    await filed('a');
    const readable = badSector('a');
    expect(await verify('a', GOOD)).toBe(false);
    expect(ownKinds('a')).toEqual(['file none']);
    await bench.pass(10_000);
    expect(bench.read('a')).toBe(GOOD);
    expect(reasons().join()).toContain('EIO');
    readable();
    await bench.pass(400_000);
    expect(ownKinds('a')).toEqual(['file all']);
    expect(reasons()).toEqual([]);
  });

  it('…once it can be read it is no edit, were it other bytes', async () => {
    await filed('a');
    const readable = badSector('a');
    await verify('a', GOOD);
    bench.drive.rot('a');
    readable();
    await bench.pass(400_000);
    expect(bench.contents('a')).toEqual([hashOf(GOOD)]);
    expect(ownKinds('a')).toEqual(['file none']);
  });

  it('one reading that fails is no proof', async () => {
    await filed('a');
    const { hasher } = bench.platform;
    const digest = hasher.digest.bind(hasher);
    hasher.digest = () => {
      hasher.digest = digest;
      return Promise.reject(new MeshError('failed', 'the disk says EIO'));
    };
    await expect(verify('a', GOOD)).rejects.toMatchObject({ code: 'failed' });
    expect(ownKinds('a')).toEqual(['file all']);
  });

  describe('below a folder out of reach', () => {
    async function hidden(): Promise<void> {
      await filed('folder/a');
      for (const name of ['x', 'y', 'z']) await filed(name, name);
      bench.drive.unreadable.add('folder');
      await bench.pass(130_000);
      expect(ownKinds('folder/a')).toEqual(['file none']);
    }

    async function back(): Promise<void> {
      await bench.restart();
      bench.drive.unreadable.clear();
      await bench.pass(130_000);
    }

    it('is what it was when it is there again', async () => {
      await hidden();
      await back();
      expect(ownKinds('folder/a')).toEqual(['file all']);
      expect(await bench.rows('l')).toBe(0);
    });

    it('stays deleted when the mesh deleted it meanwhile', async () => {
      await hidden();
      const version = bench.ledger.own(path('folder/a'))[0]?.version;
      if (version?.kind !== 'file') throw new Error('it is known still');
      const tombstone = bench.foreignTombstone('folder/a', [version]);
      await bench.ledger.change([path('folder/a')], (transaction) =>
        transaction.put({ path: path('folder/a'), version: tombstone, holding: 'none' }),
      );
      await back();
      expect(bench.contents('folder/a')).toEqual([]);
      expect(bench.read('folder/a')).toBeUndefined();
      expect(bench.private('versions')).toHaveLength(1);
    });

    it('an edit made there meanwhile descends from what it was', async () => {
      await hidden();
      bench.write('folder/a', 'edited');
      await back();
      expect(bench.contents('folder/a')).toEqual([hashOf('edited')]);
      expect(ownKinds('folder/a')).toEqual(['file all']);
    });
  });
});
