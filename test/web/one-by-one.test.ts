import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { until } from '../faults/process.ts';
import { WebHere } from './web-here.ts';

/** Requests that are sent before the answers to those before them came. */

let web: WebHere | undefined;
afterEach(() => web?.close());

/** A door whose mesh answers when it is told to; counts what is asked of its peer without the mesh. */
async function slowDoor() {
  const seen = { opened: 0, asked: 0 };
  let end = (): void => {};
  const ended = new Promise<never>((_resolve, reject) => {
    end = () => reject(new MeshError('unreachable', 'there is no mesh behind this door'));
  });
  ended.catch(() => undefined);
  const hasAccounts = (): boolean => {
    seen.asked++;
    return false;
  };
  const people = { hasAccounts, accounts: () => new Map(), rights: () => ({}) } as never;
  web = await WebHere.open(
    () => {
      seen.opened++;
      return ended;
    },
    { people },
  );
  const { port } = web;
  // What serves is loaded by the first request.
  expect((await web.ask('GET', '/healthz', { host: '127.0.0.1:PORT' })).status).toBe(200);
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  const heard = { text: '', isClosed: false };
  socket.on('data', (text: string) => (heard.text += text)).on('error', () => undefined);
  socket.on('close', () => {
    heard.isClosed = true;
  });
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  return { seen, end, socket, heard, get };
}

test('over one connection are begun one after another, and answered in order', async () => {
  const { seen, end, socket, heard, get } = await slowDoor();
  socket.write(`${get('/api/v1/status')}${get('/api/v1/session')}${get('/healthz')}${get('/api/v1/session')}`);
  await until('the first is under way', () => seen.opened === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = seen.asked;
  end();
  await until('all are answered', () => heard.text.split('HTTP/1.1 ').length === 5);
  const answers = heard.text.split('HTTP/1.1 ').slice(1);
  expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['503', '200', '200', '200']);
  expect(answers[2]).toContain('ok\n');
  // Who asks was looked at for the two behind it only then.
  expect(seen.asked - before).toBeGreaterThanOrEqual(2);
  socket.destroy();
});

test('that are too many end their connection, and begin nothing', async () => {
  const { seen, end, socket, heard, get } = await slowDoor();
  socket.write(`${get('/api/v1/status')}${get('/api/v1/session').repeat(1_000)}`);
  await until('it is cut', () => heard.isClosed);
  expect(seen.asked).toBeLessThan(10);
  end();
});
