import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileVersion, Version } from '../../src/core/version.ts';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

let bench: FolderBench;

beforeEach(async () => {
  bench = new FolderBench('renaming');
  await bench.start();
});
afterEach(() => bench.end());

/** `from` lies here, and somebody renamed it to `to`. */
async function renamed(from: string, to: string): Promise<{ version: FileVersion; by: Version }> {
  bench.write(from, 'text');
  await bench.settle();
  const by = bench.foreignTombstone(from, [bench.held(from)], to);
  return { version: bench.foreign(to, 'text'), by };
}

const follow = (from: string, to: string, { version, by }: { version: FileVersion; by: Version }) =>
  bench.folder.renaming.follow(path(from), path(to), version, by);
const kinds = (name: string) => bench.ledger.own(path(name)).map(({ version, holding }) => `${version.kind} ${holding}`);

describe('a file that got another name elsewhere', () => {
  it('is moved, both names recorded at once, and its empty folder goes', async () => {
    const rename = await renamed('f/old', 'new');
    expect(await follow('f/old', 'new', rename)).toBe(true);
    expect([bench.read('f/old'), bench.read('new')]).toEqual([undefined, 'text']);
    expect([kinds('f/old'), kinds('new')]).toEqual([['tombstone none'], ['file all']]);
    expect(() => bench.drive.userDelete('f')).toThrow('no file');
    expect([...bench.private('trash'), ...bench.private('versions'), ...bench.private('stage')]).toEqual([]);
    await bench.settle();
    await bench.restart();
    await bench.settle();
    expect([bench.held('new').own, kinds('f/old')]).toEqual([rename.version.own, ['tombstone none']]);
  });

  it('is edited under one of its names when a program saves it in place meanwhile, at whatever step', async () => {
    const saved: boolean[] = [];
    for (let step = 0; step < 12; step++) {
      const [from, to] = [`old ${step}`, `new ${step}`];
      const rename = await renamed(from, to);
      const open = bench.drive.volume.file(from);
      let steps = 0;
      bench.platform.disk.commitHook = async () => {
        if (steps++ === step) bench.drive.volume.write(open, 0, bytes('save'));
      };
      const isMoved = await follow(from, to, rename).catch(() => false);
      bench.platform.disk.commitHook = undefined;
      await bench.settle();
      await bench.folder.scan();
      await bench.settle();
      const name = isMoved ? to : from;
      const text = steps > step ? 'save' : 'text';
      expect([step, bench.read(name), bench.contents(name)]).toEqual([step, text, [hashOf(text)]]);
      if (text === 'save') saved.push(isMoved);
    }
    expect([saved.includes(true), saved.includes(false)]).toEqual([true, true]);
  });

  it('stays where it is wanted under its old name too, or no more under the new one', async () => {
    const wanted = await renamed('one', 'two');
    bench.foreign('one', 'text');
    const given = await renamed('three', 'four');
    bench.foreignTombstone('four', [given.version]);
    expect(await follow('one', 'two', wanted)).toBe(false);
    expect(await follow('three', 'four', given)).toBe(false);
    expect(['one', 'two', 'three', 'four'].map((name) => bench.read(name))).toEqual(['text', undefined, 'text', undefined]);
  });

  it('stays where it lies under both names, or under neither', async () => {
    const rename = await renamed('old', 'new');
    await bench.keep('new', rename.version, 'text');
    expect(await follow('old', 'new', rename)).toBe(false);
    expect(await follow('never', 'new', rename)).toBe(false);
    expect([bench.read('old'), bench.read('new')]).toEqual(['text', 'text']);
  });

  it('stays where something else lies under the new name', async () => {
    const rename = await renamed('old', 'new');
    bench.write('new', 'other');
    await bench.settle();
    expect(await follow('old', 'new', rename)).toBe(false);
    expect([bench.read('old'), bench.read('new')]).toEqual(['text', 'other']);
  });

  it('stays where the disk does not take the new name as long as the old one stands', async () => {
    const rename = await renamed('a/b', 'a');
    expect(await follow('a/b', 'a', rename)).toBe(false);
    expect(bench.read('a/b')).toBe('text');
  });

  it('does not stay under a name that was given up meanwhile', async () => {
    const rename = await renamed('old', 'new');
    const { ledger } = bench;
    const change = ledger.change.bind(ledger);
    ledger.change = async (paths, plan) => {
      ledger.change = change;
      // Deleted here while the move was under way: obeyed before there was anything to remove.
      const version = bench.foreignTombstone('new', [rename.version]);
      await change([path('new')], ({ put }) => put({ path: path('new'), version, holding: 'none' }));
      return await change(paths, plan);
    };
    expect(await follow('old', 'new', rename)).toBe(true);
    await bench.pass(1_000);
    expect([bench.read('old'), bench.read('new'), kinds('new')]).toEqual([undefined, undefined, ['tombstone none']]);
  });
});
