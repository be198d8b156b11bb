import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Rights } from '../../src/core/rights.ts';
import { Events } from '../../src/web/events.ts';
import type { WebPeer } from '../../src/web/web-options.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A peer, as far as streams look at it. */
function peerHere(hasAccounts = true) {
  const seen = { asked: [] as (string | undefined)[], bytes: 0, isAdmin: false };
  const login = { key: 'a key', verifier: 'a verifier' };
  const accounts = {
    get: (name: string) =>
      name === 'eve' ? { name, admin: seen.isAdmin, life: 0, revision: 1, verifier: login.verifier } : undefined,
  };
  let changed: (paths: ReadonlySet<string>) => void = () => {};
  const peer = {
    people: {
      accounts: () => accounts,
      hasAccounts: () => hasAccounts,
      rights: () => new Rights([]),
      sessionKey: () => ({ generation: 1, key: login.key }),
    },
    onPaths: (listener: typeof changed) => {
      changed = listener;
    },
    onEvent: () => {},
    traffic: () => ({ inBytes: seen.bytes }),
    peers: () => ({ peers: [] }),
    status: async (account?: string) => {
      seen.asked.push(account);
      return { files: 1 };
    },
  } as unknown as WebPeer;
  return { peer, login, seen, change: (...paths: string[]) => changed(new Set(paths)) };
}

/** An answer that a stream is written to. */
function streamHere() {
  const told: string[] = [];
  const raw = Object.assign(new EventEmitter(), {
    ...{ writableLength: 0, writeHead: () => {}, destroyed: false },
    write: (text: string) => void told.push(text),
    destroy: () => {
      raw.destroyed = true;
      raw.emit('close');
    },
  });
  return { raw, told: () => told.join(''), reply: { hijack: () => {}, raw, getHeaders: () => ({}) } as unknown as FastifyReply };
}

const from = (address: string) => ({ socket: { remoteAddress: address } }) as unknown as FastifyRequest;
const eve = { user: 'eve', admin: false };
/** What of this address is hidden from her. */
const HIDDEN = Array.from({ length: 300 }, (_, index) => `home/anna/${index}.txt`);

test('a stream tells what its reader may see now, whatever the login said, and ends when that changes', async () => {
  const { peer, seen, change } = peerHere();
  const events = new Events(peer);
  const { raw, told, reply } = streamHere();
  // She made the first account, and so did somebody else: the other one is the admin.
  events.open({ request: from('a'), reply, who: { user: 'eve', admin: true } });
  change('home/anna/diary.txt', 'shared.txt');
  await vi.advanceTimersByTimeAsync(500);
  expect(told()).toContain('"paths":["shared.txt"]');
  expect(seen.asked).not.toContain(undefined);
  expect(raw.destroyed).toBe(false);
  seen.isAdmin = true;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(raw.destroyed).toBe(true);
  events.close();
});

test.each(['key', 'verifier'] as const)('a stream ends when the %s is another, though nothing else is', async (what) => {
  const { peer, login } = peerHere();
  const events = new Events(peer);
  const { raw, reply } = streamHere();
  events.open({ request: from('a'), reply, who: eve });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(raw.destroyed).toBe(false);
  login[what] = 'another';
  await vi.advanceTimersByTimeAsync(20_000);
  expect(raw.destroyed).toBe(true);
  events.close();
});

test('a stream is silent of what is hidden from its reader, however much of it changes', async () => {
  const { peer, change } = peerHere();
  const events = new Events(peer);
  const { told, reply } = streamHere();
  events.open({ request: from('a'), reply, who: eve });
  change(...HIDDEN);
  await vi.advanceTimersByTimeAsync(500);
  expect(told()).not.toContain('event: files');
  change(...HIDDEN, 'shared.txt');
  await vi.advanceTimersByTimeAsync(500);
  expect(told()).toContain('event: files\ndata: {"paths":[],"more":true}');
  change('other.txt');
  await vi.advanceTimersByTimeAsync(500);
  expect(told()).toContain('{"paths":["other.txt"],"more":false}');
  events.close();
});

test('one address, and one account, has so many streams; those that went are not counted', () => {
  for (const who of [eve, undefined]) {
    const events = new Events(peerHere(who !== undefined).peer);
    const open = (address: string): ReturnType<typeof streamHere> => {
      const stream = streamHere();
      events.open({ request: from(address), reply: stream.reply, who });
      return stream;
    };
    // Of an account wherever it is.
    const streams = Array.from({ length: 16 }, (_, index) => open(who === undefined ? 'a' : `a${index}`));
    expect(() => open('a')).toThrow('too many');
    streams[0]?.raw.destroy();
    open('a');
    events.close();
  }
});

test('a reader that went before its stream began leaves nothing behind', () => {
  const { peer } = peerHere();
  const events = new Events(peer);
  for (let count = 0; count < 40; count++) {
    const { raw, told, reply } = streamHere();
    raw.destroy();
    events.open({ request: from('a'), reply, who: eve });
    expect(told()).toBe('');
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('news is told once to each, also when others come', async () => {
  const { peer, seen } = peerHere();
  const events = new Events(peer);
  const [first, second] = [streamHere(), streamHere()];
  const count = (text: string, what: string) => text.split(`event: ${what}\n`).length - 1;
  events.open({ request: from('a'), reply: first.reply, who: eve });
  await vi.advanceTimersByTimeAsync(1_500);
  events.open({ request: from('a'), reply: second.reply, who: eve });
  await vi.advanceTimersByTimeAsync(1_500);
  for (const { told } of [first, second]) {
    expect(['traffic', 'peers', 'status'].map((what) => count(told(), what))).toEqual([1, 1, 1]);
  }
  seen.bytes = 7;
  await vi.advanceTimersByTimeAsync(1_500);
  for (const { told } of [first, second]) expect(count(told(), 'traffic')).toBe(2);
  events.close();
});
