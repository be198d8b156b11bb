import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';
import { Process, until } from '../faults/process.ts';
import { askFrom } from './web-here.ts';

const SETUP_MS = 180_000;
const LARGE_BYTES = 48 * 1024 * 1024;

const here = new PeersHere();
const urls: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ['alpha', 'bravo', 'charlie']) urls[name] = String((await here.up(name)).http);
}, SETUP_MS);
afterAll(() => here.end());

function ask(path: string, options: RequestInit & { at?: string } = {}): Promise<Response> {
  const { at = 'alpha', ...rest } = options;
  return fetch(`${urls[at]}${path}`, rest);
}

/** Resolves when that peer knows of it: what is done at one is told to those who keep no copy a moment later. */
function known(path: string, at: string): Promise<boolean> {
  return until(`${at} knows of ${path}`, async () => (await ask(`/files/${path}`, { method: 'HEAD', at })).ok);
}

async function json(path: string, body?: unknown): Promise<Record<string, unknown>> {
  const post = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await ask(path, body === undefined ? {} : post);
  return { status: response.status, ...((await response.json()) as object) };
}

function put(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return ask(`/files/${path}`, { method: 'PUT', body: typeof body === 'string' ? body : new Uint8Array(body), headers });
}

async function curl(...words: string[]): Promise<string> {
  const { code, output, error } = await new Process(['curl', '-sS', '-m', '60', ...words], { env: process.env, cwd: here.place })
    .ended;
  if (code !== 0) throw new Error(`curl ${words.join(' ')}: exit ${code}: ${error}`);
  return output;
}

