import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderBench, hashOf, path } from './folder-bench.ts';

let bench: FolderBench;

beforeEach(async () => {
  bench = new FolderBench('restoring');
  await bench.start();
});
afterEach(() => bench.end());

const older = async (name: string) => (await bench.folder.oldCopies(path(name))).map(({ hash }) => hash);

describe('what lies here as before, though something newer is known', () => {
  it('is an older content, to be read and brought back, as long as it is what it was', async () => {
    bench.write('a', 'one');
    await bench.settle();
    expect(await older('a')).toEqual([]);
    bench.foreign('a', 'two', [bench.held('a')]);
    expect(await bench.folder.oldCopies(path('a'))).toMatchObject([{ hash: hashOf('one'), size: 3, origin: bench.self }]);
    const copy = await bench.folder.restoring.open(path('a'), hashOf('one'));
    expect(new TextDecoder().decode(await copy.read(0, copy.size))).toBe('one');
    await copy.close();
    const staging = await bench.folder.restoring.stage(path('a'), hashOf('one'), 'back');
    expect((await staging.digest()).hash).toBe(hashOf('one'));
    await staging.discard();
    bench.write('a', 'changed by its user');
    await expect(bench.folder.restoring.open(path('a'), hashOf('one'))).rejects.toMatchObject({ code: 'changed' });
  });

  it('is brought back also when it was set aside since it was told of', async () => {
    bench.write('a', 'one');
    await bench.settle();
    const by = bench.foreignTombstone('a', [bench.held('a')]);
    const [told] = await bench.folder.oldCopies(path('a'));
    await bench.folder.letGo(path('a'), hashOf('one'), by);
    expect(await older('a')).toEqual([hashOf('one')]);
    const staging = await bench.folder.restoring.stage(path('a'), told?.copy ?? '', 'back');
    expect((await staging.digest()).hash).toBe(hashOf('one'));
  });
});
