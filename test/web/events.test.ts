import { EventEmitter } from 'node:events';
import type { FastifyReply } from 'fastify';
import { expect, test, vi } from 'vitest';
import { Rights } from '../../src/core/rights.ts';
import { Events } from '../../src/web/events.ts';
import type { WebPeer } from '../../src/web/web-options.ts';

test('a stream tells what its reader may see now, whatever the login said, and ends when that changes', async () => {
  vi.useFakeTimers();
  const told: string[] = [];
  const stream = Object.assign(new EventEmitter(), {
    ...{ writableLength: 0, writeHead: () => {}, destroyed: false },
    write: (text: string) => void told.push(text),
    destroy: () => {
      stream.destroyed = true;
      stream.emit('close');
    },
  });
  let changed: (paths: ReadonlySet<string>) => void = () => {};
  const accounts = new Map([['eve', { name: 'eve', admin: false, life: 0, revision: 1 }]]);
  const asked: (string | undefined)[] = [];
  const peer = {
    people: { accounts: () => accounts, hasAccounts: () => true, rights: () => new Rights([]), sessionKey: () => undefined },
    onPaths: (listener: typeof changed) => {
      changed = listener;
    },
    onEvent: () => {},
    traffic: () => ({}),
    peers: () => ({ peers: [] }),
    status: async (account?: string) => ({ files: asked.push(account) }),
  } as unknown as WebPeer;
  const events = new Events(peer);
  // She made the first account, and so did somebody else: the other one is the admin.
  events.open({ hijack: () => {}, raw: stream, getHeaders: () => ({}) } as unknown as FastifyReply, { user: 'eve', admin: true });
  changed(new Set(['home/anna/diary.txt', 'shared.txt']));
  await vi.advanceTimersByTimeAsync(500);
  expect(told.join('')).toContain('"paths":["shared.txt"]');
  expect(asked).not.toContain(undefined);
  expect(stream.destroyed).toBe(false);
  accounts.set('eve', { name: 'eve', admin: true, life: 0, revision: 1 });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(stream.destroyed).toBe(true);
  events.close();
  vi.useRealTimers();
});
