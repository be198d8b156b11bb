import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderBench, hashOf, LOW, path } from './folder-bench.ts';

const STAGED = [
  { staged: 'in memory', config: {} },
  { staged: 'on the disk', config: { smallBytesMax: 0 } },
];

describe.each(STAGED)('what the mesh has this peer keep, staged $staged', ({ config }) => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('folder', config);
    await bench.start();
  });
  afterEach(() => bench.end());

  const ownKinds = (name: string) => bench.ledger.own(path(name)).map(({ version, holding }) => `${version.kind} ${holding}`);

  it('puts a fetched content under its plain name, with its mode and time, and records it', async () => {
    const version = bench.foreign('f/a', 'one');
    await bench.keep('f/a', version, 'one');
    expect(bench.read('f/a')).toBe('one');
    expect(bench.drive.userStat('f/a')).toMatchObject({ mode: 0o644, mtimeMs: 1_700_000_000_000 });
    expect(ownKinds('f/a')).toEqual(['file all']);
    expect(await bench.rows('i')).toBe(0);
    expect(bench.private('stage')).toEqual([]);
    expect(bench.folder.state()).toMatchObject({ bytes: 3, files: 1, incomingBytes: 0, incomingFiles: 0 });
    await bench.settle();
    await bench.folder.scan();
    expect(bench.held('f/a').own).toEqual(version.own);
    expect(bench.contents('f/a')).toEqual([hashOf('one')]);
  });

  it('refuses bytes that are not the announced ones', async () => {
    const version = bench.foreign('a', 'one');
    await expect(bench.keep('a', version, 'two')).rejects.toMatchObject({ code: 'corrupt' });
    expect(bench.read('a')).toBeUndefined();
    expect(bench.private('stage')).toEqual([]);
    expect(bench.folder.state().incomingFiles).toBe(0);
  });

  it('replaces what a version dominates, and keeps that among the versions', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const next = bench.foreign('a', 'two', [bench.held('a')]);
    await bench.keep('a', next, 'two');
    expect(bench.read('a')).toBe('two');
    expect(ownKinds('a')).toEqual(['file all']);
    const [old] = await bench.folder.oldCopies(path('a'));
    expect(old).toMatchObject({ hash: hashOf('one'), size: 3, origin: bench.self });
    expect(bench.private('versions')).toHaveLength(1);
    expect(await bench.rows('i')).toBe(1);
    await bench.settle();
    expect(await bench.rows('i')).toBe(0);
    const copy = await bench.folder.restoring.open(path('a'), hashOf('one'));
    expect(new TextDecoder().decode(await copy.read(0, 10))).toBe('one');
    await copy.close();
    const staging = await bench.folder.restoring.stage(path('a'), old?.copy ?? '', 'again');
    expect((await staging.digest()).hash).toBe(hashOf('one'));
    await staging.discard();
  });

  it('lets a user change not yet taken in go first', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const next = bench.foreign('a', 'two', [bench.held('a')]);
    const staging = await bench.staged('two');
    bench.write('a', 'edit');
    await expect(bench.folder.keep(path('a'), next, staging)).rejects.toMatchObject({ code: 'busy' });
    await bench.settle();
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('edit'), hashOf('two')]));
    await bench.folder.keep(path('a'), next, staging);
    expect(bench.read('a')).toBe('edit');
    expect(bench.private('siblings')).toHaveLength(1);
  });

  it('lets a new file of the user at a free name go first', async () => {
    const version = bench.foreign('a', 'theirs');
    bench.write('a', 'mine');
    await expect(bench.keep('a', version, 'theirs')).rejects.toMatchObject({ code: 'busy' });
    expect(bench.read('a')).toBe('mine');
  });

  it('never loses a save that comes in the middle of a commit', async () => {
    for (let step = 0; step < 14; step++) {
      const name = `race${step}`;
      bench.write(name, 'one');
      await bench.settle();
      const next = bench.foreign(name, 'two', [bench.held(name)]);
      const staging = await bench.staged('two');
      bench.platform.disk.commitHook = async (at) => {
        if (at === step) bench.drive.userSave(name, new TextEncoder().encode('saved'));
      };
      await bench.folder.keep(path(name), next, staging).catch(() => staging.discard());
      bench.platform.disk.commitHook = undefined;
      await bench.settle();
      await bench.folder.scan();
      await bench.settle();
      if (bench.drive.userRead(name) === undefined) throw new Error(`nothing at ${name}`);
      const kept = bench.ledger
        .own(path(name))
        .flatMap(({ version, holding }) => (holding === 'all' && version.kind === 'file' ? [version.hash] : []));
      const isReached = bench.read(name) === 'saved' || kept.includes(hashOf('saved'));
      expect({ step, isReached: isReached || bench.read(name) === 'two' }).toEqual({ step, isReached: true });
      if (bench.read(name) === 'saved') expect(kept).toContain(hashOf('saved'));
      expect(await bench.rows('i')).toBe(0);
    }
  });

  it('does not leave what was deleted, and the deletion obeyed, while it was put in place', async () => {
    let deleted = 0;
    for (let step = 0; step < 14; step++) {
      const name = `late${step}/file`;
      const version = bench.foreign(name, 'one');
      const staging = await bench.staged('one');
      bench.platform.disk.commitHook = async (at) => {
        if (at !== step) return;
        const tombstone = bench.foreignTombstone(name, [version]);
        await bench.ledger.change([path(name)], (transaction) =>
          transaction.put({ path: path(name), version: tombstone, holding: 'none' }),
        );
      };
      await bench.folder.keep(path(name), version, staging);
      bench.platform.disk.commitHook = undefined;
      await bench.pass(1_000);
      const isDeleted = bench.ledger.view(path(name))?.contents.length === 0;
      expect([name, bench.read(name)]).toEqual([name, isDeleted ? undefined : 'one']);
      // Nor does the folder stay that was made for it.
      if (isDeleted) expect(() => bench.drive.userDelete(`late${step}`)).toThrow('no file');
      deleted += isDeleted ? 1 : 0;
    }
    expect(deleted).toBeGreaterThan(4);
  });

  it('makes a version of what a program still wrote to the file that was replaced', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const open = bench.drive.volume.file('a');
    await bench.keep('a', bench.foreign('a', 'two', [bench.held('a')]), 'two');
    bench.drive.volume.write(open, 0, new TextEncoder().encode('late save'));
    await bench.pass(5_000);
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('two'), hashOf('late save')]));
    expect(bench.read('a')).toBe('two');
    expect(bench.private('versions')).toEqual([]);
    expect(await bench.folder.oldCopies(path('a'))).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
  });

  it('makes one of it too when the folder was away at the moment that was to end the watch', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const { volume } = bench.drive;
    const open = volume.file('a');
    await bench.keep('a', bench.foreign('a', 'two', [bench.held('a')]), 'two');
    bench.drive.unmount({ isSeen: false });
    await bench.pass(5_000);
    bench.drive.mount();
    volume.write(open, 0, new TextEncoder().encode('late save'));
    await bench.pass(10_000);
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('two'), hashOf('late save')]));
  });

  it('obeys a tombstone: the file goes to the trash, the record stays', async () => {
    bench.write('f/a', 'one');
    await bench.settle();
    const tombstone = bench.foreignTombstone('f/a', [bench.held('f/a')]);
    await bench.folder.letGo(path('f/a'), hashOf('one'), tombstone);
    expect(bench.read('f/a')).toBeUndefined();
    expect(bench.drive.volume.lookup('f')).toBeUndefined();
    expect(bench.private('trash')).toHaveLength(1);
    expect(ownKinds('f/a')).toEqual(['tombstone none']);
    await bench.settle();
    await bench.folder.scan();
    expect(ownKinds('f/a')).toEqual(['tombstone none']);
    expect((await bench.folder.oldCopies(path('f/a')))[0]).toMatchObject({ hash: hashOf('one') });
  });

  it('does not let go of what the user changed meanwhile', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const tombstone = bench.foreignTombstone('a', [bench.held('a')]);
    bench.write('a', 'two');
    await expect(bench.folder.letGo(path('a'), hashOf('one'), tombstone)).rejects.toMatchObject({ code: 'busy' });
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('two')]);
  });

  it('keeps from bytes that lie here under another name, and hands none on that changed', async () => {
    bench.write('a', 'bytes');
    await bench.settle();
    const version = bench.foreign('b', 'bytes');
    expect(await bench.folder.keepFromHere(path('b'), version)).toBe(true);
    expect(bench.read('b')).toBe('bytes');
    expect(bench.drive.userStat('a')?.inode).not.toBe(bench.drive.userStat('b')?.inode);
    expect(await bench.folder.keepFromHere(path('c'), bench.foreign('c', 'unknown'))).toBe(false);
    expect(bench.private('stage')).toEqual([]);
  });

  it('says bad-place where a file stands in the way', async () => {
    bench.write('a', 'file');
    await bench.settle();
    const version = bench.foreign('a/b', 'below');
    const staging = await bench.staged('below');
    await expect(bench.folder.keep(path('a/b'), version, staging)).rejects.toMatchObject({ code: 'bad-place' });
    await staging.discard();
    expect(await bench.rows('i')).toBe(0);
    expect(bench.read('a')).toBe('file');
  });

  it('finds rotten bytes, sets them aside and says that it has none', async () => {
    bench.write('a', 'sound content');
    await bench.settle();
    expect(await bench.folder.verify(path('a'), hashOf('sound content'))).toBe(true);
    bench.others.announce(LOW, path('a'), bench.held('a'));
    bench.drive.rot('a');
    expect(await bench.folder.verify(path('a'), hashOf('sound content'))).toBe(false);
    expect(bench.read('a')).toBeUndefined();
    expect(ownKinds('a')).toEqual(['file none']);
    expect(bench.private('trash')).toEqual([expect.stringContaining('/rot-')]);
    await bench.settle();
    await bench.folder.scan();
    expect(ownKinds('a')).toEqual(['file none']);
    expect(bench.contents('a')).toEqual([hashOf('sound content')]);
  });

  it('reads a file once for all who doubt it at the same time', async () => {
    bench.write('a', 'sound content');
    await bench.settle();
    const open = vi.spyOn(bench.platform.disk, 'open');
    const doubts = () => Promise.all(Array.from({ length: 20 }, () => bench.folder.verify(path('a'), hashOf('sound content'))));
    expect(new Set(await doubts())).toEqual(new Set([true]));
    expect(open).toHaveBeenCalledTimes(1);
    bench.drive.rot('a');
    expect(new Set(await doubts())).toEqual(new Set([false]));
    expect(open).toHaveBeenCalledTimes(2);
  });

  it('reserves room for what is on its way, and says full', async () => {
    await bench.folder.stop();
    bench.node.kill();
    bench = new FolderBench('small', { ...config, capacity: { bytes: 1_000 } });
    await bench.start();
    const staging = await bench.folder.stage('one', 600);
    expect(bench.folder.state()).toMatchObject({ incomingBytes: 600, incomingFiles: 1, capacity: 1_000 });
    await expect(bench.folder.stage('two', 600)).rejects.toMatchObject({ code: 'full' });
    await staging.discard();
    await (await bench.folder.stage('two', 600)).discard();
    const open = await bench.folder.stage('three', undefined);
    await expect(open.write(0, new Uint8Array(2_000))).rejects.toMatchObject({ code: 'full' });
  });

  it('goes on with a staging after a restart, from what was synced', async () => {
    const piece = new Uint8Array(1024 * 1024).fill(7);
    const staging = await bench.folder.stage('big', 40 * piece.length);
    for (let index = 0; index < 20; index++) await staging.write(index * piece.length, piece);
    expect(staging.have).toBe(20 * piece.length);
    await bench.pass(100);
    bench.node.powerLoss('journal');
    await bench.start();
    const again = await bench.folder.stage('big', 40 * piece.length);
    expect(again.have).toBe(16 * piece.length);
    await again.write(18 * piece.length, piece);
    await again.write(16 * piece.length, piece);
    expect(again.have).toBe(17 * piece.length);
    await again.write(17 * piece.length, piece);
    expect(again.have).toBe(19 * piece.length);
    await again.discard();
  });
});
