import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebHere } from './web-here.ts';

/** What a page of another place, or a name that was made to lead here, gets a browser to send; and what honest senders send. */

type Headers = Readonly<Record<string, string>>;
type Row = readonly [method: string, path: string, headers: Headers];

const HOST = '127.0.0.1:PORT';
const OWN = 'http://127.0.0.1:PORT';
const mark = { 'x-filemesh': '1' };
const json = { 'content-type': 'application/json' };
const cookie = { cookie: 'filemesh-session=anna.1.1.1.1.1' };
/** What a browser says of a script of the page itself. */
const page = { host: HOST, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };

const RENAME = '/api/v1/rename';
const FILE = '/files/a.txt';

/** Names that lead here and are not this door: 421. */
const HOSTS: readonly string[] = [
  'evil.test:PORT',
  'evil.test',
  'localhost.evil.test:PORT',
  '127.0.0.1.evil.test:PORT',
  '127.0.0.1:1',
  '127.0.0.1',
  'localhost',
  'localhost:80',
  '[::1]:1',
  '0.0.0.0:PORT',
  '192.168.1.20:PORT',
  '127.0.0.1:PORT@evil.test',
  'evil.test@127.0.0.1:PORT',
  '127.0.0.1:PORT:80',
  '127.0.0.1:PORT/x',
  '127.1:PORT',
  '2130706433:PORT',
  '0x7f000001:PORT',
  'localhost.:PORT',
  '[::ffff:127.0.0.1]:PORT',
  ' ',
];

