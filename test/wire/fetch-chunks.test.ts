import { beforeEach, describe, expect, test } from 'vitest';
import type { PeerId } from '../../src/core/ids.ts';
import type { Link } from '../../src/wire/link.ts';
import { RateLimit } from '../../src/wire/rate-limit.ts';
import { pattern } from '../platform/network-acceptance.ts';
import { codeOf, FetchBench, later, MIB, type Serving, Sink } from './fetch-bench.ts';

let bench: FetchBench;

beforeEach(() => {
  bench = new FetchBench();
});

/** Ends of chunks of this length, the last one shorter. */
function endsOf(size: number, length: number): number[] {
  return Array.from({ length: Math.ceil(size / length) }, (_, chunk) => Math.min(size, (chunk + 1) * length));
}

/** A sink that knows what is right. */
class CheckingSink extends Sink {
  readonly checked: number[] = [];
  readonly #content: Uint8Array;
  readonly #ends: readonly number[];

  constructor(content: Uint8Array, ends: readonly number[], home: FetchBench['home']) {
    super(content.length, home.clock);
    this.#content = content;
    this.#ends = ends;
  }

  async check(chunks: readonly number[]): Promise<number[]> {
    await later(bench.home, 1);
    this.checked.push(...chunks);
    return chunks.filter((chunk) => {
      const [from, to] = [this.#ends[chunk - 1] ?? 0, this.#ends[chunk]];
      return Buffer.compare(this.bytes.subarray(from, to), this.#content.subarray(from, to)) !== 0;
    });
  }
}

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 0x40;
}

const content = pattern(24 * MIB + 777, 5);
/** Wrong in one byte of every answer that reaches beyond `from`. */
const lying =
  (from = 0): Serving =>
  async (ask, serve) => {
    const given = serve();
    if (ask.offset + ask.length > from) flip(given.tail, Math.max(0, from - ask.offset));
    return given;
  };

async function fetchFrom(
  servings: Record<string, Serving | undefined>,
  chunkBytes: number,
  size = content.length,
  limit?: RateLimit,
) {
  const ends = endsOf(size, chunkBytes);
  const sink = new CheckingSink(content.subarray(0, size), ends, bench.home);
  const links: Link[] = [];
  const ids = new Map<PeerId, string>();
  const asked = new Map<string, number>();
  const honest: Serving = async (_ask, serve) => serve();
  for (const [name, serving = honest] of Object.entries(servings)) {
    const { end, link } = await bench.holder(name, content.subarray(0, size), (ask, serve, source) => {
      asked.set(name, (asked.get(name) ?? 0) + ask.length);
      return serving(ask, serve, source);
    });
    links.push(link);
    ids.set(end.node.id, name);
  }
  const blamed: string[] = [];
  const told: number[] = [];
  let given = new Map<PeerId, number>();
  const options = {
    ends,
    limit,
    blamed: (link: Link) => blamed.push(ids.get(link.peer) ?? ''),
    progress: (bytes: number) => told.push(bytes),
  };
  const fetched = bench.fetch(size, sink, links, options).then((map) => {
    given = map;
  });
  const end = await bench.settle(codeOf(fetched));
  const isRight = Buffer.compare(sink.bytes, content.subarray(0, size)) === 0;
  return { end, isRight, blamed, told, sink, asked, given, chunks: ends.length };
}

describe('fetch by chunks', () => {
  test.each([100_000, 300_000, 3 * MIB])('each chunk of %i bytes is looked at once, and all is right', async (chunkBytes) => {
    const { end, isRight, blamed, sink, chunks, told } = await fetchFrom({ alpha: undefined, bravo: undefined }, chunkBytes);
    expect([end, isRight, blamed]).toEqual(['done', true, []]);
    expect(sink.checked.sort((a, b) => a - b)).toEqual(Array.from({ length: chunks }, (_, chunk) => chunk));
    expect(told.at(-1)).toBe(content.length);
  });

  test('under a limit whole chunks are asked for too, as fast as it lets them come, and a liar is found out', async () => {
    const [chunkBytes, size, rate] = [100_000, 8 * MIB, 640_000];
    const reads: { offset: number; length: number }[] = [];
    const seen =
      (serving: Serving): Serving =>
      (ask, serve, end) => {
        reads.push(ask);
        return serving(ask, serve, end);
      };
    const limit = new RateLimit(bench.home.clock, rate);
    const beganMs = bench.world.scheduler.nowMs;
    const servings = { liar: seen(lying(6 * MIB)), bravo: seen(async (_ask, serve) => serve()) };
    const { end, isRight, blamed } = await fetchFrom(servings, chunkBytes, size, limit);
    expect([end, isRight, blamed]).toEqual(['done', true, ['liar']]);
    for (const { offset, length } of reads) {
      expect(offset % chunkBytes).toBe(0);
      expect(offset + length === size || length % chunkBytes === 0).toBe(true);
    }
    const tookMs = bench.world.scheduler.nowMs - beganMs;
    const asked = reads.reduce((sum, { length }) => sum + length, 0);
    expect(tookMs).toBeGreaterThan(((asked - 2 * limit.blockBytes) / rate) * 1_000 * 0.98);
    expect(tookMs).toBeLessThan((asked / rate) * 1_000 * 1.1 + 1_000);
  });

  test('one that lies costs its chunks only, is found out, and is asked no more', async () => {
    const { end, isRight, blamed, asked, given } = await fetchFrom(
      { liar: lying(), bravo: undefined, charlie: undefined },
      128 * 1024,
    );
    expect([end, isRight, blamed]).toEqual(['done', true, ['liar']]);
    // What was asked before the first wrong chunk was found, and nothing after.
    expect(asked.get('liar')).toBeLessThanOrEqual(4 * MIB);
    expect([...given.values()].reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(content.length - 4 * MIB);
  });

  test('where several gave parts of a wrong chunk, the honest one is not blamed', async () => {
    for (const names of [
      ['liar', 'bravo'],
      ['bravo', 'liar'],
    ]) {
      bench = new FetchBench();
      const servings = Object.fromEntries(names.map((name) => [name, name === 'liar' ? lying() : undefined]));
      // Chunks of several reads.
      const { end, isRight, blamed } = await fetchFrom(servings, 5 * MIB);
      expect([end, isRight, blamed]).toEqual(['done', true, ['liar']]);
    }
  });

  test('only a liar is there: nobody can give it, and every chunk before its lie is right', async () => {
    const { end, blamed, sink } = await fetchFrom({ liar: lying(9 * MIB) }, 256 * 1024);
    expect([end, blamed]).toEqual(['unavailable', ['liar']]);
    const before = 9 * MIB;
    expect(Buffer.compare(sink.bytes.subarray(0, before), content.subarray(0, before))).toBe(0);
  });

  test('chunks that come reordered lie where they belong', async () => {
    const asked: number[] = [];
    const answered: number[] = [];
    const reordering: Serving = async ({ offset }, serve, end) => {
      // Of each three the first waits longest.
      await later(end, 30 * (3 - (asked.push(offset) % 3)));
      answered.push(offset);
      return serve();
    };
    const { end, isRight, blamed, sink } = await fetchFrom({ alpha: reordering }, 128 * 1024);
    expect([end, isRight, blamed, sink.doubled]).toEqual(['done', true, [], 0]);
    expect(answered.length).toBe(asked.length);
    expect(answered).not.toEqual(asked);
  });

  test('a chunk that comes duplicated, in the place of others, is told from them', async () => {
    const duplicating: Serving = async ({ offset, length }, serve) => {
      const from = offset >= 4 * MIB ? 0 : offset;
      return { ...serve(), tail: content.slice(from, from + length) };
    };
    const { end, isRight, blamed } = await fetchFrom({ liar: duplicating, bravo: undefined }, 128 * 1024);
    expect([end, isRight, blamed]).toEqual(['done', true, ['liar']]);
  });

  test('bytes at the end that two give count once', async () => {
    const slow: Serving = async (_ask, serve, end) => {
      await later(end, 900);
      return serve();
    };
    const beganMs = bench.world.scheduler.nowMs;
    const { end, isRight, told, given, sink } = await fetchFrom({ slow, bravo: undefined }, 128 * 1024, 8 * MIB);
    expect([end, isRight]).toEqual(['done', true]);
    // The last ones were asked twice: else the slow one is waited for.
    expect(bench.world.scheduler.nowMs - beganMs).toBeLessThan(900);
    expect([sink.written, sink.doubled, told.at(-1)]).toEqual([8 * MIB, 0, 8 * MIB]);
    expect([...given.values()].reduce((a, b) => a + b, 0)).toBe(8 * MIB);
  });

  test('what was asked of two in the middle counts once too, when both have answered', async () => {
    const slowly =
      (ms: number): Serving =>
      async (_ask, serve, end) => {
        await later(end, ms);
        return serve();
      };
    const { end, isRight, told, given, sink } = await fetchFrom({ slow: slowly(1_100), bravo: slowly(300) }, 128 * 1024);
    expect([end, isRight]).toEqual(['done', true]);
    expect([sink.written, sink.doubled, told.at(-1)]).toEqual([content.length, 0, content.length]);
    expect([...given.values()].reduce((a, b) => a + b, 0)).toBe(content.length);
  });
});
