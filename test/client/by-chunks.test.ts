import { blake3 } from '@napi-rs/blake-hash';
import { describe, expect, test } from 'vitest';
import { ByChunks } from '../../src/client/by-chunks.ts';
import { InOrder } from '../../src/client/in-order.ts';
import type { Sink } from '../../src/client/transfer.ts';
import { options } from './verb-bench.ts';

const LENGTHS = [100, 300, 50, 250];
const content = Uint8Array.from({ length: 700 }, (_, index) => (index * 7) & 0xff);

/** What a sink was given: a piece each. */
function bench(left?: Uint8Array) {
  const given: { offset: number; bytes: Uint8Array }[] = [];
  const sink = {
    write: async (offset: number, bytes: Uint8Array) => void given.push({ offset, bytes }),
    ...(left && {
      left: { bytes: left.length, read: async (offset: number, length: number) => left.slice(offset, offset + length) },
    }),
  } as unknown as Sink;
  const order = new InOrder(sink, options.newHash);
  const offset = (chunk: number) => LENGTHS.slice(0, chunk).reduce((sum, length) => sum + length, 0);
  const cut = {
    count: LENGTHS.length,
    ends: Float64Array.from(LENGTHS, (_, chunk) => offset(chunk + 1)),
    offset,
    length: (chunk: number) => LENGTHS[chunk] as number,
    hash: (chunk: number) => blake3(content.subarray(offset(chunk), offset(chunk + 1))),
  };
  const chunks = new ByChunks(order, cut, options.newHash);
  const put = (from: number, to: number, bytes = content.slice(from, to)) => chunks.write(from, bytes).then(() => bytes);
  const written = () => Buffer.concat(given.map(({ bytes }) => bytes));
  return { given, order, chunks, put, sink, written };
}

describe('a download by chunks', () => {
  test('passes a piece on as the array it came in, so that its memory is used again', async () => {
    const { given, chunks, put } = bench();
    const piece = await put(0, 400);
    expect(await chunks.check([0, 1])).toEqual([]);
    expect(given).toHaveLength(1);
    expect(given[0]?.bytes).toBe(piece);
  });

  test('passes nothing on that is not proved, however the pieces lie', async () => {
    const { given, chunks, put, written, order } = bench();
    await put(420, 700);
    await put(0, 250);
    expect(await chunks.check([0])).toEqual([]);
    expect(written()).toEqual(Buffer.from(content.slice(0, 100)));
    await put(250, 420);
    expect(await chunks.check([3])).toEqual([]);
    expect(await chunks.check([1, 2])).toEqual([]);
    expect(written()).toEqual(Buffer.from(content));
    expect(given.map(({ offset }) => offset)).toEqual([...given.map(({ offset }) => offset)].sort((a, b) => a - b));
    expect(await order.finish()).toBe(blake3(content).toString('hex'));
  });

  test('forgets a wrong chunk, and nothing beside it', async () => {
    const { chunks, put, written } = bench();
    const wrong = content.slice(0, 450);
    wrong[399] = 1;
    await put(0, 450, wrong);
    expect(await chunks.check([0, 1, 2])).toEqual([1]);
    expect(written()).toEqual(Buffer.from(content.slice(0, 100)));
    expect(chunks.missing()).toEqual([
      { offset: 100, length: 300 },
      { offset: 450, length: 250 },
    ]);
    await put(100, 400);
    expect(await chunks.check([1])).toEqual([]);
    expect(written()).toEqual(Buffer.from(content.slice(0, 450)));
  });

  test('keeps what is proved ahead of a gap when the fetch begins anew, and forgets the rest', async () => {
    const { chunks, put, written } = bench();
    await put(400, 500);
    expect(await chunks.check([2])).toEqual([]);
    expect(chunks.missing()).toEqual([
      { offset: 0, length: 400 },
      { offset: 450, length: 250 },
    ]);
    await put(0, 400);
    await put(450, 700);
    expect(await chunks.check([0, 1, 3])).toEqual([]);
    expect(written()).toEqual(Buffer.from(content));
  });

  test('goes on behind what was left, as far as it is right', async () => {
    const left = content.slice(0, 460);
    left[420] = 1;
    const { chunks, put, sink, order, written } = bench(left);
    await chunks.resume(sink, () => undefined);
    expect(chunks.missing()).toEqual([{ offset: 400, length: 300 }]);
    await put(400, 700);
    expect(await chunks.check([2, 3])).toEqual([]);
    expect(written()).toEqual(Buffer.from(content.slice(400)));
    expect(await order.finish()).toBe(blake3(content).toString('hex'));
  });
});
