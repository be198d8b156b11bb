import { expect, it } from 'vitest';
import { packVersion } from '../../src/catalog/packed-version.ts';
import type { WriterId } from '../../src/core/ids.ts';
import { makeVersion } from '../../src/core/version.ts';
import { contentOf, fileDraft, mint, path, peerNamed, startOn, syncIndex } from './mesh-of-catalogs.ts';

it('a peer that puts a counter of another into a vector does not bury what that one makes later', async () => {
  const a = path('a');
  const [self, liar] = [peerNamed('alpha'), peerNamed('bravo')];
  const { catalog } = await startOn(self, 1);
  const { own } = await mint(catalog, a, 'one');
  const writer = 'ab'.repeat(8) as WriterId;
  const theirs = makeVersion(fileDraft(liar, 'theirs'), [], { writer, counter: 1 }, []);
  const version = { ...theirs, vector: [{ writer: own.writer, counter: 1e15 }, ...theirs.vector] };
  const records = [{ sequence: 1, path: a, packed: packVersion(version), holding: 'all' as const }];
  await catalog.take({ index: liar, trail: [{ writer, first: 1 }], after: 0, upTo: 1, whole: false, last: true, records }, true);
  expect(catalog.view(a)?.contents.map((one) => one.hash)).toEqual([contentOf('theirs')]);

  await mint(catalog, a, 'mine');
  expect(catalog.view(a)?.contents.map((one) => one.hash)).toEqual([contentOf('mine')]);
  const { catalog: reader } = await startOn(peerNamed('charlie'), 2);
  await syncIndex(catalog, reader, self);
  await syncIndex(catalog, reader, liar);
  expect(reader.view(a)?.contents.map((one) => one.hash)).toEqual([contentOf('mine')]);
});
