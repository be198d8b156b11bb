import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PeersHere } from '../../cli/peers-here.ts';
import { BROWSER_TEST_MS, browserProgram, hasBrowser } from './browser.ts';

/** What a page of another place tries in a real browser, with a name that leads to this machine and without. */
const ATTEMPTS = `async (url) => {
  const seen = [];
  const tries = {
    read: () => fetch(url + '/files/secret.txt').then((answer) => answer.text()),
    blind: () => fetch(url + '/files/secret.txt', { mode: 'no-cors' }).then((answer) => answer.text()),
    put: () => fetch(url + '/files/planted.txt', { method: 'PUT', body: 'planted' }),
    form: () => fetch(url + '/api/v1/rename', { method: 'POST', mode: 'no-cors', body: '{"from":"secret.txt","to":"taken.txt"}' }),
    json: () => fetch(url + '/api/v1/rename', { method: 'POST', headers: { 'content-type': 'application/json', 'x-filemesh': '1' }, body: '{"from":"secret.txt","to":"taken.txt"}' }),
    remove: () => fetch(url + '/files/secret.txt', { method: 'DELETE' }),
    beacon: async () => String(navigator.sendBeacon(url + '/tus/', 'x')),
    image: () => new Promise((resolve) => { const image = new Image(); image.onload = () => resolve('shown'); image.onerror = () => resolve(''); image.src = url + '/files/dot.png?inline'; }),
    socket: () => new Promise((resolve) => { const socket = new WebSocket(url.replace('http', 'ws') + '/api/v1/events'); socket.onopen = () => resolve('open'); socket.onerror = () => resolve(''); }),
    stream: () => new Promise((resolve) => { const stream = new EventSource(url + '/api/v1/events'); stream.addEventListener('status', () => resolve('heard')); stream.onerror = () => { stream.close(); resolve(''); }; }),
    frame: () => new Promise((resolve) => { const frame = document.createElement('iframe'); frame.onload = () => { try { resolve(frame.contentDocument.body.innerText); } catch { resolve(''); } }; frame.src = url + '/files/secret.txt'; document.body.append(frame); setTimeout(() => resolve(''), 2000); }),
  };
  for (const [name, act] of Object.entries(tries)) {
    try { const got = await act(); if (typeof got === 'string' && got !== '' && !(name === 'beacon')) seen.push(name + ': ' + got); } catch { }
  }
  return seen;
}`;

const DOT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const here = new PeersHere();
let url = '';
let evil: Server;

beforeAll(async () => {
  url = String((await here.up('alpha', '--replicas', '1')).http);
  evil = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<h1>evil</h1>'));
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  const put = (name: string, body: string | Buffer) =>
    fetch(`${url}/files/${name}`, { method: 'PUT', body: typeof body === 'string' ? body : new Uint8Array(body) });
  expect([(await put('secret.txt', 'the secret')).status, (await put('dot.png', DOT)).status]).toEqual([201, 201]);
}, BROWSER_TEST_MS);
afterAll(async () => {
  evil.close();
  await here.end();
});

test.skipIf(!hasBrowser)(
  'no page of another place reads, changes or shows anything, under its own name or one that leads here',
  async () => {
    const browser = await chromium.launch({
      ...(browserProgram === undefined ? {} : { executablePath: browserProgram }),
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP *.test 127.0.0.1'],
    });
    try {
      const page = await browser.newPage();
      const door = new URL(url).port;
      // Rebound: the name of the page leads to the door itself, at the door's port.
      for (const path of ['/', '/api/v1/status', '/files/secret.txt', '/files/dot.png?inline']) {
        expect((await page.goto(`http://evil.test:${door}${path}`))?.status()).toBe(421);
        expect(await page.content()).not.toContain('the secret');
      }
      // From a page of another place, towards the door's address and towards the name.
      await page.goto(`http://evil.test:${(evil.address() as AddressInfo).port}/`);
      for (const target of [url, `http://localhost:${door}`, `http://evil.test:${door}`]) {
        expect([target, await page.evaluate(`(${ATTEMPTS})(${JSON.stringify(target)})`)]).toEqual([target, []]);
      }
      const { files } = (await (await fetch(`${url}/api/v1/files`)).json()) as { files: { path: string }[] };
      expect(files.map(({ path }) => path)).toEqual(['dot.png', 'secret.txt']);
      // The browser itself can: the person typed it.
      expect((await page.goto(`${url}/files/secret.txt?inline`))?.status()).toBe(200);
      expect(await page.textContent('body')).toBe('the secret');
    } finally {
      await browser.close();
    }
  },
  BROWSER_TEST_MS,
);
