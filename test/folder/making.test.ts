import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Step } from '../../src/folder/folder.ts';
import { FolderBench, HIGH, hashOf, path, request } from './folder-bench.ts';

describe('changes by clients', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
  });
  afterEach(() => bench.end());

  async function drop(name: string, text: string) {
    bench.write(name, text);
    await bench.settle();
    return bench.held(name);
  }

  it('create: one version with the request in it, in the folder', async () => {
    const [version] = await bench.folder.make(request('1'), [await bench.put('new/a', 'one')]);
    expect(version).toMatchObject({ kind: 'file', hash: hashOf('one'), request: request('1') });
    expect(bench.read('new/a')).toBe('one');
    await bench.settle();
    expect(bench.held('new/a').own).toEqual(version?.own);
    expect(bench.private('stage')).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
  });

  it('upload: the next version replaces the one in its base', async () => {
    const base = await drop('a', 'one');
    const [version] = await bench.folder.make(request('1'), [await bench.put('a', 'two', [base])]);
    expect(bench.contents('a')).toEqual([hashOf('two')]);
    expect(bench.held('a').own).toEqual(version?.own);
    expect(bench.read('a')).toBe('two');
    expect(await bench.folder.oldCopies(path('a'))).toHaveLength(1);
  });

  it('upload of equal bytes is no new version', async () => {
    const base = await drop('a', 'one');
    const [version] = await bench.folder.make(request('1'), [await bench.put('a', 'one', [base])]);
    expect(version?.own).toEqual(base.own);
    expect(bench.private('stage')).toEqual([]);
  });

  it('upload over a base this peer does not hold keeps its own file beside it', async () => {
    await drop('a', 'mine');
    const theirs = bench.foreign('a', 'theirs', [], HIGH);
    await bench.folder.make(request('1'), [await bench.put('a', 'their next', [theirs])]);
    expect(bench.read('a')).toBe('mine');
    expect(new Set(bench.contents('a'))).toEqual(new Set([hashOf('mine'), hashOf('their next')]));
    expect(bench.private('siblings')).toHaveLength(1);
  });

  it('rename: the same file under its new name, and a tombstone that tells it', async () => {
    const base = await drop('f/a', 'one');
    const { inode } = bench.drive.userStat('f/a') ?? {};
    const steps: Step[] = [
      { kind: 'copy', path: path('g/b'), base: [], from: path('f/a'), hash: hashOf('one') },
      { kind: 'bury', path: path('f/a'), base: [base], renamedTo: path('g/b') },
    ];
    const [file, tombstone] = await bench.folder.make(request('1'), steps);
    expect(file).toMatchObject({ kind: 'file', hash: hashOf('one') });
    expect(tombstone).toMatchObject({ kind: 'tombstone', renamedTo: 'g/b', buried: [hashOf('one')], request: request('1') });
    expect(bench.read('g/b')).toBe('one');
    expect(bench.drive.userStat('g/b')?.inode).toBe(inode);
    expect(bench.drive.userList()).toEqual(['g/b']);
    expect(bench.drive.volume.lookup('f')).toBeUndefined();
    await bench.settle();
    await bench.folder.scan();
    expect(bench.contents('f/a')).toEqual([]);
    expect(bench.contents('g/b')).toEqual([hashOf('one')]);
    expect(await bench.rows('i')).toBe(0);
    expect(bench.private('stage')).toEqual([]);
  });

  it('rename is undone as a whole when its target is taken', async () => {
    const base = await drop('a', 'one');
    const steps: Step[] = [
      { kind: 'copy', path: path('b'), base: [], from: path('a'), hash: hashOf('one') },
      { kind: 'bury', path: path('a'), base: [base], renamedTo: path('b') },
    ];
    let isTaken = false;
    bench.platform.disk.commitHook = async () => {
      if (!isTaken) bench.drive.userWrite('b', new TextEncoder().encode('theirs'));
      isTaken = true;
    };
    await expect(bench.folder.make(request('1'), steps)).rejects.toMatchObject({ code: 'busy' });
    bench.platform.disk.commitHook = undefined;
    expect(bench.read('a')).toBe('one');
    expect(bench.read('b')).toBe('theirs');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('one')]);
    expect(bench.contents('b')).toEqual([hashOf('theirs')]);
    expect(bench.tombstones('a')).toEqual([]);
    expect(await bench.rows('i')).toBe(0);
    expect(bench.private('stage')).toEqual([]);
  });

  it('delete: to the trash where it is held, a pure record where it is not', async () => {
    const base = await drop('a', 'one');
    await bench.folder.make(request('1'), [{ kind: 'bury', path: path('a'), base: [base] }]);
    expect(bench.read('a')).toBeUndefined();
    expect(bench.private('trash')).toHaveLength(1);
    const theirs = bench.foreign('b', 'theirs');
    await bench.folder.make(request('2'), [{ kind: 'bury', path: path('b'), base: [theirs] }]);
    expect(bench.contents('b')).toEqual([]);
    expect(bench.tombstones('b')).toMatchObject([{ buried: [hashOf('theirs')] }]);
  });

  it('delete lets an edit go first', async () => {
    const base = await drop('a', 'one');
    bench.write('a', 'edited');
    await expect(bench.folder.make(request('1'), [{ kind: 'bury', path: path('a'), base: [base] }])).rejects.toMatchObject({
      code: 'busy',
    });
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('edited')]);
  });

  it('resolve --keep writes one version over all siblings, of the plain file or of a sibling', async () => {
    for (const [name, kept] of [
      ['a', 'mine'],
      ['b', 'theirs'],
    ] as const) {
      const mine = await drop(name, 'mine');
      const theirs = bench.foreign(name, 'theirs', [], HIGH);
      await bench.keep(name, theirs, 'theirs');
      const step: Step = { kind: 'copy', path: path(name), base: [mine, theirs], from: path(name), hash: hashOf(kept) };
      await bench.folder.make(request('1'), [step]);
      expect(bench.contents(name)).toEqual([hashOf(kept)]);
      expect(bench.read(name)).toBe(kept);
    }
    expect(bench.private('siblings')).toEqual([]);
    expect(bench.folder.state().files).toBe(2);
  });

  it('resolve --keep-both gives each content its shown name', async () => {
    const mine = await drop('a', 'mine');
    const theirs = bench.foreign('a', 'theirs', [], HIGH);
    await bench.keep('a', theirs, 'theirs');
    await bench.folder.make(request('1'), [
      { kind: 'copy', path: path('a (alpha)'), base: [], from: path('a'), hash: hashOf('mine') },
      { kind: 'copy', path: path('a (bravo)'), base: [], from: path('a'), hash: hashOf('theirs') },
      { kind: 'bury', path: path('a'), base: [mine, theirs] },
    ]);
    expect(bench.drive.userList()).toEqual(['a (alpha)', 'a (bravo)']);
    expect(bench.read('a (bravo)')).toBe('theirs');
    expect(bench.contents('a')).toEqual([]);
    expect(bench.private('siblings')).toEqual([]);
  });

  it('a copy without a burial leaves its source', async () => {
    await drop('a', 'one');
    await bench.folder.make(request('1'), [{ kind: 'copy', path: path('b'), base: [], from: path('a'), hash: hashOf('one') }]);
    expect(bench.drive.userList()).toEqual(['a', 'b']);
    expect(bench.drive.userStat('a')?.inode).not.toBe(bench.drive.userStat('b')?.inode);
  });

  it('a store that is full leaves everything as it was', async () => {
    const base = await drop('a', 'one');
    const step = await bench.put('a', 'two', [base]);
    let isFull = false;
    bench.platform.disk.commitHook = async () => {
      isFull = true;
      bench.node.store.faults.isFull = true;
    };
    await expect(bench.folder.make(request('1'), [step])).rejects.toMatchObject({ code: 'full' });
    bench.platform.disk.commitHook = undefined;
    expect(isFull).toBe(true);
    bench.node.store.faults.isFull = false;
    expect(bench.read('a')).toBe('one');
    expect(bench.held('a').own).toEqual(base.own);
    // The file was moved away and back: it is hashed again before it is believed.
    await bench.settle();
    expect(bench.held('a').own).toEqual(base.own);
    const [version] = await bench.folder.make(request('1'), [step]);
    expect(bench.read('a')).toBe('two');
    expect(bench.held('a').own).toEqual(version?.own);
  });
});
