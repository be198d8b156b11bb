import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
    expect(closed).toBe(32);
    for (const socket of sockets) socket.destroy();
  });
});
