import { beforeEach, describe, expect, test } from 'vitest';
import { RateLimit } from '../../src/wire/rate-limit.ts';
import { HandClock } from '../replication/hand-clock.ts';

const RATE = 800_000;
const BLOCK = 100_000;

let clock: HandClock;
let limit: RateLimit;

beforeEach(() => {
  clock = new HandClock();
  limit = new RateLimit(clock, RATE);
});

/** Moves bytes without end, with so many requests at a time; tells what was moved. */
function mover(transfer: string, requests: number): { bytes: number; stop: boolean } {
  const moved = { bytes: 0, stop: false };
  const move = async () => {
    while (!moved.stop) {
      const bytes = await limit.grant(transfer, 1_000_000);
      moved.bytes += bytes;
    }
  };
  for (let request = 0; request < requests; request++) move().catch(() => {});
  return moved;
}

describe('rate limit', () => {
  test('grants a block at a time, at the rate', async () => {
    const moved = mover('a', 4);
    await clock.pass(10_000);
    expect(Math.abs(moved.bytes - RATE * 10)).toBeLessThanOrEqual(2 * BLOCK);
    moved.stop = true;
  });

  test('transfers share it equally, also one with many requests and one with a single one', async () => {
    const [greedy, modest] = [mover('a', 8), mover('b', 1)];
    await clock.pass(10_000);
    expect(Math.abs(greedy.bytes - modest.bytes)).toBeLessThanOrEqual(2 * BLOCK);
    [greedy.stop, modest.stop] = [true, true];
  });

  test('who waited long enough gets nothing, and its turn comes first when it asks again', async () => {
    const got = new Map<string, number>();
    const move = async (transfer: string) => {
      for (;;) got.set(transfer, (got.get(transfer) ?? 0) + (await limit.grant(transfer, 1_000_000, 300)));
    };
    for (let transfer = 0; transfer < 20; transfer++) move(`t${transfer}`).catch(() => {});
    await clock.pass(20_000);
    expect(Math.min(...got.values())).toBeGreaterThan(6 * BLOCK);
    expect(Math.max(...got.values())).toBeLessThan(10 * BLOCK);
  });

  test('an answer comes in bounded time', async () => {
    limit.spend(RATE * 100);
    const asked = limit.grant('a', 1, 300);
    let bytes: number | undefined;
    asked.then((granted) => {
      bytes = granted;
    }, undefined);
    await clock.pass(299);
    expect(bytes).toBeUndefined();
    await clock.pass(2);
    expect(bytes).toBe(0);
  });

  test('bytes that came already are paid for in turn', async () => {
    let passed = 0;
    const pay = async (transfer: string) => {
      await limit.pass(transfer, RATE);
      passed = clock.now();
    };
    await Promise.race([Promise.all([pay('a'), pay('b')]), clock.pass(10_000)]);
    expect(Math.abs(passed - 2000 + 125)).toBeLessThan(20);
  });

  test('what was not moved can be moved by another', async () => {
    expect(await limit.grant('a', BLOCK)).toBe(BLOCK);
    let bytes = 0;
    limit.grant('b', BLOCK).then((granted) => {
      bytes = granted;
    }, undefined);
    limit.giveBack(BLOCK);
    await clock.pass(0);
    expect(bytes).toBe(BLOCK);
  });

  test('one timer while somebody waits, none else', async () => {
    expect(clock.waiting).toBe(0);
    const waiting = [1, 2, 3, 4].map((transfer) => limit.grant(`t${transfer}`, BLOCK));
    expect(clock.waiting).toBe(1);
    await Promise.race([Promise.all(waiting), clock.pass(1_000)]);
    await clock.pass(1_000);
    expect(clock.waiting).toBe(0);
  });
});
