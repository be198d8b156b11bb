import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../src/core/token-bucket.ts';

const MIB = 1024 * 1024;

describe('token bucket', () => {
  test.each([
    [64 * 1024, 8 * 1024, 8 * 1024],
    [800_000, 100_000, 100_000],
    [8 * MIB, MIB, MIB],
    [80 * MIB, MIB, 10 * MIB],
  ])('%i bytes a second: blocks of %i, a burst of %i', (rate, blockBytes, burstBytes) => {
    const bucket = new TokenBucket(rate, 0);
    expect([bucket.blockBytes, bucket.burstBytes]).toEqual([blockBytes, burstBytes]);
  });

  test('is full at first, and fills at its rate to the burst and no further', () => {
    const bucket = new TokenBucket(8000, 0);
    expect(bucket.waitMs(1000, 0)).toBe(0);
    bucket.take(1000, 0);
    expect(bucket.waitMs(1000, 0)).toBe(125);
    expect(bucket.waitMs(1000, 25)).toBe(100);
    expect(bucket.waitMs(1000, 125)).toBe(0);
    bucket.take(1000, 1_000_000);
    expect(bucket.waitMs(1, 1_000_000)).toBeCloseTo(0.125);
  });

  test('a debt is paid before anything else, and what is given back counts', () => {
    const bucket = new TokenBucket(8000, 0);
    bucket.take(9000, 0);
    expect(bucket.waitMs(1000, 0)).toBe(1125);
    bucket.giveBack(500);
    expect(bucket.waitMs(1000, 0)).toBe(1062.5);
    bucket.giveBack(1_000_000);
    expect(bucket.waitMs(1000, 0)).toBe(0);
    bucket.take(1000, 0);
    expect(bucket.waitMs(1000, 0)).toBe(125);
  });

  test('never more than the rate and one burst, however it is asked', () => {
    const bucket = new TokenBucket(100_000, 0);
    let moved = 0;
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 7) {
      const bytes = 1 + ((nowMs * 7919) % bucket.blockBytes);
      while (bucket.waitMs(bytes, nowMs) === 0) {
        bucket.take(bytes, nowMs);
        moved += bytes;
      }
    }
    expect(moved).toBeLessThanOrEqual(1_000_000 + bucket.burstBytes);
    expect(moved).toBeGreaterThan(980_000);
  });
});
