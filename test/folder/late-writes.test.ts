import { expect, it } from 'vitest';
import { bytes, FolderBench, hashOf, path } from './folder-bench.ts';

it('what a program wrote to a deleted file long after stays 30 days longer than the others', async () => {
  const bench = new FolderBench('late writes', {});
  await bench.start();
  for (const [name, text] of [
    ['log', 'first line'],
    ['other', 'gone'],
  ] as const) {
    const version = bench.foreign(name, text);
    await bench.keep(name, version, text);
    await bench.folder.letGo(path(name), hashOf(text), bench.foreignTombstone(name, [version]));
  }
  await bench.settle();
  const place = bench.private('trash').find((one) => bench.read(one) === 'first line') ?? '';
  await bench.pass(60_000);
  bench.drive.userAppend(place, bytes(', second line'));
  await bench.days(31);
  expect(bench.private('trash').map((one) => bench.read(one))).toEqual(['first line, second line']);
  expect(await bench.folder.oldCopies(path('log'))).toEqual([]);
  await bench.days(31);
  expect(bench.private('trash')).toEqual([]);
  await bench.end();
});
