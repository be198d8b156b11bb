import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Spool } from '../../src/web/spool.ts';
import { PART_SILENT_MS } from '../../src/web/time-limits.ts';
import { TusUploads } from '../../src/web/tus-uploads.ts';
import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';
import { logHere } from './log-here.ts';

const MIB = 1024 * 1024;

describe('uploads in parts that an earlier process took in', () => {
  const place = mkdtempSync(join(tmpdir(), 'filemesh-tus-'));
  const [directory, spool] = [join(place, 'uploads'), new Spool(join(place, 'spool'))];
  let uploads: TusUploads | undefined;
  const { log, logged } = logHere();
  beforeEach(() => mkdirSync(directory, { recursive: true }));
  afterEach(() => {
    uploads?.close();
    rmSync(directory, { recursive: true });
  });
  afterAll(() => rmSync(place, { recursive: true }));

  /** One that stands at 3 of so many bytes, and was last added to so many hours ago. */
  function leave(length: number, hours: number): string {
    const id = randomBytes(16).toString('hex');
    writeFileSync(join(directory, `${id}.json`), JSON.stringify({ path: 'a.txt', length, wish: {}, base: [] }));
    writeFileSync(join(directory, `${id}.data`), 'abc');
    const then = Date.now() / 1000 - hours * 3_600;
    utimesSync(join(directory, `${id}.data`), then, then);
    return id;
  }

  test('go on, and the room for them is set aside', async () => {
    const before = await spool.room();
    const id = leave(10_000 * MIB, 1);
    uploads = await TusUploads.open(directory, spool, log);
    expect(uploads.of(id, undefined)).toMatchObject({ offset: 3, length: 10_000 * MIB });
    expect(before - (await spool.room())).toBeGreaterThan(9_000 * MIB);
    await uploads.giveUp(id, undefined);
    expect(before - (await spool.room())).toBeLessThan(1_000 * MIB);
  });

  test('are given up when they cannot be read, or are too old, once a clock that is ahead at a start would be right', async () => {
    const [old, young, broken] = [leave(10_000 * MIB, 25), leave(10, 2), leave(10_000 * MIB, 1)];
    writeFileSync(join(directory, `${broken}.json`), '{');
    const isThere = (id: string) => existsSync(join(directory, `${id}.data`));
    const before = await spool.room();
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    try {
      uploads = await TusUploads.open(directory, spool, log);
      expect([old, young, broken].map(isThere)).toEqual([true, true, false]);
      expect(logged.join('\n')).toContain(`warn an upload in parts cannot be read, and is given up {"upload":"${broken}"`);
      vi.advanceTimersByTime(50 * 60_000);
      expect(uploads.of(old, undefined).offset).toBe(3);
      vi.advanceTimersByTime(30 * 60_000);
      await until('the old one is given up', () => !isThere(old));
      expect(uploads.of(young, undefined).offset).toBe(3);
    } finally {
      vi.useRealTimers();
    }
    expect(() => uploads?.of(old, undefined)).toThrow('no such upload');
    expect(before - (await spool.room())).toBeLessThan(1_000 * MIB);
  });

  test('stay where they cannot be removed, and end nothing', async () => {
    const id = leave(10_000 * MIB, 1);
    rmSync(join(directory, `${id}.data`));
    // No file can be removed that is a folder: as on a disk that was made read-only.
    mkdirSync(join(directory, `${id}.data`));
    utimesSync(join(directory, `${id}.data`), 1, 1);
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    try {
      uploads = await TusUploads.open(directory, spool, log);
      vi.advanceTimersByTime(80 * 60_000);
      const words = `warn an upload in parts cannot be removed {"upload":"${id}"`;
      await until('it is told', () => logged.join('\n').includes(words));
    } finally {
      vi.useRealTimers();
    }
    expect(uploads.of(id, undefined)).toMatchObject({ id });
    const part = { body: Readable.from([]), said: '0', owners: [] };
    const { offset } = uploads.of(id, undefined);
    const appended = uploads.append({ id, owner: undefined, offset, end: () => {} }, part, async () => {});
    await expect(appended).rejects.toMatchObject({ code: 'EISDIR' });
  });

  test('are gone on with by their owner, though an earlier part still says nothing', async () => {
    const id = leave(9, 1);
    const taking = await TusUploads.open(directory, spool, log);
    uploads = taking;
    vi.useFakeTimers({ toFake: ['performance'] });
    const stored: string[] = [];
    const begin = (offset: number) => {
      const body = new PassThrough();
      const to = { id, owner: undefined, offset, end: () => void body.destroy(new Error('cut')) };
      const part = { body, said: String(9 - offset), owners: [] };
      const appended = taking.append(to, part, async (_upload, source) => {
        stored.push(Buffer.from(await source.read(0, 99)).toString());
      });
      return { body, ended: appended.then(({ offset: at }) => `stands at ${at}`).catch((thrown: unknown) => thrown) };
    };
    try {
      const lost = begin(3);
      lost.body.write('de');
      await until('two bytes of it are there', () => taking.of(id, undefined).offset === 5);
      // One that brought something a moment ago is on its way.
      expect(await begin(5).ended).toMatchObject({ status: 409, headers: { 'upload-offset': '5' } });
      vi.advanceTimersByTime(PART_SILENT_MS + 1);
      const next = begin(5);
      expect(await lost.ended).toMatchObject({ message: 'cut' });
      // What the lost one still sends is nobody's.
      lost.body.write('XX');
      next.body.end('fghi');
      expect(await next.ended).toBe('stands at 9');
      expect(stored).toEqual(['abcdefghi']);
    } finally {
      vi.useRealTimers();
    }
  });

  test('are not begun anew while they are being stored, however long that takes', async () => {
    const id = leave(3, 1);
    uploads = await TusUploads.open(directory, spool, log);
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      let store = (): void => {};
      const storing = new Promise<void>((resolve) => (store = resolve));
      const part = () => ({ body: Readable.from([]), said: '0', owners: [] });
      const cut: string[] = [];
      const to = (name: string) => ({ id, owner: undefined, offset: 3, end: () => void cut.push(name) });
      let isStoring = false;
      const first = uploads.append(to('first'), part(), () => {
        isStoring = true;
        return storing;
      });
      await until('it is being stored', () => isStoring);
      vi.advanceTimersByTime(3_600_000);
      await expect(uploads.append(to('second'), part(), async () => {})).rejects.toMatchObject({ status: 409 });
      store();
      expect((await first).offset).toBe(3);
      expect(cut).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('take their rest, in parts that never overlap', async () => {
    const id = leave(9, 1);
    uploads = await TusUploads.open(directory, spool, log);
    const stored: string[] = [];
    const part = (offset: number, text: string) =>
      uploads?.append(
        { id, owner: undefined, offset, end: () => {} },
        { body: Readable.from([Buffer.from(text)]), said: String(text.length), owners: [] },
        async (_upload, source) => void stored.push(Buffer.from(await source.read(0, 99)).toString()),
      );
    const both = await Promise.allSettled([part(3, 'def'), part(3, 'DEF')]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: { status: 409, headers: { 'upload-offset': '3' } } });
    await expect(part(3, 'DEF')).rejects.toMatchObject({ status: 409, headers: { 'upload-offset': '6' } });
    expect(await part(6, 'ghi')).toMatchObject({ offset: 9 });
    expect(stored).toEqual(['abcdefghi']);
    expect(() => uploads?.of(id, undefined)).toThrow('no such upload');
  });
});

describe('uploads in parts at a peer', () => {
  const here = new PeersHere();
  const passwords = { root: 'correct horse battery', anna: 'violet candle of anna', bob: 'a bridge made by bob' };
  let url = '';

  beforeAll(async () => {
    url = String((await here.up('alpha')).http);
    for (const [index, [name, password]] of Object.entries(passwords).entries()) {
      const by = index === 0 ? {} : { authorization: basic('root') };
      const body = JSON.stringify({ name, password });
      const headers = { 'content-type': 'application/json', ...by };
      expect((await fetch(`${url}/api/v1/users`, { method: 'POST', headers, body })).status).toBe(201);
    }
  });
  afterAll(() => here.end());

  const basic = (user: keyof typeof passwords) => `Basic ${Buffer.from(`${user}:${passwords[user]}`).toString('base64')}`;

  function tus(
    user: keyof typeof passwords,
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array<ArrayBuffer>,
  ) {
    const all = { 'tus-resumable': '1.0.0', authorization: basic(user), ...headers };
    return fetch(`${url}${path}`, { method, headers: all, ...(body === undefined ? {} : { body }) });
  }

  async function begin(user: keyof typeof passwords, name: string, length: number) {
    const metadata = `path ${Buffer.from(name).toString('base64')}`;
    const answer = await tus(user, 'POST', '/tus/', { 'upload-length': String(length), 'upload-metadata': metadata });
    const { error } = answer.status === 201 ? { error: undefined } : ((await answer.json()) as { error: { message: string } });
    return { status: answer.status, place: answer.headers.get('location') ?? '', message: error?.message };
  }

  const patch = (user: keyof typeof passwords, place: string, offset: number, body: Uint8Array<ArrayBuffer>) =>
    tus(user, 'PATCH', place, { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' }, body);

  test('of two parts for one place one is taken, and no byte of the other', async () => {
    const [one, two] = [new Uint8Array(4 * MIB).fill(1), new Uint8Array(4 * MIB).fill(2)];
    for (let round = 0; round < 5; round++) {
      const { place } = await begin('anna', `race-${round}.bin`, 4 * MIB + 1);
      const answers = await Promise.all([patch('anna', place, 0, one), patch('anna', place, 0, two)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
      const taken = answers[0]?.status === 204 ? one : two;
      expect((await patch('anna', place, 4 * MIB, new Uint8Array([9]))).status).toBe(204);
      const stored = await fetch(`${url}/files/race-${round}.bin`, { headers: { authorization: basic('anna') } });
      expect(Buffer.from(await stored.arrayBuffer()).equals(Buffer.concat([taken, Buffer.from([9])]))).toBe(true);
    }
  });

  test('one account has so many, others theirs, and each that ends makes room', async () => {
    const begun = [];
    for (let count = 0; count < 64; count++) begun.push(await begin('anna', `many-${count}.bin`, 10));
    expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await begin('anna', 'many.bin', 10)).toMatchObject({ status: 429, message: expect.stringContaining('give them up') });
    expect((await begin('bob', 'of-bob.bin', 10)).status).toBe(201);
    expect((await tus('bob', 'DELETE', begun[0]?.place ?? '', {})).status).toBe(404);
    expect((await tus('anna', 'DELETE', begun[0]?.place ?? '', {})).status).toBe(204);
    expect((await begin('anna', 'many.bin', 10)).status).toBe(201);
    for (const { place } of begun.slice(1)) await tus('anna', 'DELETE', place, {});
  });

  test('room is set aside for what was announced, and given back', async () => {
    const { bavail, bsize } = await statfs(here.place);
    const share = (part: number) => Math.floor(bavail * bsize * part);
    expect(await begin('anna', 'most.bin', share(0.7))).toMatchObject({ status: 507, message: expect.stringContaining('half') });
    const [annas, bobs] = [await begin('anna', 'a.bin', share(0.4)), await begin('bob', 'b.bin', share(0.4))];
    expect([annas.status, bobs.status]).toEqual([201, 201]);
    expect(await begin('root', 'c.bin', share(0.4))).toMatchObject({ status: 507, message: expect.stringContaining('no room') });
    expect((await tus('bob', 'DELETE', bobs.place, {})).status).toBe(204);
    expect((await begin('root', 'c.bin', share(0.4))).status).toBe(201);
  });

  test('who has a name anew does not find what an earlier one of that name began', async () => {
    const { place } = await begin('bob', 'of-the-first-bob.bin', 10);
    expect((await patch('bob', place, 0, new Uint8Array(5))).status).toBe(204);
    const json = { 'content-type': 'application/json', authorization: basic('root') };
    const { authorization } = json;
    expect((await fetch(`${url}/api/v1/users/bob`, { method: 'DELETE', headers: { authorization } })).status).toBe(200);
    const body = JSON.stringify({ name: 'bob', password: passwords.bob });
    expect((await fetch(`${url}/api/v1/users`, { method: 'POST', headers: json, body })).status).toBe(201);
    // The session of the first bob is over: whoever comes by it is told so once.
    expect((await tus('bob', 'HEAD', place, {})).status).toBe(401);
    expect((await tus('bob', 'HEAD', place, {})).status).toBe(404);
    expect((await patch('bob', place, 5, new Uint8Array(5))).status).toBe(404);
    expect((await tus('bob', 'DELETE', place, {})).status).toBe(404);
    const own = await begin('bob', 'of-the-second-bob.bin', 10);
    expect((await patch('bob', own.place, 0, new Uint8Array(10))).status).toBe(204);
  });

  test('one that is given up while a part comes is gone, and the sender with it', async () => {
    const { place } = await begin('bob', 'gone.bin', 100 * MIB);
    const stop = new AbortController();
    const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(64 * 1024)) }, { highWaterMark: 1 });
    const headers = { 'tus-resumable': '1.0.0', authorization: basic('bob'), 'upload-offset': '0' };
    const sent = fetch(`${url}${place}`, {
      method: 'PATCH',
      headers: { ...headers, 'content-type': 'application/offset+octet-stream' },
      body: slowed(endless),
      duplex: 'half',
      signal: stop.signal,
    } as RequestInit).then(
      ({ status }) => status,
      () => 'cut',
    );
    const standing = async () => (await tus('bob', 'HEAD', place, {})).headers.get('upload-offset');
    while ((await standing()) === '0') await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await tus('bob', 'DELETE', place, {})).status).toBe(204);
    expect(await sent).toBe('cut');
    expect((await tus('bob', 'HEAD', place, {})).status).toBe(404);
  });
});

/** The same bytes, some each moment. */
function slowed(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const wait = {
    transform: async (bytes: Uint8Array, to: TransformStreamDefaultController<Uint8Array>) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      to.enqueue(bytes);
    },
  };
  return stream.pipeThrough(new TransformStream(wait));
}
