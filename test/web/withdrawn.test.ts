import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, test } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import type { AccountFact } from '../../src/core/accounts.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { WebPeer } from '../../src/web/web-options.ts';
import { WebHere } from './web-here.ts';

/** More than lies between a door and a reader who takes nothing. */
const SIZE = 96 * 1024 * 1024;
const PIECE = new Uint8Array(1024 * 1024);
const VERSION = 'abcd';
const token = ['anna', 0, 1, 1, 4_000_000_000_000, randomBytes(16).toString('hex'), 'b'.repeat(32), 'a'.repeat(64)].join('.');

/** A session with a mesh that keeps one older content of one file. */
function sessionOf(): Session {
  const answers: Record<string, () => object> = {
    locate: () => {
      throw new MeshError('not-found', 'there is none');
    },
    history: () => ({ reply: { copies: [{ copy: VERSION, hash: '', size: SIZE, modified: 0, peers: [], current: false }] } }),
    'read-old': () => ({ reply: {}, tail: PIECE }),
  };
  const call = async (name: string) => answers[name]?.() ?? { reply: {} };
  const signIn = { use: async () => {}, token, who: { user: 'anna', admin: false } };
  const after = (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  };
  const clock = { now: () => performance.now(), wall: () => Date.now(), after };
  return { call, signIn, clock, connect: async () => {} } as unknown as Session;
}

/** The answer, of which nothing is taken yet. */
async function older(port: number): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${token}` };
  const sent = request({ host: '127.0.0.1', port, path: `/files/a.bin?version=${VERSION}`, agent: false, headers });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  return response;
}

/** How many bytes of it come to the end. */
async function taken(response: IncomingMessage): Promise<number> {
  let bytes = 0;
  response.on('data', (piece: Buffer) => (bytes += piece.length));
  // One that is cut off is told as an error, too.
  response.on('error', () => {});
  await new Promise((resolve) => response.once('close', resolve));
  return bytes;
}

test('an older content ends half-way when its reader may not see it any more, or is no account any more', async () => {
  let mayRead = true;
  let isRemoved = false;
  const people = { hasAccounts: () => true, rights: () => ({ mayRead: () => mayRead }) } as unknown as WebPeer['people'];
  const accountOf = () => {
    if (isRemoved) throw new MeshError('not-allowed', 'this login is void');
    return { name: 'anna', admin: false } as AccountFact;
  };
  const web = await WebHere.open(async () => ({ session: sessionOf(), close: async () => {} }), { people, accountOf });
  try {
    expect(await taken(await older(web.port))).toBe(SIZE);
    const withdrawn = await older(web.port);
    mayRead = false;
    expect(await taken(withdrawn)).toBeLessThan(SIZE);
    mayRead = true;
    const removed = await older(web.port);
    isRemoved = true;
    expect(await taken(removed)).toBeLessThan(SIZE);
  } finally {
    await web.close();
  }
});
