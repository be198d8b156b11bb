import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Act, type Asker, PASSWORDS, RIGHTS_CASES, type RightsCase, sightFault, wrongCases } from '../rights-cases.ts';
import { fileAt, queryOf, RightsHere } from './rights-here.ts';
import { askFrom } from './web-here.ts';

const SETUP_MS = 300_000;
const CASES_MS = 300_000;

const here = new RightsHere();
const { urls } = here;
const ask = here.ask.bind(here);

/** The request for an act. */
function send(by: Asker, what: Act): Promise<Response> {
  switch (what.act) {
    case 'list':
      return ask(by, 'GET', `/api/v1/files?pattern=${encodeURIComponent(what.path === undefined ? '**' : `${what.path}/**`)}`);
    case 'read':
      return ask(by, 'GET', fileAt(what.path));
    case 'create':
      return ask(by, 'PUT', fileAt(what.path), 'new', { 'if-none-match': '*' });
    case 'overwrite':
      return ask(by, 'PUT', fileAt(what.path), 'newer');
    case 'delete':
      return ask(by, 'DELETE', fileAt(what.path));
    case 'rename':
      return ask(by, 'POST', '/api/v1/rename', { from: what.path, to: what.to });
    case 'restore':
      return ask(by, 'POST', '/api/v1/restore', { path: what.path });
    case 'grant':
      return ask(by, 'POST', '/api/v1/rights', { path: what.path, who: what.who, right: what.right });
    case 'add user':
      return ask(by, 'POST', '/api/v1/users', { name: 'mallory', admin: true, password: 'a password of mallory' });
    case 'remove user':
      return ask(by, 'DELETE', '/api/v1/users/anna');
    case 'set replicas':
      return ask(by, 'POST', '/api/v1/settings', { replicas: 3 });
    case 'invite':
      return ask(by, 'POST', '/api/v1/invite');
    case 'users':
    case 'status':
    case 'peers':
      return ask(by, 'GET', `/api/v1/${what.act}`);
    default:
      return ask(by, 'GET', queryOf(what.act, what.path));
  }
}

const STATUS = { done: 200, 'not-found': 404, 'not-allowed': 403 } as const;

async function check(one: RightsCase): Promise<string | undefined> {
  const response = await send(one.by, one.what);
  const text = await response.text();
  const wanted = one.by === 'nobody' ? 401 : STATUS[one.answer];
  const status = response.status === 201 ? 200 : response.status;
  if (status !== wanted) return `${response.status}: ${text}`;
  if (one.what.act === 'grant' && one.answer === 'done' && status === wanted) await here.spread(one.by, one.what);
  return sightFault(one, () => (JSON.parse(text) as { files: { path: string }[] }).files.map(({ path }) => path));
}

beforeAll(() => here.begin(), SETUP_MS);
afterAll(() => here.end());

it(
  `answers ${RIGHTS_CASES.length} cases of rights as the table says`,
  async () => expect(await wrongCases(check)).toEqual([]),
  CASES_MS,
);

it('refuses what may not be written by the head of a request, before any of its body is there', async () => {
  const authorization = `Basic ${Buffer.from(`bob:${PASSWORDS.bob}`).toString('base64')}`;
  const head = { method: 'PUT', headers: { authorization, 'content-length': '1000000000' } };
  const port = new URL(urls[0] ?? '').port;
  for (const [path, wanted] of [
    ['docs/new.txt', 403],
    ['docs/plan.txt', 403],
    ['home', 403],
    ['home/anna/new.txt', 404],
  ] as const) {
    expect([path, (await askFrom({ port, path: fileAt(path), ...head })).status]).toEqual([path, wanted]);
  }
});

it('ends all logins of an account with its password, though a session is at hand', async () => {
  const headers = { 'content-type': 'application/json' };
  const login = async (password: string) => {
    const body = JSON.stringify({ user: 'bob', password });
    const response = await fetch(`${urls[0]}/api/v1/login`, { method: 'POST', headers, body });
    return ((await response.json()) as { token: string }).token;
  };
  const statusOf = async (authorization: string, path = '/api/v1/session') => {
    const response = await fetch(`${urls[0]}${path}`, { headers: { authorization } });
    return path === '/api/v1/session' ? ((await response.json()) as { user: string | null }).user : response.status;
  };
  const [mine, stolen] = [`Bearer ${await login(PASSWORDS.bob)}`, `Bearer ${await login(PASSWORDS.bob)}`];
  const basic = `Basic ${Buffer.from(`bob:${PASSWORDS.bob}`).toString('base64')}`;
  for (const one of [mine, stolen, basic]) expect(await statusOf(one)).toBe('bob');
  const change = JSON.stringify({ user: 'bob', oldPassword: PASSWORDS.bob, password: 'another password of bob' });
  const changed = await fetch(`${urls[0]}/api/v1/passwd`, {
    method: 'POST',
    headers: { ...headers, authorization: basic },
    body: change,
  });
  const { token } = (await changed.json()) as { token: string };
  expect(await statusOf(`Bearer ${token}`)).toBe('bob');
  for (const one of [mine, stolen, basic]) {
    expect(await statusOf(one)).toBe(null);
    for (const path of ['/api/v1/events', '/metrics', '/files/shared.txt']) expect(await statusOf(one, path)).toBe(401);
  }
});

it('knows where somebody is who changes a password, and after that', async () => {
  const send = async (localAddress: string, path: string, value: object, token = '') => {
    const headers = { 'content-type': 'application/json', ...(token !== '' && { authorization: `Bearer ${token}` }) };
    const port = new URL(urls[0] ?? '').port;
    const answer = await askFrom({ localAddress, port, method: 'POST', path, headers }, JSON.stringify(value));
    return { status: answer.status, told: JSON.parse(answer.body) as { token: string } };
  };
  const login = async (from: string, user: string, password: string) =>
    (await send(from, '/api/v1/login', { user, password })).told.token;
  const [anna, bob] = [
    await login('127.0.0.7', 'anna', PASSWORDS.anna),
    await login('127.0.0.8', 'bob', 'another password of bob'),
  ];
  const wrong = { oldPassword: 'a wrong password', password: 'a third password' };
  const statuses: number[] = [];
  for (let guess = 0; guess < 7; guess++)
    statuses.push((await send('127.0.0.7', '/api/v1/passwd', { user: 'anna', ...wrong }, anna)).status);
  expect([statuses[0], statuses.at(-1)]).toEqual([403, 429]);
  expect((await send('127.0.0.8', '/api/v1/passwd', { user: 'bob', ...wrong }, bob)).status).toBe(403);
  const change = { user: 'bob', oldPassword: 'another password of bob', password: 'a third password of bob' };
  const { token } = (await send('127.0.0.8', '/api/v1/passwd', change, bob)).told;
  expect((await send('127.0.0.8', '/api/v1/rename', { from: 'shared.txt', to: 'moved.txt' }, token)).status).toBe(200);
  const renamedFrom = async () => {
    const log = (await (await ask('root', 'GET', '/api/v1/log?user=bob')).json()) as {
      entries: { action: string; from: string }[];
    };
    return log.entries.find(({ action }) => action === 'rename')?.from;
  };
  await expect.poll(renamedFrom).toMatch(/^127\.0\.0\.8/);
});

it('holds up who guesses, by where they are, and lets in who knows', async () => {
  const statuses: number[] = [];
  for (let guess = 0; guess < 8; guess++) {
    const response = await fetch(`${urls[0]}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'anna', password: `guess number ${guess}` }),
    });
    statuses.push(response.status);
    if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
  expect(statuses.at(-1)).toBe(429);
});
