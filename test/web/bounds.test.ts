import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { listenWeb } from '../../src/web/listening.ts';
import { until } from '../faults/process.ts';
import { WebHere } from './web-here.ts';

/** Whoever says too much, too slowly, or too often at once: bounded, and nobody else is held up. */

let web: WebHere;
beforeAll(async () => {
  web = await WebHere.open();
});
afterAll(() => web.close());

const heard = new WeakMap<Socket, string>();

function open(): Socket {
  const socket = connect(web.port, '127.0.0.1');
  heard.set(socket, '');
  socket.setEncoding('utf8').on('data', (text: string) => heard.set(socket, `${heard.get(socket)}${text}`));
  socket.on('error', () => undefined);
  return socket;
}

/** What came until the other end closed. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('close', () => resolve(heard.get(socket) ?? '')));
}

async function isServed(): Promise<boolean> {
  return (await web.ask('GET', '/healthz', { host: '127.0.0.1:PORT' })).status === 200;
}

describe('the door', () => {
  test.each([
    ['one long header', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`],
    ['many headers', `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}\r\n`],
    ['a long address', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['no HTTP', `${'\u0000\u0001'.repeat(100)}\r\n\r\n`],
    ['two lengths', 'POST /api/v1/rename HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['a length and pieces', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('ends a connection that sends %s', async (_what, text) => {
    const socket = open();
    const closed = untilClosed(socket);
    socket.write(text);
    expect(await closed).toMatch(/^(HTTP\/1\.1 (400|421|431)|$)/);
    expect(await isServed()).toBe(true);
  });

  test.each(['/files/%ff', '/files/%', '/files/a%zz/b', '/%c0%ae%c0%ae/etc'])('tells what is no address: %s', async (path) => {
    const { status, headers, body } = await web.ask('GET', path, { host: '127.0.0.1:PORT' });
    expect([status, JSON.parse(body).error.code]).toEqual([400, 'usage']);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });

  test.each(['/healthz', '/openapi.json'])('answers HEAD %s without a body', async (path) => {
    const [get, head] = [
      await web.ask('GET', path, { host: '127.0.0.1:PORT' }),
      await web.ask('HEAD', path, { host: '127.0.0.1:PORT' }),
    ];
    expect([head.status, head.body]).toEqual([200, '']);
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
  });

  test('takes no JSON beyond its bound', async () => {
    const headers = { host: '127.0.0.1:PORT', 'content-type': 'application/json' };
    const body = JSON.stringify({ from: 'a'.repeat(300_000), to: 'b' });
    const { status, headers: said } = await web.ask('POST', '/api/v1/rename', headers, body);
    expect([status, said.connection]).toEqual([413, 'close']);
    const deep = '['.repeat(100_000);
    expect((await web.ask('POST', '/api/v1/rename', headers, deep)).status).toBe(400);
    expect((await web.ask('POST', '/api/v1/rename', headers, '{"from":"a","to":"b","__proto__":{"x":1}}')).status).toBe(400);
  });

  test('lets so many connections of one address stay, and closes the others', async () => {
    const sockets = Array.from({ length: 160 }, open);
    let closed = 0;
    const all = new Promise<void>((resolve) => {
      for (const socket of sockets) socket.once('close', () => ++closed === 32 && resolve());
    });
    await all;
    const staying = sockets.filter((socket) => !socket.destroyed);
    for (const socket of staying) socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n\r\n`);
    await until('those that stay are served', () => staying.every((socket) => heard.get(socket)?.startsWith('HTTP/1.1 200')));
    expect([staying.length, closed]).toEqual([128, 32]);
    for (const socket of sockets) socket.destroy();
    await vi.waitUntil(() => isServed().catch(() => false), 20_000);
  });
});

/** Every route that takes JSON, or nothing: of GET and HEAD too. */
async function routes(): Promise<[method: string, path: string][]> {
  const { paths } = JSON.parse((await web.ask('GET', '/openapi.json', { host: '127.0.0.1:PORT' })).body) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): [string, string] => [method.toUpperCase(), path.replace('{path}', 'x')]),
  );
  return all.filter(([method, path]) => method !== 'PUT' && method !== 'PATCH' && path !== '/api/v1/events');
}

