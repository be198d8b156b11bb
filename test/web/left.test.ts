import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';

/** So large that it takes a while to be stored. */
const BYTES = 48 * 1024 * 1024;
const TUS = { 'tus-resumable': '1.0.0' };

const here = new PeersHere();
let url = '';
beforeAll(async () => {
  url = String((await here.up('alpha', '--replicas', '1')).http);
}, 60_000);
afterAll(() => here.end());

function begin(name: string, length: number): Promise<Response> {
  const metadata = `path ${Buffer.from(name).toString('base64')}`;
  const headers = { ...TUS, 'upload-length': String(length), 'upload-metadata': metadata };
  return fetch(`${url}/tus/`, { method: 'POST', headers });
}

test('what was sent whole is stored, though its sender does not wait for that', async () => {
  const begun = await begin('large.bin', BYTES);
  const place = `${url}${begun.headers.get('location')}`;
  const headers = { ...TUS, 'upload-offset': '0', 'content-length': BYTES, 'content-type': 'application/offset+octet-stream' };
  const sent = request(place, { method: 'PATCH', headers, agent: false });
  // Cut off it ends with an error, whenever that is.
  sent.on('error', () => undefined).end(Buffer.alloc(BYTES, 7));
  const came = async () => (await fetch(place, { method: 'HEAD', headers: TUS })).headers.get('upload-offset');
  await until('all of it came', async () => [String(BYTES), null].includes(await came()));
  sent.destroy();
  await until('it is stored', async () => (await fetch(`${url}/files/large.bin`, { method: 'HEAD' })).status === 200);
}, 60_000);

test('an empty one is stored by its beginning, for clients send no part of it', async () => {
  const begun = await begin('empty.txt', 0);
  expect([begun.status, begun.headers.get('x-filemesh-copies')]).toEqual([201, '1/1']);
  const stored = await fetch(`${url}/files/empty.txt`);
  expect([stored.status, await stored.text(), stored.headers.get('etag')]).toEqual([200, '', begun.headers.get('etag')]);
  // In another version of the protocol nothing is begun, and so nothing stored.
  const metadata = `path ${Buffer.from('other.txt').toString('base64')}`;
  const headers = { 'tus-resumable': '0.2.2', 'upload-length': '0', 'upload-metadata': metadata };
  expect((await fetch(`${url}/tus/`, { method: 'POST', headers })).status).toBe(412);
  expect((await fetch(`${url}/files/other.txt`)).status).toBe(404);
  // Nothing of it waits any more.
  expect((await fetch(`${url}${begun.headers.get('location')}`, { method: 'HEAD', headers: TUS })).status).toBe(404);
});
