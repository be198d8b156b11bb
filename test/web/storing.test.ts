import { beforeEach, expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { prepareStore, type StoreWish } from '../../src/web/storing.ts';
import { hashOf } from '../client/scripted-peer.ts';
import { bytesOf, openBench, options, path, sourceOf, type VerbBench } from '../client/verb-bench.ts';

let bench: VerbBench;
beforeEach(async () => {
  bench = await openBench();
  bench.mesh.put(path, bytesOf(3), 'alpha');
});

test('what is stored follows what was there when it was asked for', async () => {
  const { mesh, session, settle } = bench;
  const { base } = (await settle(session.call('locate', { path }, {}))).reply;
  const storing = await settle(prepareStore(session, path, {}, options));
  expect([storing.isNew, storing.base]).toEqual([false, base]);
  // Its bytes are on their way still when that goes.
  mesh.files.clear();
  await settle(storing.with(sourceOf(bytesOf(5))));
  expect(mesh.asked.map(({ ask }) => ask.base)).toEqual([base]);
});

test('one that another overtook is refused, and is stored where that one is the same', async () => {
  const { mesh, alpha, session, settle } = bench;
  const bytes = bytesOf(5);
  alpha.script.change = () => Promise.reject(new MeshError('overtaken', 'another came'));
  const storing = await settle(prepareStore(session, path, {}, options));
  await expect(settle(storing.with(sourceOf(bytes)))).rejects.toMatchObject({ code: 'overtaken' });
  // As by an earlier try, of which no answer came.
  mesh.files.clear();
  mesh.put(path, bytes, 'bravo');
  expect(await settle(storing.with(sourceOf(bytes)))).toMatchObject({ path, copies: 1, wanted: 2 });
  // One of several is not all there is.
  mesh.put(path, bytesOf(6), 'alpha');
  await expect(settle(storing.with(sourceOf(bytes)))).rejects.toMatchObject({ code: 'overtaken' });
  expect(mesh.made.size).toBe(0);
});

test('a condition on what is there may name a content, or any', async () => {
  const { session, settle } = bench;
  const tag = `"${hashOf(bytesOf(3))}"`;
  const prepared = (wish: StoreWish) => settle(prepareStore(session, path, wish, options).then(({ isNew }) => isNew));
  for (const ifNoneMatch of ['*', tag, `"other", W/${tag}`])
    await expect(prepared({ ifNoneMatch })).rejects.toMatchObject({ status: 412, code: 'exists', headers: { etag: tag } });
  expect(await prepared({ ifNoneMatch: '"other"' })).toBe(false);
  expect(await prepared({ ifMatch: tag })).toBe(false);
  await expect(prepared({ ifMatch: '"other"' })).rejects.toMatchObject({ status: 412, code: 'overtaken' });
});

test('what was stored by an earlier try, of which no answer came, is stored', async () => {
  const { mesh, session, settle } = bench;
  const wish = { ifMatch: '"what it followed"', size: 3 };
  const again = await settle(prepareStore(session, path, wish, options));
  expect(await settle(again.with(sourceOf(bytesOf(3))))).toMatchObject({
    path,
    version: hashOf(bytesOf(3)),
    copies: 1,
    wanted: 2,
  });
  const other = await settle(prepareStore(session, path, wish, options));
  await expect(settle(other.with(sourceOf(new Uint8Array(3))))).rejects.toMatchObject({ status: 412, code: 'overtaken' });
  // What cannot be the same is refused before it comes.
  await expect(settle(prepareStore(session, path, { ...wish, size: 4 }, options))).rejects.toMatchObject({ status: 412 });
  await expect(settle(prepareStore(session, path, { ifMatch: '"x"' }, options))).rejects.toMatchObject({ status: 412 });
  expect(mesh.asked).toEqual([]);
});
