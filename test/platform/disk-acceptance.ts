import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../../src/platform/disk.ts';
import { commitAcceptance } from './commit-acceptance.ts';
import { bytes, contentOf, type DiskBench, isSameStat, STAGE, stageContent, text, walked } from './disk-bench.ts';
import { manyAcceptance } from './many-acceptance.ts';
import { stageAcceptance } from './stage-acceptance.ts';

const MARKER = bytes('mesh and peer');

/** What every Disk keeps to. */
export function runDiskAcceptance(name: string, makeBench: () => Promise<DiskBench>): void {
  describe(`disk: ${name}`, () => {
    let bench: DiskBench;
    beforeEach(async () => {
      bench = await makeBench();
      await bench.disk.prepare(MARKER);
    });
    afterEach(() => bench.dispose());
    const current = () => bench;
    rootAcceptance(current);
    readAcceptance(current);
    stageAcceptance(current);
    privateFileAcceptance(current);
    watchAcceptance(current);
    commitAcceptance(current);
    manyAcceptance(current);
  });
}

function rootAcceptance(current: () => DiskBench): void {
  it('sees the marker it wrote, also after a restart, and the same device', async () => {
    const before = await current().disk.probe();
    expect(before).toMatchObject({ state: 'present', marker: MARKER });
    await current().restart();
    expect(await current().disk.probe()).toEqual(before);
  });

  it('prepares again what is prepared, with another marker', async () => {
    await current().person.write('kept.txt', 'kept');
    await current().disk.prepare(bytes('other'));
    expect(await current().disk.probe()).toMatchObject({ state: 'present', marker: bytes('other') });
    expect(await walked(current().disk)).toEqual(['kept.txt']);
  });

  it('tells the bytes free and in all', async () => {
    const { free, total } = await current().disk.free();
    expect(free).toBeGreaterThan(0);
    expect(total).toBeGreaterThanOrEqual(free);
  });
}

function readAcceptance(current: () => DiskBench): void {
  it('walks every file at any depth, below a folder only when asked, its own folder left out', async () => {
    const { disk, person } = current();
    for (const path of ['a', 'b/c', 'b/d/e', 'b/d/f', 'bb/g', 'empty']) await person.write(path, path === 'empty' ? '' : path);
    await person.makeFolder('none/here');
    expect(await walked(disk)).toEqual(['a', 'b/c', 'b/d/e', 'b/d/f', 'bb/g', 'empty']);
    expect(await walked(disk, 'b')).toEqual(['b/c', 'b/d/e', 'b/d/f']);
    expect(await walked(disk, 'b/d')).toEqual(['b/d/e', 'b/d/f']);
    expect(await walked(disk, 'nowhere')).toEqual([]);
  });

  it('tells whether its folders list a file by that very name', async () => {
    const { disk, person } = current();
    await person.write('b/c', 'text');
    const asked = ['b/c', 'b', 'b/C', 'B/c', 'b/c/d', 'nowhere/c'];
    expect(await Promise.all(asked.map((path) => disk.isNamed(path)))).toEqual([true, true, false, false, false, false]);
  });

  it("leaves out another peer's private folder further down, and says so", async () => {
    const { disk, person } = current();
    for (const path of ['a/.filemesh/identity.key', 'a/.FileMesh/x', 'a/b']) await person.write(path, path);
    const entries: { path: string; kind: string; reason?: string }[] = [];
    for await (const batch of disk.walk()) entries.push(...batch);
    expect(entries.filter(({ kind }) => kind === 'file').map(({ path }) => path)).toEqual(['a/b']);
    const reason = 'private folder of another peer';
    const skipped = entries.filter((entry) => entry.kind === 'skipped' && entry.reason === reason).map(({ path }) => path);
    expect(skipped.sort()).toEqual(['a/.FileMesh', 'a/.filemesh']);
  });

  it('walks in batches of at most 1,000, with the stats that stat tells', async () => {
    const { disk, person } = current();
    for (let index = 0; index < 1100; index++) await person.write(`d${index % 3}/f${index}`, 'x');
    let count = 0;
    for await (const batch of disk.walk()) {
      expect(batch.length).toBeLessThanOrEqual(1000);
      count += batch.length;
      const first = batch[0];
      if (first?.kind === 'file') expect(first.stat).toEqual(await disk.stat(first.path));
    }
    expect(count).toBe(1100);
  });

  it('tells another stat after any change, and none where there is no regular file', async () => {
    const { disk, person } = current();
    await person.write('f', 'one');
    const first = await disk.stat('f');
    expect(first?.size).toBe(3);
    expect(isSameStat(first, await disk.stat('f'))).toBe(true);
    await person.write('f', 'three');
    const second = await disk.stat('f');
    expect(second?.inode).toBe(first?.inode);
    expect(isSameStat(first, second)).toBe(false);
    await person.save('f', 'other');
    expect((await disk.stat('f'))?.inode).not.toBe(first?.inode);
    await person.makeFolder('folder');
    for (const path of ['folder', 'missing', 'folder/missing', 'f/below']) expect(await disk.stat(path)).toBeUndefined();
    for (const path of ['folder', 'missing', 'folder/missing', 'missing/below']) expect(await disk.isGone(path)).toBe(true);
    for (const path of ['f', 'f/below']) expect(await disk.isGone(path)).toBe(false);
  });

  it('reads ranges; fewer bytes only at the end', async () => {
    const { disk, person } = current();
    await person.write('folder/f', '0123456789');
    const file = await disk.open('folder/f');
    expect(file.stat).toEqual(await disk.stat('folder/f'));
    expect(text(await file.read(0, 4))).toBe('0123');
    expect(text(await file.read(8, 100))).toBe('89');
    expect(await file.read(10, 1)).toHaveLength(0);
    await file.close();
  });

  it('reads the file it opened, whatever becomes of the name', async () => {
    const { disk, person } = current();
    await person.write('f', 'old');
    const file = await disk.open('f');
    await person.save('f', 'newer');
    expect(text(await file.read(0, 10))).toBe('old');
    await person.remove('f');
    expect(text(await file.read(0, 10))).toBe('old');
    await file.close();
  });

  it('sees in restat what happened to the open file', async () => {
    const { disk, person } = current();
    await person.write('f', 'old');
    const file = await disk.open('f');
    expect(isSameStat(await file.restat(), file.stat)).toBe(true);
    await person.write('f', 'longer');
    expect(isSameStat(await file.restat(), file.stat)).toBe(false);
    await file.close();
  });

  it('makes durable what a person wrote, and its name', async () => {
    const { disk, person } = current();
    await person.write('deep/down/saved.txt', 'saved by a program that does not sync');
    const file = await disk.open('deep/down/saved.txt');
    await file.sync();
    await file.close();
    await current().restart();
    expect(await contentOf(current().disk, 'deep/down/saved.txt')).toBe('saved by a program that does not sync');
  });

  it('opens no folder and nothing that is missing: gone', async () => {
    const { disk, person } = current();
    await person.write('folder/f', 'x');
    for (const path of ['folder', 'missing', 'folder/missing', 'folder/f/below']) {
      await expect(disk.open(path)).rejects.toMatchObject({ code: 'gone' });
    }
  });

  it('holds names of 255 bytes and of any script', async () => {
    const { disk, person } = current();
    const names = ['n'.repeat(255), '😀 é ñ.txt', '日本語/ファイル', '~tilde', '-dash', 'a b'];
    for (const name of names) await person.write(name, name);
    expect(await walked(disk)).toEqual([...names].sort());
    for (const name of names) expect(await contentOf(disk, name)).toBe(name);
  });
}

