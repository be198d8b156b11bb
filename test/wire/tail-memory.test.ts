import { describe, expect, it } from 'vitest';
import { TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { framed, giveBackTail, givingBack, takeTail } from '../../src/wire/tail-memory.ts';

/** Takes what other tests gave back, so that what is taken next is new. */
function drain(): void {
  for (let count = 0; count < 100; count++) takeTail(TAIL_BYTES_MAX);
}

describe('the memory of tails', () => {
  it('is used again once it was given back, whatever its next length', () => {
    drain();
    const first = takeTail(TAIL_BYTES_MAX);
    giveBackTail(first);
    const second = takeTail(TAIL_BYTES_MAX - 1);
    expect(second.buffer).toBe(first.buffer);
    expect(second.length).toBe(TAIL_BYTES_MAX - 1);
  });

  it('is never lent twice, were it given back twice', () => {
    drain();
    const first = takeTail(TAIL_BYTES_MAX);
    giveBackTail(first);
    giveBackTail(first);
    expect(takeTail(TAIL_BYTES_MAX).buffer).not.toBe(takeTail(TAIL_BYTES_MAX).buffer);
  });

  it('takes no part of a tail, nothing foreign, and no small one', () => {
    drain();
    const tail = takeTail(TAIL_BYTES_MAX);
    const small = takeTail(1_000);
    for (const other of [tail.subarray(0, 1_000), new Uint8Array(TAIL_BYTES_MAX), small]) giveBackTail(other);
    const next = takeTail(TAIL_BYTES_MAX);
    expect([tail.buffer, small.buffer]).not.toContain(next.buffer);
    expect(small).toHaveLength(1_000);
  });

  it('keeps a bounded number of blocks', () => {
    drain();
    const tails = Array.from({ length: 100 }, () => takeTail(TAIL_BYTES_MAX));
    const blocks = new Set(tails.map((tail) => tail.buffer));
    for (const tail of tails) giveBackTail(tail);
    const again = Array.from({ length: 100 }, () => takeTail(TAIL_BYTES_MAX)).filter((tail) => blocks.has(tail.buffer));
    expect(again.length).toBeGreaterThan(0);
    expect(again.length).toBeLessThan(20);
  });

  it('is given back by a sink when it has written, and not when it failed', async () => {
    drain();
    const kept = takeTail(TAIL_BYTES_MAX);
    const failing = givingBack({ write: () => Promise.reject(new Error('full')) });
    await expect(failing.write(0, kept)).rejects.toThrow('full');
    expect(takeTail(TAIL_BYTES_MAX).buffer).not.toBe(kept.buffer);
    await givingBack({ write: () => Promise.resolve() }).write(0, kept);
    expect(takeTail(TAIL_BYTES_MAX).buffer).toBe(kept.buffer);
  });
  it('has room for the start of the frame that a large one goes out in', () => {
    const start = Uint8Array.from({ length: 60 }, (_, index) => index + 1);
    const large = takeTail(TAIL_BYTES_MAX).fill(7);
    const [whole, ...others] = framed(start, large);
    expect(others).toEqual([]);
    expect(whole?.subarray(0, start.length)).toEqual(start);
    expect(whole?.subarray(start.length)).toEqual(large);
    expect(whole?.buffer).toBe(large.buffer);
    giveBackTail(large);
    expect(takeTail(TAIL_BYTES_MAX).buffer).toBe(large.buffer);
  });

  it('leaves as they are a start that is too long, a small tail, and one of somebody else', () => {
    const start = new Uint8Array(60);
    const tails = [takeTail(1_000), new Uint8Array(TAIL_BYTES_MAX), takeTail(TAIL_BYTES_MAX).subarray(1)];
    for (const tail of tails) expect(framed(start, tail)).toEqual([start, tail]);
    const large = takeTail(TAIL_BYTES_MAX);
    expect(framed(new Uint8Array(10_000), large)).toHaveLength(2);
  });
});
