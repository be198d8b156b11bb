import { expect, test } from 'vitest';
import type { Clock } from '../../src/platform/clock.ts';
import type { Log } from '../../src/platform/log.ts';
import type { Store, StoreWrite } from '../../src/platform/store.ts';
import { AUDIT_OF_ONE_MAX, Audit, LOGIN_REFUSED, type LogEntry } from '../../src/server/audit.ts';

test('whoever does much washes out their own deeds, not what others did', async () => {
  const rows = new Map<string, Uint8Array>();
  const store = {
    range: async () => [],
    batch: async (writes: readonly StoreWrite[]) => {
      for (const { key, value } of writes) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
    },
  } as unknown as Store;
  const audit = new Audit({ clock: {} as Clock, log: {} as Log, store });
  const entry = (at: number, user: string, action: string): LogEntry => ({
    at,
    user,
    action,
    subject: '',
    from: '',
    peer: 'alpha',
  });
  audit.note(entry(0, 'anna', 'delete'));
  const many = AUDIT_OF_ONE_MAX + 100;
  for (let at = 1; at <= many; at++) audit.note(entry(at, 'bob', 'rename'));
  // Under as many names as one likes: they are counted together.
  for (let at = 1; at <= many; at++) audit.note(entry(many + at, `nobody${at}`, LOGIN_REFUSED));
  const all = await audit.newest(() => true, 100_000);
  expect(all.filter(({ user }) => user === 'anna').length).toBe(1);
  const ofBob = all.filter(({ user }) => user === 'bob');
  expect([ofBob.length, ofBob.at(-1)?.at]).toEqual([AUDIT_OF_ONE_MAX, 101]);
  expect(all.filter(({ action }) => action === LOGIN_REFUSED).length).toBe(AUDIT_OF_ONE_MAX);
  await new Promise((resolve) => setImmediate(resolve));
  expect(rows.size).toBe(2 * AUDIT_OF_ONE_MAX + 1);
});

test('a deed that is asked for again and again is noted once', async () => {
  const store = { range: async () => [], batch: async () => {} } as unknown as Store;
  const audit = new Audit({ clock: {} as Clock, log: {} as Log, store });
  const entry = { at: 0, user: 'anna', action: 'user remove', subject: 'bob', from: '', peer: 'alpha', made: 'a1' };
  for (let at = 0; at < 10; at++) audit.note({ ...entry, at });
  audit.note({ ...entry, at: 10, made: 'b2' });
  // What came to nothing that can be told apart is noted each time.
  const { made: _, ...unmade } = entry;
  for (let at = 11; at < 13; at++) audit.note({ ...unmade, at });
  expect((await audit.newest(() => true, 100)).map(({ at }) => at)).toEqual([12, 11, 10, 0]);
});

test('what the store refuses is tried again, and goes into it when it can', async () => {
  const rows = new Map<string, string>();
  let isFull = true;
  let given = 0;
  const store = {
    range: async () => [],
    batch: async (writes: readonly StoreWrite[]) => {
      given = Math.max(given, writes.length);
      if (isFull) throw new Error('no space left');
      for (const { key, value } of writes) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, (JSON.parse(Buffer.from(value).toString()) as LogEntry).user);
      }
    },
  } as unknown as Store;
  const later: (() => void)[] = [];
  const clock = { after: (_ms: number, act: () => void) => void later.push(act) } as unknown as Clock;
  const warned: string[] = [];
  const log = { warn: (event: string) => void warned.push(event) } as unknown as Log;
  const audit = new Audit({ clock, log, store });
  const note = (user: string, at: number) => audit.note({ at, user, action: 'rename', subject: '', from: '', peer: 'alpha' });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  note('anna', 0);
  await settled();
  // More than are kept of one: those that go were never stored.
  for (let at = 1; at <= AUDIT_OF_ONE_MAX + 100; at++) note('bob', at);
  await settled();
  expect([rows.size, later.length, warned[0]]).toEqual([0, 1, 'what was done could not be noted']);
  isFull = false;
  // Nobody does anything more: it is tried again all the same.
  later.pop()?.();
  await settled();
  const users = [...rows.values()];
  expect([users.filter((user) => user === 'anna').length, users.length]).toEqual([1, AUDIT_OF_ONE_MAX + 1]);
  expect(given).toBeLessThanOrEqual(500);
});