describe('the interface of a peer', () => {
  test('tells what the other peers say of their links', async () => {
    const { peers } = (await json('/api/v1/peers')) as { peers: { id: string; name: string }[] };
    const [alpha, bravo, charlie] = ['alpha', 'bravo', 'charlie'].map((name) => peers.find((peer) => peer.name === name)?.id);
    const linked = async () => {
      const told = (await json('/api/v1/traffic')) as { peers: { id: string; links: { id: string }[] }[] };
      return told.peers.map(({ id, links }) => [id, ...links.map((link) => link.id).sort()].join()).sort();
    };
    const of = (id?: string, ...others: unknown[]) => [id, ...[...others, 'clients'].sort()].join();
    const meant = [of(bravo, alpha, charlie), of(charlie, alpha, bravo)].sort();
    await until('both tell it', async () => (await linked()).join(' ') === meant.join(' '));
  });

  test('stores, tells, changes and gives back, as the command line does', async () => {
    expect((await put('docs/a%20b.txt', 'one')).status).toBe(201);
    expect((await put('docs/a%20b.txt', 'two')).status).toBe(200);
    expect((await put('docs/a%20b.txt', 'three', { 'if-none-match': '*' })).status).toBe(412);
    const read = await ask('/files/docs/a%20b.txt');
    const tag = read.headers.get('etag') ?? '';
    expect([await read.text(), read.headers.get('content-disposition')]).toEqual([
      'two',
      `attachment; filename="a b.txt"; filename*=UTF-8''a%20b.txt`,
    ]);
    expect((await ask('/files/docs/a%20b.txt', { headers: { 'if-none-match': tag } })).status).toBe(304);
    expect((await put('docs/a%20b.txt', 'three', { 'if-match': '"x"' })).status).toBe(412);
    expect((await put('docs/a%20b.txt', 'three', { 'if-match': tag })).status).toBe(200);
    const past = { 'if-unmodified-since': new Date(1_000_000_000_000).toUTCString() };
    expect((await put('docs/a%20b.txt', 'four', past)).status).toBe(412);
    expect((await ask('/files/docs/a%20b.txt', { method: 'DELETE', headers: past })).status).toBe(412);
    const head = await ask('/files/docs/a%20b.txt', { method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
    const onFolder = await put('docs', 'x');
    expect([onFolder.status, await onFolder.text()]).toEqual([409, expect.stringContaining('by a folder')]);
    expect(await json('/api/v1/folder')).toMatchObject({ folders: [{ name: 'docs', files: 1 }], files: [] });
    expect(await json('/api/v1/where?path=docs/a%20b.txt')).toMatchObject({ size: 5, copies: 2, wanted: 2 });
    const { files } = (await json('/api/v1/history?path=docs/a%20b.txt')) as { files: { versions: { size: number }[] }[] };
    expect(files[0]?.versions.map(({ size }) => size)).toEqual([5, 3, 3]);
    expect(await json('/api/v1/rename', { from: 'docs/a b.txt', to: 'docs/c.txt' })).toMatchObject({ status: 200 });
    expect((await ask('/files/docs/c.txt', { method: 'DELETE', headers: { 'if-match': tag } })).status).toBe(412);
    expect((await ask('/files/docs/c.txt', { method: 'DELETE' })).status).toBe(200);
    expect(await json('/api/v1/files?deleted')).toMatchObject({ files: [{ path: 'docs/c.txt' }] });
    expect(await json('/api/v1/restore', { path: 'docs/c.txt' })).toMatchObject({ status: 200 });
    await known('docs/c.txt', 'charlie');
    expect(await (await ask('/files/docs/c.txt', { at: 'charlie' })).text()).toBe('three');
    expect(await json('/files/no-such-file')).toMatchObject({ status: 404, error: { code: 'not-found' } });
    expect(await json('/api/v1/rename', { from: 'docs/c.txt', to: '../x' })).toMatchObject({ status: 400 });
  });

  test('gives what a file was before, from whichever peer keeps it, and what was deleted', async () => {
    const texts = ['the first text', 'the second text', 'the third text'];
    const tags: string[] = [];
    for (const text of texts) tags.push((await put('older/file.txt', text)).headers.get('etag') ?? '');
    const older = (version: string, options: RequestInit & { at?: string } = {}) =>
      ask(`/files/older/file.txt?version=${version.replaceAll('"', '')}`, options);
    for (const at of ['alpha', 'bravo', 'charlie']) {
      await known(`older/file.txt?version=${tags[2]?.replaceAll('"', '')}`, at);
      for (const [index, text] of texts.entries()) expect(await (await older(tags[index] ?? '', { at })).text()).toBe(text);
    }
    const part = await older(tags[0] ?? '', { headers: { range: 'bytes=4-8' } });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 4-8/14', 'first']);
    const head = await older(tags[0]?.slice(0, 9) ?? '', { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), head.headers.get('content-length')]).toEqual([200, tags[0], '14']);
    expect((await ask('/files/older/file.txt', { method: 'DELETE' })).status).toBe(200);
    expect(await (await older(tags[2] ?? '')).text()).toBe(texts[2]);
    expect(await json(`/files/older/file.txt?version=${'0'.repeat(64)}`)).toMatchObject({
      status: 404,
      error: { message: expect.stringContaining('is kept') },
    });
    expect((await ask('/files/older/file.txt')).status).toBe(404);
    expect((await ask(`/files/older/never.txt?version=${'0'.repeat(64)}`)).status).toBe(404);
  });

  test('takes a name for a name, though it looks like a pattern', async () => {
    await put('plain/a.txt', 'a');
    await put('plain/b.txt', 'b');
    for (const pattern of ['plain/%2A', '%2A%2A', 'plain/%5Bab%5D.txt']) {
      expect((await ask(`/files/${pattern}`, { method: 'DELETE' })).status).toBe(404);
      expect((await ask(`/api/v1/zip?path=${pattern}`)).status).toBe(404);
    }
    const { files } = await json('/api/v1/folder?path=plain');
    expect(files).toHaveLength(2);
    expect((await ask('/files/plain', { method: 'DELETE' })).status).toBe(200);
  });

  test('gives a conflict by its versions, and ends it', async () => {
    here.drop('alpha', 'clash.txt', 'of alpha');
    here.drop('bravo', 'clash.txt', 'of bravo');
    const conflicts = async () => ((await json('/api/v1/conflicts')) as { files: { versions?: { version: string }[] }[] }).files;
    await until('the conflict is seen', async () => (await conflicts()).length === 1);
    expect((await ask('/files/clash.txt')).status).toBe(409);
    const [file] = await conflicts();
    const texts = await Promise.all(
      (file?.versions ?? []).map(async ({ version }) => await (await ask(`/files/clash.txt?version=${version}`)).text()),
    );
    expect(texts.sort()).toEqual(['of alpha', 'of bravo']);
    expect(await json('/api/v1/resolve', { path: 'clash.txt' })).toMatchObject({ status: 400 });
    expect(await json('/api/v1/resolve', { path: 'clash.txt', keep: 'bravo' })).toMatchObject({ status: 200 });
    expect(await (await ask('/files/clash.txt')).text()).toBe('of bravo');
  });

  test('serves curl: upload, download, ranges, and one that goes on', async () => {
    const bytes = randomBytes(3_000_000);
    writeFileSync(join(here.place, 'up.bin'), bytes);
    expect(await curl('-T', 'up.bin', `${urls.alpha}/files/curl/`)).toContain('"copies":2');
    for (const at of ['bravo', 'charlie']) await known('curl/up.bin', at);
    await curl('-o', 'down.bin', `${urls.charlie}/files/curl/up.bin`);
    expect(readFileSync(join(here.place, 'down.bin')).equals(bytes)).toBe(true);
    writeFileSync(join(here.place, 'down.bin'), bytes.subarray(0, 1_234_567));
    await curl('-C', '-', '-o', 'down.bin', `${urls.bravo}/files/curl/up.bin`);
    expect(readFileSync(join(here.place, 'down.bin')).equals(bytes)).toBe(true);
    for (const header of ['Content-Encoding: gzip', 'Transfer-Encoding: gzip, chunked']) {
      expect(await curl('-T', 'up.bin', '-H', header, `${urls.alpha}/files/curl/encoded.bin`)).toContain('not encoded');
    }
    expect((await ask('/files/curl/encoded.bin')).status).toBe(404);
    expect(await curl('-T', 'up.bin', `${urls.alpha}/files/curl`)).toContain('by a folder');
    await curl('-r', '1000000-1999999', '-o', 'part.bin', `${urls.alpha}/files/curl/up.bin`);
    expect(readFileSync(join(here.place, 'part.bin')).equals(bytes.subarray(1_000_000, 2_000_000))).toBe(true);
  });

  test('refuses a folder’s name by the head of a request, before any of its body is there', async () => {
    const head = { method: 'PUT', path: '/files/curl', headers: { 'content-length': '1000000000' } };
    const { status, body } = await askFrom({ port: new URL(urls.alpha ?? '').port, ...head });
    expect([status, body]).toEqual([409, expect.stringContaining('curl/NAME')]);
  });

  test('refuses so what would lie below a file, and takes what lies in no folder yet', async () => {
    await put('below/file.txt', 'a file');
    for (const path of ['below/file.txt/x.txt', 'below/file.txt/deep/er/x.txt']) {
      const head = { method: 'PUT', path: `/files/${path}`, headers: { 'content-length': '1000000000' } };
      const { status, body } = await askFrom({ port: new URL(urls.alpha ?? '').port, ...head });
      expect([status, body]).toEqual([409, expect.stringMatching(/below.file.txt\W+ is a file/)]);
    }
    expect((await put('below/new/deep/x.txt', 'new')).status).toBe(201);
  });

  test('takes an upload in parts, and goes on where one was cut off', async () => {
    const bytes = randomBytes(2_000_000);
    const tus = { 'tus-resumable': '1.0.0' };
    const metadata = `path ${Buffer.from('parts/film.bin').toString('base64')},modified ${Buffer.from('1700000000000').toString('base64')}`;
    const begun = await ask('/tus/', {
      method: 'POST',
      headers: { ...tus, 'upload-length': '2000000', 'upload-metadata': metadata },
    });
    const place = begun.headers.get('location') ?? '';
    const part = (offset: number, body: Uint8Array) =>
      ask(place, {
        method: 'PATCH',
        body: new Uint8Array(Buffer.from(body)),
        headers: { ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      });
    expect([begun.status, (await part(0, bytes.subarray(0, 700_000))).status]).toEqual([201, 204]);
    expect((await part(5, bytes.subarray(5))).status).toBe(409);
    const state = await ask(place, { method: 'HEAD', headers: tus });
    expect([state.headers.get('upload-offset'), state.headers.get('upload-length')]).toEqual(['700000', '2000000']);
    expect((await ask('/files/parts/film.bin')).status).toBe(404);
    expect((await part(700_000, bytes.subarray(700_000))).status).toBe(204);
    const stored = await ask('/files/parts/film.bin');
    expect(Buffer.from(await stored.arrayBuffer()).equals(bytes)).toBe(true);
    expect(stored.headers.get('last-modified')).toBe(new Date(1_700_000_000_000).toUTCString());
    expect((await ask(place, { method: 'HEAD', headers: tus })).status).toBe(404);
  });

  test('sends a folder as one archive', async () => {
    await put('zip/ü.txt', 'text with ü');
    await put('zip/deep/er.bin', randomBytes(10));
    const response = await ask('/api/v1/zip?path=zip');
    const archive = Buffer.from(await response.arrayBuffer());
    expect(archive.length).toBe(Number(response.headers.get('content-length')));
    const table = Number(archive.readBigUInt64LE(archive.length - 98 + 48));
    const names: string[] = [];
    for (let at = table; archive.readUInt32LE(at) === 0x02014b50; ) {
      const [crc, nameBytes] = [archive.readUInt32LE(at + 16), archive.readUInt16LE(at + 28)];
      names.push(archive.subarray(at + 46, at + 46 + nameBytes).toString());
      const extra = at + 46 + nameBytes;
      const [size, offset] = [Number(archive.readBigUInt64LE(extra + 4)), Number(archive.readBigUInt64LE(extra + 20))];
      const from = offset + 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
      expect(crc32(archive.subarray(from, from + size))).toBe(crc);
      at = extra + archive.readUInt16LE(at + 30);
    }
    expect(names.sort()).toEqual(['zip/deep/er.bin', 'zip/ü.txt']);
  });

  test('is described, all of it: each path of the description is there', async () => {
    const { paths } = (await (await ask('/openapi.json')).json()) as { paths: Record<string, Record<string, unknown>> };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method, path] as const),
    );
    expect(operations.length).toBeGreaterThan(30);
    for (const [method, path] of operations) {
      const stop = new AbortController();
      const response = await ask(path.replace('{path}', 'x'), { method: method.toUpperCase(), signal: stop.signal });
      const text = path === '/api/v1/events' || method === 'head' ? '' : await response.text();
      stop.abort();
      expect([method, path, text.includes('there is nothing here')]).toEqual([method, path, false]);
    }
    expect((await ask('/api/v1/nope')).status).toBe(404);
    const guide = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');
    expect(Object.keys(paths).filter((path) => !guide.includes(path.replace('{path}', 'PATH')))).toEqual([]);
  });

  test('tells what happens as it happens', async () => {
    const stop = new AbortController();
    const response = await ask('/api/v1/events', { signal: stop.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    const hear = async (what: RegExp) => {
      while (!what.test(heard)) heard += (await reader?.read())?.value ?? '';
    };
    await hear(/event: peers[\s\S]*event: status/);
    await put('news.txt', 'news');
    await hear(/event: files\ndata: \{"paths":\[[^\]]*"news.txt"/);
    stop.abort();
  });
});

test('a peer that is killed while it gives a large file is not missed: the same answer goes on from the others', async () => {
  const bytes = randomBytes(LARGE_BYTES);
  const wanted = createHash('sha256').update(bytes).digest('hex');
  expect((await put('large.bin', bytes)).status).toBe(201);
  const where = await json('/api/v1/where?path=large.bin');
  const holders = where.holders as string[];
  const reader = ['alpha', 'bravo', 'charlie'].find((name) => !holders.includes(name)) ?? '';
  const victim = holders[0] ?? '';
  await known('large.bin', reader);
  const response = await ask('/files/large.bin', { at: reader });
  const hash = createHash('sha256');
  let count = 0;
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    hash.update(piece);
    if (count < 2_000_000 && count + piece.length >= 2_000_000) await here.peer(victim).kill();
    count += piece.length;
  }
  expect([count, hash.digest('hex')]).toEqual([LARGE_BYTES, wanted]);
});
