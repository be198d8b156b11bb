import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { unlessStopped } from '../../src/cli/up-stop.ts';

const never = new Promise<never>(() => {});
const ended: string[] = [];
const stop = async (started: { name: string }): Promise<void> => void ended.push(started.name);

beforeEach(() => {
  vi.useFakeTimers();
  ended.length = 0;
});
afterEach(() => void vi.useRealTimers());

test('a start that is called off is left within two seconds, however long it would take', async () => {
  let result: unknown = 'waits';
  const work = unlessStopped(never, Promise.resolve(), stop).then((value) => {
    result = value;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(result).toBe('waits');
  await vi.advanceTimersByTimeAsync(1000);
  await work;
  expect(result).toBeUndefined();
});

test('what came up after all is stopped, and nothing is waited for then', async () => {
  const starting = new Promise<{ name: string }>((resolve) => void setTimeout(() => resolve({ name: 'peer' }), 500));
  const work = unlessStopped(starting, Promise.resolve(), stop);
  await vi.advanceTimersByTimeAsync(500);
  expect(await work).toBeUndefined();
  expect(ended).toEqual(['peer']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a start that fails after it was called off is no error; before that it is', async () => {
  const failing = Promise.reject<{ name: string }>(new Error('no port'));
  await expect(unlessStopped(failing, never, stop)).rejects.toThrow('no port');
  const late = new Promise<{ name: string }>((_resolve, reject) => void setTimeout(() => reject(new Error('no port')), 100));
  const work = unlessStopped(late, Promise.resolve(), stop);
  await vi.advanceTimersByTimeAsync(100);
  expect(await work).toBeUndefined();
});

test('a start that comes first is what is given', async () => {
  expect(await unlessStopped(Promise.resolve({ name: 'peer' }), never, stop)).toEqual({ name: 'peer' });
  expect(ended).toEqual([]);
});
