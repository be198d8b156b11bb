import { afterAll, beforeAll, expect, it } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';
import { type Act, type Asker, FILES, GRANTS, PASSWORDS, RIGHTS_CASES, type RightsCase, wordsOf } from '../rights-cases.ts';

const SETUP_MS = 120_000;
const CASES_MS = 120_000;

const here = new PeersHere();
const urls: string[] = [];
/** Requests so far: each goes to the next peer. */
let requests = 0;

function ask(by: Asker, method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Response> {
  const isBytes = typeof body === 'string';
  const headers: Record<string, string> = { ...more };
  if (by !== 'nobody') headers.authorization = `Basic ${Buffer.from(`${by}:${PASSWORDS[by]}`).toString('base64')}`;
  if (body !== undefined && !isBytes) headers['content-type'] = 'application/json';
  const sent = body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) };
  return fetch(`${urls[requests++ % urls.length]}${path}`, { method, headers, ...sent });
}

const file = (path: string): string => `/files/${path.split('/').map(encodeURIComponent).join('/')}`;
const query = (verb: string, path: string): string => `/api/v1/${verb}?path=${encodeURIComponent(path)}`;

/** The request for an act. */
function send(by: Asker, what: Act): Promise<Response> {
  switch (what.act) {
    case 'list':
      return ask(by, 'GET', `/api/v1/files?pattern=${encodeURIComponent(what.path === undefined ? '**' : `${what.path}/**`)}`);
    case 'read':
      return ask(by, 'GET', file(what.path));
    case 'create':
      return ask(by, 'PUT', file(what.path), 'new', { 'if-none-match': '*' });
    case 'overwrite':
      return ask(by, 'PUT', file(what.path), 'newer');
    case 'delete':
      return ask(by, 'DELETE', file(what.path));
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
      return ask(by, 'GET', query(what.act, what.path));
  }
}

const STATUS = { done: 200, 'not-found': 404, 'not-allowed': 403 } as const;

async function check(one: RightsCase): Promise<string | undefined> {
  const response = await send(one.by, one.what);
  const text = await response.text();
  const wanted = one.by === 'nobody' ? 401 : STATUS[one.answer];
  const status = response.status === 201 ? 200 : response.status;
  if (status !== wanted) return `${wordsOf(one)}: ${response.status}: ${text}`;
  if (one.what.act === 'grant' && one.answer === 'done' && status === wanted) await spread(one.by, one.what);
  if (one.sees === undefined) return undefined;
  const seen = (JSON.parse(text) as { files: { path: string }[] }).files.map(({ path }) => path);
  return seen.join() === one.sees.join() ? undefined : `${wordsOf(one)}: saw ${seen.join(' ')}`;
}

/** Resolves when every peer knows of a grant: it is told to the others a moment after it is given. */
async function spread(by: Asker, { path, who, right }: { path: string; who: string; right: string }): Promise<void> {
  const isKnown = async () => {
    const { rights } = (await (await ask(by, 'GET', query('rights', path))).json()) as { rights: Record<string, string>[] };
    return (rights.find((one) => one.who === who)?.right ?? 'none') === right;
  };
  // Each goes to the next peer.
  const areAll = async () => {
    for (let peer = 0; peer < urls.length; peer++) if (!(await isKnown())) return false;
    return true;
  };
  await until(`${right} on ${path} for ${who} is known to all peers`, areAll, 10_000);
}

async function done(by: Asker, method: string, path: string, body: unknown): Promise<void> {
  const response = await ask(by, method, path, body);
  if (!response.ok) throw new Error(`${by}: ${method} ${path}: ${response.status}: ${await response.text()}`);
}

beforeAll(async () => {
  for (const name of ['alpha', 'bravo']) urls.push(String((await here.up(name)).http));
  await done('nobody', 'POST', '/api/v1/users', { name: 'root', password: PASSWORDS.root });
  for (const name of ['anna', 'bob'] as const) {
    await done('root', 'POST', '/api/v1/users', { name, password: PASSWORDS[name] });
  }
  for (const [path, by] of FILES) await done(by, 'PUT', file(path), path);
  for (const { by, ...grant } of GRANTS) await done(by, 'POST', '/api/v1/rights', grant);
  // Told to all peers a moment after it is given.
  const isKnown = async () => (await ask('bob', 'GET', file('home/anna/with-bob/list.txt'))).ok;
  await until('the last right is known to both peers', async () => (await isKnown()) && (await isKnown()), 10_000);
}, SETUP_MS);
afterAll(() => here.end());

it(
  `answers ${RIGHTS_CASES.length} cases of rights as the table says`,
  async () => {
    const wrong: string[] = [];
    for (const one of RIGHTS_CASES) {
      const fault = await check(one);
      if (fault !== undefined) wrong.push(fault);
    }
    expect(wrong).toEqual([]);
  },
  CASES_MS,
);

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