function privateFileAcceptance(current: () => DiskBench): void {
  const stage = (disk: Disk, name: string) => stageContent(disk, name, name);

  it('lists the files of a room', async () => {
    const { disk } = current();
    expect(await disk.list('stage')).toEqual([]);
    await stage(disk, 'one');
    await stage(disk, 'two');
    const listed = await disk.list('stage');
    expect(listed.map((file) => file.name).sort()).toEqual(['one', 'two']);
    for (const { name, stat } of listed) expect(stat).toEqual(await disk.stat(`${STAGE}/${name}`));
  });

  it('moves a private file, replaces nothing, and says gone when there is none', async () => {
    const { disk } = current();
    const one = await stage(disk, 'one');
    const two = await stage(disk, 'two');
    await disk.move(one, '.filemesh/siblings/one');
    expect(await contentOf(disk, '.filemesh/siblings/one')).toBe('one');
    expect(await disk.stat(one)).toBeUndefined();
    await expect(disk.move(two, '.filemesh/siblings/one')).rejects.toMatchObject({ code: 'exists' });
    expect(await contentOf(disk, two)).toBe('two');
    await expect(disk.move(one, '.filemesh/siblings/three')).rejects.toMatchObject({ code: 'gone' });
  });

  it('removes a private file, once or twice, for good', async () => {
    const path = await stage(current().disk, 'one');
    await current().disk.remove(path);
    await current().disk.remove(path);
    await current().restart();
    expect(await current().disk.stat(path)).toBeUndefined();
  });

  it('neither moves nor removes what is not its own', async () => {
    const { disk, person } = current();
    await person.write('mine', 'x');
    await expect(disk.remove('mine')).rejects.toThrow();
    await expect(disk.move('mine', `${STAGE}/mine`)).rejects.toThrow();
    expect(await person.read('mine')).toBe('x');
  });

  it('removes the folders that are empty now, and no others', async () => {
    const { disk, person } = current();
    await person.write('a/keep', 'x');
    await person.makeFolder('a/b/c');
    await disk.removeEmptyFolders('a/b/c/file');
    await person.makeFolder('top');
    await disk.removeEmptyFolders('top/file');
    await disk.removeEmptyFolders('never/was/file');
    await disk.removeEmptyFolders('file');
    expect(await walked(disk)).toEqual(['a/keep']);
    // A file takes the name of a folder that is gone, and only of one that is gone.
    await person.write('top', 'now a file');
    await person.write('a/b', 'now a file');
    expect(await walked(disk)).toEqual(['a/b', 'a/keep', 'top']);
  });
}

function watchAcceptance(current: () => DiskBench): void {
  it('hints at what a person does, at the path or anywhere', async () => {
    const { disk, person } = current();
    await person.makeFolder('folder');
    const hints: (string | undefined)[] = [];
    let wake = () => {};
    const watch = await disk.watch((path) => {
      hints.push(path);
      wake();
    });
    const hinted = async (...paths: string[]) => {
      const covers = (hint: string | undefined) => hint === undefined || paths.includes(hint);
      while (!hints.some(covers)) await new Promise<void>((resolve) => (wake = resolve));
      hints.length = 0;
    };
    expect(watch.fault()).toBeUndefined();
    await person.write('f', 'x');
    await hinted('f');
    await person.write('folder/g', 'x');
    await hinted('folder/g', 'folder');
    await person.write('new/h', 'x');
    await hinted('new/h', 'new');
    await person.remove('f');
    await hinted('f');
    await watch.close();
  });
}
