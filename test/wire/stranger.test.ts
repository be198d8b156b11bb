import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Process } from '../faults/process.ts';
import { Answered, heardWith, meshIdOf, newKey, StrangerClient, type Value } from './stranger-client.ts';

/** docs/protocol.md, tried: a client written from that page alone speaks to the program as it is built. */

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const program = process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js');
const WRITE_BYTES = 1024 * 1024;

let place: string;
let peer: Process;
let ready: { id: string; address: string; join: string; mesh: string };
let client: StrangerClient;

beforeAll(async () => {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "make build" first`);
  place = mkdtempSync(join(tmpdir(), 'filemesh-stranger-'));
  const env = { PATH: process.env.PATH, FILEMESH_HOME: join(place, 'home') };
  const words = ['up', join(place, 'folder'), '--json', '--interface', '127.0.0.1', '--name', 'alpha', '--mesh', 'strange'];
  peer = new Process([process.execPath, program, ...words, '--replicas', '1'], { env, cwd: place });
  ready = JSON.parse(await peer.line('the ready event', (line) => line.includes('"ready"')));
  client = await StrangerClient.join(ready.address, ready.join, newKey());
});

afterAll(async () => {
  client?.close();
  if (peer?.runs) {
    peer.signal('SIGTERM');
    await peer.ended;
  }
  rmSync(place, { recursive: true, force: true });
});

const newRequest = (): string => randomBytes(16).toString('hex');
const hashOf = (bytes: Uint8Array): string => new Blake3Hasher().update(Buffer.from(bytes)).digest('hex');

async function listed(): Promise<string[]> {
  const { reply } = await client.call('list', { after: '', limit: 100, deleted: false, conflicts: false });
  return reply.entries.map((entry: Value) => entry.path);
}

/** Uploads, and tells what the change was answered with. */
async function store(kind: string, path: string, content: Buffer, base: string[], request = newRequest()): Promise<Value> {
  const { reply } = await client.call('begin', { upload: request, path, size: content.length, base, hops: 2 });
  for (let offset = reply.have; offset < content.length; offset += WRITE_BYTES) {
    await client.call('write', { upload: request, offset }, content.subarray(offset, offset + WRITE_BYTES));
  }
  return await change({ kind, path, upload: request }, base, request, { size: content.length, hash: hashOf(content) });
}

async function change(what: Value, base: string[], request = newRequest(), more = {}): Promise<Value> {
  return (await client.call('change', { request, change: what, base, hops: 2, ...more })).reply.done[0];
}

async function locate(path: string): Promise<Value> {
  return (await client.call('locate', { path })).reply;
}

async function contentOf(path: string): Promise<Buffer> {
  const { hash, size } = (await locate(path)).contents[0];
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < size; offset += WRITE_BYTES) {
    const answer = await client.call('read', { path, hash, offset, length: WRITE_BYTES, relay: false });
    expect(answer.reply.size).toBe(size);
    pieces.push(answer.tail);
  }
  const content = Buffer.concat(pieces);
  expect(hashOf(content)).toBe(hash);
  return content;
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof Answered ? `${thrown.code}, ${thrown.advice}` : thrown),
  );

describe('a client written from docs/protocol.md', () => {
  test('meets the peer that announced itself, in the mesh of the line', async () => {
    expect(client.peer).toBe(ready.id);
    await client.call('ping', {});
    expect(client.facts.find((fact) => fact.kind === 'mesh')).toMatchObject({ id: meshIdOf(ready.join), name: 'strange' });
    expect(client.facts.find((fact) => fact.kind === 'secret').secret).toBe(ready.join.slice(ready.join.indexOf('/') + 1));
    expect((await client.call('invite', {})).reply.join).toBe(ready.join);
    const { peers } = (await client.call('peers', {})).reply;
    expect(peers).toMatchObject([{ id: ready.id, name: 'alpha', self: true, alive: true }]);
  });

  test('creates a file, finds it, reads it back, and deletes it', async () => {
    const content = randomBytes(2.5 * WRITE_BYTES);
    const made = await store('create', 'docs/größe.bin', content, []);
    expect(made).toMatchObject({ path: 'docs/größe.bin', hash: hashOf(content), copies: 1, wanted: 1 });
    expect(await listed()).toContain('docs/größe.bin');
    // By `equals`: to compare millions of bytes one by one takes longer than a link waits for a beat.
    expect((await contentOf('docs/größe.bin')).equals(content)).toBe(true);
    expect(readFileSync(join(place, 'folder', 'docs', 'größe.bin')).equals(content)).toBe(true);
    const { base } = await locate('docs/größe.bin');
    expect(base).toEqual([made.version]);

    await change({ kind: 'delete', path: 'docs/größe.bin' }, base);
    expect(await listed()).not.toContain('docs/größe.bin');
    expect(existsSync(join(place, 'folder', 'docs', 'größe.bin'))).toBe(false);
    expect((await locate('docs/größe.bin')).contents).toEqual([]);
  });

  test('acts once for one request, and brings the past back', async () => {
    const request = newRequest();
    const first = await store('create', 'once.txt', Buffer.from('one'), [], request);
    const again = { kind: 'create', path: 'once.txt', upload: request };
    expect(await change(again, [], request)).toMatchObject({ version: first.version, hash: first.hash });
    const second = await store('put', 'once.txt', Buffer.from('two'), [first.version]);
    expect(await contentOf('once.txt')).toEqual(Buffer.from('two'));
    const { copies } = (await client.call('history', { path: 'once.txt', ask: true })).reply;
    expect(copies.map((copy: Value) => [copy.hash, copy.current])).toEqual([
      [second.hash, true],
      [first.hash, false],
    ]);
    await change({ kind: 'restore', path: 'once.txt', copy: copies[1].copy }, [second.version]);
    expect(await contentOf('once.txt')).toEqual(Buffer.from('one'));
    await change({ kind: 'rename', path: 'once.txt', to: 'renamed.txt' }, (await locate('once.txt')).base);
    expect(await listed()).toEqual(['renamed.txt']);
  });

  test('is overtaken when its base was replaced meanwhile', async () => {
    const first = await store('create', 'raced.txt', Buffer.from('one'), []);
    await store('put', 'raced.txt', Buffer.from('two'), [first.version]);
    expect(await codeOf(store('put', 'raced.txt', Buffer.from('three'), [first.version]))).toBe('overtaken, never');
    expect(await contentOf('raced.txt')).toEqual(Buffer.from('two'));
  });

  test('hears the codes of the table', async () => {
    await store('create', 'Name', Buffer.from('x'), []);
    expect(await codeOf(store('create', 'name', Buffer.from('y'), []))).toBe('exists, never');
    expect(await codeOf(store('put', 'Name', Buffer.from('y'), []))).toBe('overtaken, never');
    expect(await codeOf(locate('nowhere'))).toBe('not-found, never');
    expect(await codeOf(locate('../etc/passwd'))).toBe('protocol, never');
    expect(await codeOf(client.call('cursors', { indexes: [] }))).toBe('not-allowed, never');
    expect(await codeOf(client.call('fly', {}))).toBe('protocol, never');
    expect(await codeOf(client.call('write', { upload: newRequest(), offset: 0 }, Buffer.of(1)))).toBe('gone, elsewhere');
    const wrong = { kind: 'create', path: 'wrong', upload: newRequest() };
    await client.call('begin', { upload: wrong.upload, path: 'wrong', base: [] });
    await client.call('write', { upload: wrong.upload, offset: 0 }, Buffer.from('bytes'));
    expect(await codeOf(change(wrong, [], wrong.upload, { size: 5, hash: '0'.repeat(64) }))).toBe('corrupt, elsewhere');
    const read = { path: 'Name', hash: '0'.repeat(64), offset: 0, length: 1 };
    expect(await codeOf(client.call('read', { ...read, relay: false }))).toBe('gone, elsewhere');
    expect(await codeOf(client.call('read', { ...read, relay: true }))).toBe('unavailable, later');
    expect((await client.call('verify', { path: 'Name', hash: hashOf(Buffer.from('x')) })).reply).toEqual({ intact: true });
  });

  test('reads nothing behind the end', async () => {
    const made = await store('create', 'short', Buffer.from('short'), []);
    const read = { path: 'short', hash: made.hash, relay: false };
    expect((await client.call('read', { ...read, offset: 3, length: 100 })).tail.toString()).toBe('rt');
    expect((await client.call('read', { ...read, offset: 9, length: 100 })).tail).toHaveLength(0);
  });

  test('is let in by its key alone when it comes again', async () => {
    const key = newKey();
    await expect(StrangerClient.join(ready.address, ready.join, key, false)).rejects.toThrow('refused');
    (await StrangerClient.join(ready.address, ready.join, key)).close();
    const again = await StrangerClient.join(ready.address, ready.join, key, false);
    const { reply } = await again.call('status', {});
    expect(reply).toMatchObject({ mesh: 'strange', name: 'alpha', peers: 1, wanted: 1, notKept: [] });
    again.close();
  });
});

describe('who knows another secret', () => {
  const wrong = 'zoo-zone-zero-zebra-youth-young-yellow-year';

  test('is refused, and hears a greeting, a no, and nothing else', async () => {
    await expect(StrangerClient.join(ready.address, `strange/${wrong}`, newKey())).rejects.toThrow('does not know the secret');
    const heard = await heardWith(ready.address, wrong, 10_000);
    expect(heard).toHaveLength(276);
    expect(heard[275]).toBe(0);
    // Nothing of it is keyed with what everyone could know.
    const everyone = createHmac('sha256', '').update('listener').digest();
    expect(heard.includes(everyone)).toBe(false);
    for (const word of ['strange', 'alpha', ready.join.split('/')[1] ?? '?']) expect(heard.includes(word)).toBe(false);
  });

  test('though the same words with the right one are answered', async () => {
    const heard = await heardWith(ready.address, ready.join.split('/')[1] ?? '', 276 + 1);
    expect(heard.length).toBeGreaterThan(276);
    expect(heard[275]).toBe(1);
  });
});
