import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';

const here = new PeersHere();
let url = '';
beforeAll(async () => {
  url = String((await here.up('alpha')).http);
});
afterAll(() => here.end());

const store = async (name: string, content: string) => {
  expect((await fetch(`${url}/files/${name}`, { method: 'PUT', body: content })).ok).toBe(true);
};
const contentOf = async (name: string) => await (await fetch(`${url}/files/${name}`)).text();

/** Announces one; its address. */
async function begin(name: string, length: number): Promise<string> {
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(length) };
  const metadata = { 'upload-metadata': `path ${Buffer.from(name).toString('base64')}` };
  const answer = await fetch(`${url}/tus/`, { method: 'POST', headers: { ...headers, ...metadata } });
  expect(answer.status).toBe(201);
  return String(answer.headers.get('location'));
}

function send(place: string, offset: number, text: string): Promise<Response> {
  const type = { 'content-type': 'application/offset+octet-stream' };
  const headers = { 'tus-resumable': '1.0.0', 'upload-offset': String(offset), ...type };
  return fetch(`${url}${place}`, { method: 'PATCH', headers, body: text });
}

async function refusalOf(answer: Response) {
  const { error } = (await answer.json()) as { error: { code: string } };
  return { status: answer.status, code: error.code };
}

test('an upload in parts follows what was there when it was begun, and never what came meanwhile', async () => {
  await store('known.txt', 'first');
  const [known, fresh] = [await begin('known.txt', 4), await begin('new.txt', 4)];
  expect((await send(known, 0, 'mi')).status).toBe(204);
  await store('known.txt', 'theirs');
  await store('new.txt', 'theirs');
  expect(await refusalOf(await send(known, 2, 'ne'))).toEqual({ status: 412, code: 'overtaken' });
  expect(await refusalOf(await send(fresh, 0, 'mine'))).toEqual({ status: 412, code: 'overtaken' });
  // Tried again it is no other upload: nobody has looked at what came.
  expect(await refusalOf(await send(known, 4, ''))).toEqual({ status: 412, code: 'overtaken' });
  expect([await contentOf('known.txt'), await contentOf('new.txt')]).toEqual(['theirs', 'theirs']);
  expect((await send(await begin('known.txt', 4), 0, 'mine')).status).toBe(204);
  expect(await contentOf('known.txt')).toBe('mine');
});

test('one whose answer was lost is stored once: what overtook it is the same', async () => {
  await store('twice.txt', 'first');
  const [one, two] = [await begin('twice.txt', 4), await begin('twice.txt', 4)];
  expect((await send(one, 0, 'same')).status).toBe(204);
  const again = await send(two, 0, 'same');
  expect([again.status, again.headers.get('x-filemesh-copies')]).toEqual([204, '1/2']);
  const history = (await here.value(0, ['history', 'twice.txt'])) as readonly unknown[];
  expect(history.length).toBe(2);
});

test('what it follows outlives the process', async () => {
  await store('kept.txt', 'first');
  const kept = await begin('kept.txt', 4);
  await store('kept.txt', 'theirs');
  await here.peer('alpha').kill();
  url = String((await here.up('alpha')).http);
  expect(await refusalOf(await send(kept, 0, 'mine'))).toEqual({ status: 412, code: 'overtaken' });
  expect(await contentOf('kept.txt')).toBe('theirs');
});