const FORGED: readonly Row[] = [
  ...HOSTS.map((host): Row => ['GET', '/api/v1/status', { host }]),
  // A rebound name, from the page that was loaded under it: same origin in the eyes of the browser.
  [
    'POST',
    RENAME,
    { host: 'evil.test:PORT', origin: 'http://evil.test:PORT', 'sec-fetch-site': 'same-origin', ...mark, ...json },
  ],
  ['GET', FILE, { host: 'evil.test:PORT', 'sec-fetch-site': 'same-origin' }],
  ['GET', '/', { host: 'evil.test:PORT', 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
  ['GET', '/api/v1/events', { host: 'evil.test:PORT', origin: 'http://evil.test:PORT' }],
  ['DELETE', FILE, { host: 'evil.test:PORT', ...mark }],
  // Reads by a page of another place: as a script, an image, a frame, a fetch, a stream, a socket.
  [
    'GET',
    '/api/v1/files',
    { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
  ],
  [
    'GET',
    `${FILE}?inline`,
    { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  ],
  ['GET', FILE, { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
  ['GET', FILE, { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'http://evil.test', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'http://evil.test' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'null' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'https://127.0.0.1:PORT' }],
  ['GET', '/api/v1/status', { host: HOST, origin: 'http://127.0.0.1' }],
  ['GET', '/api/v1/events', { host: HOST, origin: 'http://evil.test', accept: 'text/event-stream' }],
  ['GET', '/api/v1/events', { host: HOST, 'sec-fetch-site': 'cross-site' }],
  ['GET', '/api/v1/zip?path=', { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ['GET', '/metrics', { host: HOST, 'sec-fetch-site': 'cross-site' }],
  ['HEAD', FILE, { host: HOST, 'sec-fetch-site': 'cross-site' }],
  ['OPTIONS', '/api/v1/rename', { host: HOST, origin: 'http://evil.test', 'access-control-request-method': 'POST' }],
  [
    'GET',
    '/api/v1/status',
    {
      host: HOST,
      origin: 'http://evil.test',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    },
  ],
  // Changes by a page of another place: by a form, a fetch, a beacon, a link.
  ['POST', RENAME, { host: HOST, origin: 'http://evil.test', 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' }],
  ['POST', RENAME, { host: HOST, origin: 'http://evil.test', 'content-type': 'application/x-www-form-urlencoded' }],
  ['POST', RENAME, { host: HOST, origin: 'null', ...json }],
  ['POST', RENAME, { host: HOST, origin: 'http://evil.test', ...mark, ...json }],
  ['POST', RENAME, { host: HOST, origin: 'http://localhost:PORT', ...mark, ...json }],
  ['POST', RENAME, { host: HOST, origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site', ...mark, ...json }],
  ['POST', RENAME, { host: HOST, 'sec-fetch-site': 'cross-site', ...json }],
  ['POST', RENAME, { host: HOST, 'sec-fetch-site': 'cross-site', ...mark, ...json }],
  ['POST', RENAME, { host: HOST, 'sec-fetch-site': 'same-site', ...mark, ...json }],
  ['POST', RENAME, { host: HOST, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', ...mark, ...json }],
  ['POST', '/', { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  ['PUT', FILE, { host: HOST, origin: 'http://evil.test' }],
  ['PUT', FILE, { host: HOST, 'sec-fetch-site': 'cross-site', ...mark }],
  ['DELETE', FILE, { host: HOST, origin: 'http://evil.test', ...mark }],
  ['PATCH', '/tus/1', { host: HOST, origin: 'http://evil.test', ...mark }],
  ['POST', '/tus/', { host: HOST, 'sec-fetch-site': 'cross-site' }],
  ['POST', '/api/v1/login', { host: HOST, origin: 'http://evil.test', ...json }],
  ['POST', '/api/v1/remove', { host: HOST, origin: 'http://evil.test', ...json, ...cookie }],
  // The own page, but without the mark: a form that somebody smuggled into it. And a cookie without a word of the sender.
  ['POST', RENAME, { ...page, origin: OWN, ...json }],
  ['DELETE', FILE, { ...page, origin: OWN }],
  ['PUT', FILE, { ...page, origin: OWN }],
  ['POST', RENAME, { host: HOST, ...cookie, ...json }],
  ['DELETE', FILE, { host: HOST, ...cookie }],
  // Methods that nobody needs.
  ['PROPFIND', '/files/', { host: HOST, origin: 'http://evil.test' }],
];

const HONEST: readonly Row[] = [
  // curl and other programs, that say nothing of themselves.
  ['GET', '/api/v1/status', { host: HOST }],
  ['GET', FILE, { host: 'localhost:PORT' }],
  ['GET', FILE, { host: '[::1]:PORT' }],
  ['PUT', FILE, { host: HOST }],
  ['DELETE', FILE, { host: HOST }],
  ['POST', RENAME, { host: HOST, ...json }],
  // The page.
  ['GET', '/api/v1/status', { ...page }],
  ['GET', '/api/v1/status', { ...page, ...cookie }],
  ['POST', RENAME, { ...page, origin: OWN, ...mark, ...json, ...cookie }],
  ['PUT', FILE, { ...page, origin: OWN, ...mark }],
  ['DELETE', FILE, { ...page, origin: OWN, ...mark }],
  ['POST', RENAME, { ...page, host: 'LOCALHOST:PORT', origin: 'http://localhost:PORT', ...mark, ...json }],
  // A person: typed, kept as a bookmark, followed from elsewhere to the first page.
  ['GET', '/', { host: HOST, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
  ['GET', FILE, { host: HOST, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }],
  ['GET', '/', { host: HOST, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
  // Another page of the mesh asks whether this peer lives.
  ['GET', '/healthz', { host: HOST, origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }],
];

const REFUSED = [403, 405, 421];

describe('the gate', () => {
  let web: WebHere;
  beforeAll(async () => {
    web = await WebHere.open();
  });
  afterAll(() => web.close());

  test('is tried with 60 forged requests at least', () => expect(FORGED.length).toBeGreaterThanOrEqual(60));

  test.each(FORGED)('refuses %s %s of %j', async (method, path, headers) => {
    const { status, headers: said } = await web.ask(method, path, headers, method === 'POST' ? '{}' : undefined);
    expect([status, REFUSED.includes(status)]).toEqual([status, true]);
    expect(Object.keys(said).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(said['set-cookie']).toBeUndefined();
  });

  test.each(HOSTS)('does not answer under the name %j', async (host) => {
    expect((await web.ask('GET', '/', { host })).status).toBe(421);
  });

  test.each(HONEST)('lets %s %s of %j through', async (method, path, headers) => {
    const { status, headers: said } = await web.ask(
      method,
      path,
      headers,
      method === 'POST' ? '{"from":"a","to":"b"}' : undefined,
    );
    expect([status, REFUSED.includes(status)]).toEqual([status, false]);
    expect(said['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(said['x-content-type-options']).toBe('nosniff');
  });

  test('takes no body but JSON where JSON is asked for', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect((await web.ask('POST', RENAME, { host: HOST, 'content-type': type }, '{"from":"a","to":"b"}')).status).toBe(415);
    }
  });

  test('makes no login of a browser out of a token, and ends one whatever it was', async () => {
    const headers = { host: HOST, 'x-filemesh': '1', 'content-type': 'application/json' };
    const kept = await web.ask('POST', '/api/v1/session', { ...headers, authorization: 'Bearer of-anybody' }, '{}');
    expect([kept.status, kept.headers['set-cookie']]).toEqual([404, undefined]);
    const ended = await web.ask('POST', '/api/v1/logout', headers, '{}');
    expect([ended.status, String(ended.headers['set-cookie'])]).toEqual([200, expect.stringContaining('Max-Age=0')]);
  });

  test('tells of what fails neither a trace nor a place on the disk', async () => {
    for (const path of [
      '/api/v1/status',
      '/files/%2e%2e/%2e%2e/etc/passwd',
      '/files/%ff',
      '/api/v1/folder?limit=x',
      '/nope',
      '//',
      '/%',
    ]) {
      const { status, body } = await web.ask('GET', path, { host: HOST });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).not.toMatch(/node_modules|\.ts:|\.js:|\/tmp\//);
    }
  });
});
