import { expect, test, vi } from 'vitest';
import { WebFailure } from '../../src/web/failures.ts';
import { inTurn } from '../../src/web/owners.ts';
import type { Call } from '../../src/web/route.ts';
import { SILENT_MS_MAX } from '../../src/web/time-limits.ts';
import { Turns } from '../../src/web/turns.ts';

/** Something under way until it is let end. */
function work() {
  let end = (): void => {};
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  const seen = { isBegun: false };
  const run = () => {
    seen.isBegun = true;
    return promise;
  };
  return { run, end, seen };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one owner takes a part of the turns, and others the rest', async () => {
  const turns = new Turns({ atOnce: 3, ofOne: 2, waiting: 4, waitingOfOne: 2 });
  const [first, second, third, other] = [work(), work(), work(), work()];
  const all = [turns.run(['anna'], first.run), turns.run(['anna'], second.run), turns.run(['anna'], third.run)];
  all.push(turns.run(['bob'], other.run));
  await settled();
  expect([first, second, third, other].map(({ seen }) => seen.isBegun)).toEqual([true, true, false, true]);
  other.end();
  await settled();
  expect(third.seen.isBegun).toBe(false);
  first.end();
  await settled();
  expect(third.seen.isBegun).toBe(true);
  for (const one of [second, third]) one.end();
  await Promise.all(all);
});

test('one owner takes a part of the line, and an owner in any respect counts', async () => {
  const turns = new Turns({ atOnce: 1, ofOne: 1, waiting: 3, waitingOfOne: 2 });
  const running = work();
  const all = [
    turns.run(['at a', 'by anna'], running.run),
    turns.run(['at a'], async () => {}),
    turns.run(['at a'], async () => {}),
  ];
  await expect(turns.run(['at a', 'by bob'], async () => {})).rejects.toBeInstanceOf(WebFailure);
  all.push(turns.run(['at b', 'by bob'], async () => {}));
  await expect(turns.run(['at c'], async () => {})).rejects.toMatchObject({ status: 503 });
  running.end();
  await Promise.all(all);
});

test('whoever goes leaves the line', async () => {
  const turns = new Turns({ atOnce: 1, ofOne: 1, waiting: 1, waitingOfOne: 1 });
  const [running, next] = [work(), work()];
  const stop = new AbortController();
  const first = turns.run([], running.run);
  const gone = turns.run([], next.run, stop.signal);
  stop.abort();
  await expect(gone).rejects.toMatchObject({ code: 'busy' });
  const after = turns.run([], async () => 'done');
  running.end();
  expect(await after).toBe('done');
  await first;
  expect(next.seen.isBegun).toBe(false);
});

test('a reader in line is not cut off before it is told to come again', async () => {
  const turns = new Turns({ atOnce: 1, ofOne: 1, waiting: 3, waitingOfOne: 3 });
  const over = new AbortController();
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    expect(ms).toBeLessThan(SILENT_MS_MAX);
    return over.signal;
  });
  const silences: number[] = [];
  const socket = { remoteAddress: 'a', setTimeout: (ms: number) => silences.push(ms) };
  const { signal } = new AbortController();
  const call = { request: { socket }, who: undefined, reply: { raw: { socket } }, signal } as unknown as Call;
  const running = work();
  const first = inTurn(turns, call, running.run);
  const second = inTurn(turns, call, async () => 'served');
  await settled();
  expect(silences).toEqual([SILENT_MS_MAX, SILENT_MS_MAX]);
  over.abort();
  await expect(second).rejects.toMatchObject({ status: 503 });
  running.end();
  await first;
  vi.restoreAllMocks();
});