function begin(method: string, path: string, length: string): Socket {
  const socket = open();
  const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${web.port}`, 'Content-Type: application/json', length];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

describe('a body without end', () => {
  test('is ended with a clear answer at every route, and little of it is read', async () => {
    const piece = `${(16_384).toString(16)}\r\n${' '.repeat(16_384)}\r\n`;
    const endless = async ([method, path]: [string, string]): Promise<void> => {
      const socket = begin(method, path, 'Transfer-Encoding: chunked');
      const closed = untilClosed(socket);
      const send = (): void => {
        while (socket.writable && socket.write(piece)) {
          // As much as the way takes.
        }
      };
      socket.on('drain', send);
      send();
      const answer = await closed;
      expect([method, path, answer]).toEqual([method, path, expect.stringMatching(/^HTTP\/1\.1 \d{3} /)]);
      if (method !== 'GET' && method !== 'HEAD' && path !== '/tus/') expect(answer).toMatch(/^HTTP\/1\.1 (413|415) /);
      if (path !== '/tus/') expect(socket.bytesWritten).toBeLessThan(48 * 1024 * 1024);
    };
    await Promise.all((await routes()).map(endless));
    expect(await isServed()).toBe(true);
  });
});

describe('a body that does not come', () => {
  afterEach(() => void vi.useRealTimers());

  test.each([
    ['one byte at a time', 'Content-Length: 100000'],
    ['in pieces that never end', 'Transfer-Encoding: chunked'],
  ])('%s, is waited for so long at every route, and others are served meanwhile', async (_what, length) => {
    const asked = (await routes()).filter(([method, path]) => method !== 'GET' && method !== 'HEAD' && path !== '/tus/');
    expect(asked.length).toBeGreaterThan(10);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const sockets = asked.map(([method, path]) => begin(method, path, length));
    const closed = sockets.map(untilClosed);
    for (let second = 0; second < 21; second++) {
      for (const socket of sockets) if (socket.writable) socket.write(length.includes('chunked') ? '1\r\n \r\n' : ' ');
      expect(await isServed()).toBe(true);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const answers = await Promise.all(closed);
    expect(answers.map((answer) => answer.split('\r\n')[0])).toEqual(asked.map(() => 'HTTP/1.1 408 Request Timeout'));
    expect(answers[0]).toContain('came too slowly');
  });
});

test('a name that only begins like an address of this machine is served over TLS', async () => {
  const elsewhere = await listenWeb({ host: '127.1', port: 0, portsBehind: 0, directory: web.place });
  expect(elsewhere.url).toMatch(/^https:/);
  await elsewhere.close();
  rmSync(`${web.place}/web.pem`);
});

describe('the beginning of the door', () => {
  const uploadsIn = (place: string): string => join(place, 'uploads');

  test('that failed is told, and tried again by whoever comes next', async () => {
    const place = mkdtempSync(join(tmpdir(), 'filemesh-web-'));
    writeFileSync(uploadsIn(place), 'no folder');
    const own = await WebHere.open(undefined, {}, place);
    const ask = () => own.ask('GET', '/healthz', { host: '127.0.0.1:PORT' });
    try {
      expect(await ask()).toMatchObject({ status: 503, body: expect.stringContaining('ENOTDIR') });
      expect(own.logged.join()).toMatch(/^error the page cannot be served .*ENOTDIR/);
      rmSync(uploadsIn(place));
      expect(await ask()).toMatchObject({ status: 200 });
    } finally {
      await own.close();
    }
  });

  test('removes what cannot be gone on with of uploads, though nobody comes', async () => {
    const place = mkdtempSync(join(tmpdir(), 'filemesh-web-'));
    mkdirSync(uploadsIn(place));
    const file = join(uploadsIn(place), `${'a'.repeat(32)}.data`);
    writeFileSync(file, 'abc');
    // Of a power cut: nothing says what it was to become.
    writeFileSync(file.replace('.data', '.json'), '');
    const own = await WebHere.open(undefined, {}, place);
    try {
      await vi.waitFor(() => expect(existsSync(file)).toBe(false), 30_000);
    } finally {
      await own.close();
    }
  });
});

test('what nobody foresaw is logged in one line, and not told to whoever asks', async () => {
  const fails = () => Promise.reject(new Error("ENOENT: no such file, open '/x/\u001b[31m\n\u202egpj.exe'"));
  const own = await WebHere.open(fails);
  try {
    const answer = await own.ask('GET', '/api/v1/where?path=secret', { host: '127.0.0.1:PORT', authorization: 'Bearer abc' });
    expect(answer).toMatchObject({ status: 500, body: expect.not.stringContaining('ENOENT') });
    expect(own.logged).toHaveLength(1);
    expect(own.logged[0]).toMatch(
      /^error a request failed .*"route":"\/api\/v1\/where".*ENOENT: no such file.*\?\[31m\?\?gpj.exe.* at /,
    );
    expect(own.logged[0]).not.toMatch(/secret|abc/);
  } finally {
    await own.close();
  }
});
