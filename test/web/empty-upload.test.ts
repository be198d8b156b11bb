import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';

const here = new PeersHere();
let url = '';
beforeAll(async () => {
  url = String((await here.up('alpha', '--replicas', '1')).http);
});
afterAll(() => here.end());

function begin(name: string, version = '1.0.0'): Promise<Response> {
  const metadata = `path ${Buffer.from(name).toString('base64')}`;
  const headers = { 'tus-resumable': version, 'upload-length': '0', 'upload-metadata': metadata };
  return fetch(`${url}/tus/`, { method: 'POST', headers });
}

test('an empty one is stored by its beginning, for clients send no part of it', async () => {
  const begun = await begin('empty.txt');
  expect([begun.status, begun.headers.get('x-filemesh-copies')]).toEqual([201, '1/1']);
  const stored = await fetch(`${url}/files/empty.txt`);
  expect([stored.status, await stored.text(), stored.headers.get('etag')]).toEqual([200, '', begun.headers.get('etag')]);
  // In another version of the protocol nothing is begun, and so nothing stored.
  expect((await begin('other.txt', '0.2.2')).status).toBe(412);
  expect((await fetch(`${url}/files/other.txt`)).status).toBe(404);
  // Nothing of it waits any more.
  expect(
    (await fetch(`${url}${begun.headers.get('location')}`, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } })).status,
  ).toBe(404);
});
