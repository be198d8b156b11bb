import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { type AccountFact, parseToken } from '../../src/core/accounts.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { WebPeer } from '../../src/web/web-options.ts';
import { until } from '../faults/process.ts';
import { WebHere } from './web-here.ts';

/** Whoever shows what was never given to them: it costs the peer nothing, and nobody who is logged in is let go for it. */

const GOOD = 'a'.repeat(64);
const tokenOf = (user: string, signature: string) =>
  [user, 0, 1, 1, 4_000_000_000_000, randomBytes(16).toString('hex'), 'b'.repeat(32), signature].join('.');
/** Sessions that were opened, and not closed since. */
let opened = 0;
let closed = 0;
/** Times that peers were told whose a session is. */
let used = 0;
/** Logins that are over, as this peer knows. */
const ended = new Set<string>();

function openSession() {
  opened++;
  let token: string | undefined;
  const signIn = {
    secretsOf: async () => ({ proof: 'f'.repeat(64) }),
    use: async (given: string) => {
      token = given;
      used++;
    },
    get token() {
      return token;
    },
    get who() {
      return token === undefined ? undefined : { user: parseToken(token)?.facts.user, admin: true };
    },
  };
  const call = async (kind: string) => {
    if (kind === 'login') throw new MeshError('not-allowed', 'this is not the name and password of an account');
    return { reply: { users: [] } };
  };
  const session = { signIn, call } as unknown as Session;
  return Promise.resolve({ session, close: async () => void closed++ });
}

function accountOf(token: string): AccountFact {
  const { facts, signature } = parseToken(token) ?? {};
  if (signature === GOOD && !ended.has(token)) return { name: facts?.user, admin: true } as AccountFact;
  throw new MeshError('not-allowed', 'this login is void');
}

const web = await WebHere.open(openSession, {
  accountOf,
  people: {
    hasAccounts: () => true,
  } as unknown as WebPeer['people'],
});
afterAll(() => web.close());
beforeEach(() => {
  opened = closed = used = 0;
});

const ask = async (authorization: string, from?: string): Promise<number> =>
  (await web.ask('GET', '/api/v1/users', { host: '127.0.0.1:PORT', authorization }, undefined, from)).status;
const bearer = (user: string, signature: string) => `Bearer ${tokenOf(user, signature)}`;
const addresses = Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 2}`);

describe('made-up tokens', () => {
  test('open no session, and push nobody out', async () => {
    const honest = Array.from({ length: 40 }, (_, index) => bearer(`user${index}`, GOOD));
    for (const one of honest) expect(await ask(one)).toBe(200);
    const flood = addresses.flatMap((from) =>
      Array.from({ length: 25 }, (_, index) => ask(bearer(`user${index}`, 'b'.repeat(64)), from)),
    );
    expect(new Set(await Promise.all(flood))).toEqual(new Set([401]));
    for (const one of honest) expect(await ask(one)).toBe(200);
    expect([opened, closed]).toEqual([40, 0]);
  });

  test('are answered alike whoever they name, and whatever is no token at once', async () => {
    expect(await Promise.all(['anna', 'nobody'].map((user) => ask(bearer(user, 'c'.repeat(64)))))).toEqual([401, 401]);
    expect(await ask('Bearer nonsense')).toBe(401);
    expect(opened).toBe(0);
  });
});

test('who logs in again and again lets go of their own sessions alone', async () => {
  const others = Array.from({ length: 10 }, (_, index) => bearer(`other${index}`, GOOD));
  for (const one of others) expect(await ask(one)).toBe(200);
  for (let count = 0; count < 100; count++) expect(await ask(bearer('anna', GOOD))).toBe(200);
  opened = 0;
  for (const one of others) expect(await ask(one)).toBe(200);
  expect(opened).toBe(0);
});

test('wrong passwords push nobody out', async () => {
  const honest = bearer('carol', GOOD);
  expect(await ask(honest)).toBe(200);
  const guess = (index: number) => `Basic ${Buffer.from(`anna:guess ${index}`).toString('base64')}`;
  const answers = await Promise.all(addresses.flatMap((from) => [1, 2, 3, 4].map((index) => ask(guess(index), from))));
  expect(new Set(answers)).toEqual(new Set([401]));
  opened = 0;
  expect(await ask(honest)).toBe(200);
  expect(opened).toBe(0);
});

test('a login that this peer knows to be over is shown to the peers again, whatever they said of it before', async () => {
  const token = tokenOf('dora', GOOD);
  for (let count = 0; count < 3; count++) expect(await ask(`Bearer ${token}`)).toBe(200);
  expect([opened, used]).toEqual([1, 1]);
  ended.add(token);
  await ask(`Bearer ${token}`);
  expect([opened, used]).toEqual([1, 2]);
});

test('a session that never comes up keeps no peer from stopping, and one that comes late is closed', async () => {
  let come = (): void => {};
  let wasClosed = false;
  const late = new Promise<void>((resolve) => (come = resolve));
  const hanging = await WebHere.open(async () => {
    await late;
    const close = async () => {
      wasClosed = true;
    };
    return { session: {} as Session, close };
  });
  const asked = hanging.ask('GET', '/api/v1/status', { host: '127.0.0.1:PORT' }).catch(() => 'cut');
  expect((await hanging.ask('GET', '/healthz', { host: '127.0.0.1:PORT' })).status).toBe(200);
  await hanging.close();
  expect(await asked).toBe('cut');
  come();
  await until('it is closed', () => wasClosed);
});
