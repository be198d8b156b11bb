import { beforeEach, describe, expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { fetchContent } from '../../src/wire/fetch.ts';
import { RateLimit } from '../../src/wire/rate-limit.ts';
import { pattern } from '../platform/network-acceptance.ts';
import { codeOf, FetchBench, hash, later, MIB, path, type Serving } from './fetch-bench.ts';

let bench: FetchBench;

beforeEach(() => {
  bench = new FetchBench();
});

describe('fetch', () => {
  test.each([0, 1, 4_096, 256 * 1024, MIB + 1, 20 * MIB + 12_345])('%i bytes from one source', async (size) => {
    const content = pattern(size);
    const { end, link } = await bench.holder('alpha', content);
    const sink = bench.sink(size);
    const told: number[] = [];
    const given = await bench.settle(bench.fetch(size, sink, [link], { progress: (bytes) => told.push(bytes) }));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect([...given]).toEqual(size === 0 ? [] : [[end.node.id, size]]);
    expect(told.at(-1) ?? 0).toBe(size);
    expect([sink.written, sink.doubled, sink.underWay]).toEqual([size, 0, 0]);
  });

  test('several sources give their parts, each byte once', async () => {
    const content = pattern(40 * MIB);
    const holders: Awaited<ReturnType<FetchBench['holder']>>[] = [];
    for (const name of ['alpha', 'bravo', 'charlie']) holders.push(await bench.holder(name, content));
    const sink = bench.sink(content.length);
    const given = await bench.settle(
      bench.fetch(
        content.length,
        sink,
        holders.map(({ link }) => link),
      ),
    );
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect(sink.written).toBe(content.length);
    expect([...given.values()].reduce((a, b) => a + b, 0)).toBe(content.length);
    for (const { end } of holders) expect(given.get(end.node.id) ?? 0).toBeGreaterThan(8 * MIB);
  });

  test('goes on from what is there', async () => {
    const content = pattern(5 * MIB);
    const asked: number[] = [];
    const { link } = await bench.holder('alpha', content, async (ask, serve) => {
      asked.push(ask.offset);
      return serve();
    });
    const sink = bench.sink(content.length);
    await bench.settle(bench.fetch(content.length, sink, [link], { from: 3 * MIB + 7 }));
    expect(Math.min(...asked)).toBe(3 * MIB + 7);
    expect(Buffer.compare(sink.bytes.subarray(3 * MIB + 7), content.subarray(3 * MIB + 7))).toBe(0);
  });

  test('memory is bounded: no more than the window is asked for ahead of a slow sink', async () => {
    const content = pattern(60 * MIB);
    let asked = 0;
    const { link } = await bench.holder('alpha', content, async (ask, serve) => {
      asked += ask.length;
      return serve();
    });
    const sink = { write: () => new Promise<void>(() => {}) };
    bench.fetch(content.length, sink, [link]).catch(() => {});
    await bench.runFor(60_000);
    expect(asked).toBeGreaterThan(2 * MIB);
    expect(asked).toBeLessThanOrEqual(12 * MIB);
  });
});

describe('fetch: under a limit of its own', () => {
  test.each([64 * 1024, 24 * MIB])('of %i bytes a second asks in pieces that are worth a call', async (rate) => {
    const content = pattern(20 * 64 * 1024 + 1);
    const asked: number[] = [];
    const { link } = await bench.holder('alpha', content, async (ask, serve) => {
      asked.push(ask.length);
      return serve();
    });
    const sink = bench.sink(content.length);
    const limit = new RateLimit(bench.home.clock, rate);
    await bench.settle(bench.fetch(content.length, sink, [link], { limit }));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect(asked.length).toBeLessThanOrEqual(21);
  });
});

describe('fetch: from a source whose peer limits what it sends', () => {
  const content = pattern(2 * MIB + 5, 8);
  const part = (tail: Uint8Array) => ({ reply: { size: content.length, given: tail.length }, tail });

  test('what it gave counts, and the rest is asked again', async () => {
    const { end, link } = await bench.holder('alpha', content, async (_ask, serve) => part(serve().tail.subarray(0, 100_000)));
    const sink = bench.sink(content.length);
    const given = await bench.settle(bench.fetch(content.length, sink, [link]));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect([sink.written, sink.doubled]).toEqual([content.length, 0]);
    expect([...given]).toEqual([[end.node.id, content.length]]);
  });

  test('one whose turn has not come is asked again, for longer than a silent one would be', async () => {
    let asked = 0;
    const { link } = await bench.holder('alpha', content, async (_ask, serve, end) => {
      asked += 1;
      if (bench.world.scheduler.nowMs > 30_000) return serve();
      await later(end, 750);
      return part(new Uint8Array(0));
    });
    const sink = bench.sink(content.length);
    await bench.settle(bench.fetch(content.length, sink, [link]));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect(bench.world.scheduler.nowMs).toBeGreaterThan(30_000);
    // Four reads at a time, each held for three quarters of a second.
    expect(asked).toBeLessThan(250);
  });

  test.each([
    ['says so at once, and would be asked all the time', async () => part(new Uint8Array(0))],
    ['gives another number of bytes than it says', async (_ask, serve) => ({ ...part(serve().tail), tail: new Uint8Array(7) })],
    ['gives more than it was asked for', async (ask) => part(new Uint8Array(ask.length + 1))],
  ] as [string, Serving][])('one that %s is dropped', async (_, serving) => {
    const { link } = await bench.holder('alpha', content, serving);
    expect(await bench.settle(codeOf(bench.fetch(content.length, bench.sink(content.length), [link])))).toBe('unavailable');
  });
});

describe('fetch: its own end', () => {
  const content = pattern(30 * MIB, 5);

  test('a sink that fails ends it with the sink’s error, and no write is under way then', async () => {
    const { link } = await bench.holder('alpha', content);
    let underWay = 0;
    const sink = {
      async write(offset: number): Promise<void> {
        underWay++;
        await new Promise<void>((resolve) => bench.home.clock.after(offset > 5 * MIB ? 1 : 50, resolve));
        underWay--;
        if (offset > 5 * MIB) throw new MeshError('full', 'the disk is full');
      },
    };
    expect(await bench.settle(codeOf(bench.fetch(content.length, sink, [link])))).toBe('full');
    expect(underWay).toBe(0);
  });

  test('a sink that throws at once', async () => {
    const { link } = await bench.holder('alpha', content);
    const sink = {
      write: () => {
        throw new Error('a defect');
      },
    };
    expect(await bench.settle(codeOf(bench.fetch(content.length, sink, [link])))).toBe('failed');
  });

  test('a list of sources that throws', async () => {
    const sources = () => {
      throw new Error('a defect');
    };
    const done = fetchContent({ path, hash, size: 10, sources, sink: bench.sink(10), clock: bench.home.clock });
    expect(await bench.settle(codeOf(done))).toBe('failed');
  });

  test('it can be called off, before and in the middle', async () => {
    const { link } = await bench.holder('alpha', content);
    const early = new AbortController();
    early.abort();
    expect(
      await bench.settle(codeOf(bench.fetch(content.length, bench.sink(content.length), [link], { stop: early.signal }))),
    ).toBe('closed');
    const stop = new AbortController();
    const sink = bench.sink(content.length);
    const done = codeOf(
      bench.fetch(content.length, sink, [link], { stop: stop.signal, progress: (bytes) => bytes > 5 * MIB && stop.abort() }),
    );
    expect(await bench.settle(done)).toBe('closed');
    expect(sink.underWay).toBe(0);
    const { written } = sink;
    await bench.runFor(5_000);
    expect(sink.written).toBe(written);
  });
});
