import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileVersion } from '../../src/core/version.ts';
import { FolderBench, HIGH, hashOf, LOW, path } from './folder-bench.ts';

describe('two contents of one name', () => {
  let bench: FolderBench;
  beforeEach(async () => {
    bench = new FolderBench('folder');
    await bench.start();
  });
  afterEach(() => bench.end());

  const ownKinds = (name: string) => bench.ledger.own(path(name)).map(({ version, holding }) => `${version.kind} ${holding}`);

  it('keeps a concurrent content as a sibling, and what was there under the plain name', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    await bench.keep('a', bench.foreign('a', 'theirs'), 'theirs');
    expect(bench.read('a')).toBe('mine');
    expect(bench.private('siblings')).toHaveLength(1);
    expect(ownKinds('a')).toEqual(['file all', 'file all']);
    const copy = await bench.folder.open(path('a'), hashOf('theirs'));
    expect(new TextDecoder().decode(await copy.read(0, 10))).toBe('theirs');
    await copy.close();
    await bench.restart();
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
    expect(bench.folder.state().files).toBe(2);
  });

  it('when a conflict ends, the current sibling takes the plain name', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    const mine = bench.held('a');
    const theirs = bench.foreign('a', 'theirs', [], HIGH);
    await bench.keep('a', theirs, 'theirs');
    const end = bench.foreign('a', 'theirs', [mine, theirs], LOW);
    expect(await bench.folder.keepFromHere(path('a'), end)).toBe(true);
    await bench.folder.arrange(path('a'));
    expect(bench.read('a')).toBe('theirs');
    expect(bench.private('siblings')).toEqual([]);
    expect(bench.held('a').own).toEqual(end.own);
    expect(bench.folder.state().files).toBe(1);
  });

  it('an overtaken sibling takes a free name while it is kept, a deleted one does not', async () => {
    for (const [name, isDeleted] of [
      ['a', false],
      ['b', true],
    ] as const) {
      bench.write(name, 'mine');
      await bench.settle();
      const mine = bench.held(name);
      const theirs = bench.foreign(name, 'theirs');
      await bench.keep(name, theirs, 'theirs');
      // Who made what replaces it may be lost for good: it is kept meanwhile, and under no other name would anybody find it.
      const replaced = (version: FileVersion, text: string) =>
        isDeleted ? bench.foreignTombstone(name, [version]) : bench.foreign(name, text, [version], HIGH);
      const end = replaced(mine, 'third');
      replaced(theirs, 'fourth');
      await bench.folder.letGo(path(name), hashOf('mine'), end);
      await bench.folder.arrange(path(name));
      expect(bench.drive.userStat(name) !== undefined).toBe(!isDeleted);
      expect(bench.folder.holds(path(name), hashOf('theirs'))).toBe(true);
    }
    expect(bench.read('a')).toBe('theirs');
    expect(bench.private('siblings')).toHaveLength(1);
  });

  it('an overtaken content that is still kept makes room for a current one, and stays', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    const mine = bench.held('a');
    const theirs = bench.foreign('a', 'theirs');
    await bench.keep('a', theirs, 'theirs');
    const third = bench.foreign('a', 'third', [mine], HIGH);
    const fourth = bench.foreign('a', 'fourth', [theirs]);
    await bench.folder.letGo(path('a'), hashOf('mine'), third);
    await bench.folder.arrange(path('a'));
    expect(bench.read('a')).toBe('theirs');
    await bench.keep('a', third, 'third');
    await bench.folder.arrange(path('a'));
    expect(bench.read('a')).toBe('third');
    // Nobody has its successor yet.
    const copy = await bench.folder.open(path('a'), hashOf('theirs'));
    expect(new TextDecoder().decode(await copy.read(0, 10))).toBe('theirs');
    await copy.close();
    await bench.restart();
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
    await bench.folder.letGo(path('a'), hashOf('theirs'), fourth);
    expect(bench.private('siblings')).toEqual([]);
    expect(bench.read('a')).toBe('third');
  });

  it('a save into an overtaken content that made room is found', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    const mine = bench.held('a');
    await bench.keep('a', bench.foreign('a', 'theirs'), 'theirs');
    bench.foreign('a', 'third', [mine], HIGH);
    const open = bench.drive.volume.file('a');
    await bench.folder.arrange(path('a'));
    expect(bench.read('a')).toBe('theirs');
    bench.drive.volume.write(open, 0, new TextEncoder().encode('late save'));
    await bench.settle();
    expect(bench.contents('a')).toEqual(expect.arrayContaining([hashOf('late save'), hashOf('theirs')]));
    expect(bench.folder.holds(path('a'), hashOf('late save'))).toBe(true);
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
  });

  it('when the user deletes one side of a conflict, the other takes the plain name', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    await bench.keep('a', bench.foreign('a', 'theirs'), 'theirs');
    bench.drive.userDelete('a');
    await bench.settle();
    expect(bench.contents('a')).toEqual([hashOf('theirs')]);
    expect(bench.read('a')).toBe('theirs');
    expect(bench.private('siblings')).toEqual([]);
  });

  it('what lay here beside a name is had again after the store was lost', async () => {
    bench.write('a', 'mine');
    await bench.settle();
    const theirs = bench.foreign('a', 'theirs');
    await bench.keep('a', theirs, 'theirs');
    bench.node.kill();
    bench.node.store.restore(new Map());
    await bench.start();
    await bench.settle();
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(false);
    expect(bench.private('siblings')).toEqual([]);
    expect(await bench.folder.keepFromHere(path('a'), theirs)).toBe(true);
    expect(bench.folder.holds(path('a'), hashOf('theirs'))).toBe(true);
    expect(bench.private('siblings')).toHaveLength(1);
    expect(bench.read('a')).toBe('mine');
  });
});
