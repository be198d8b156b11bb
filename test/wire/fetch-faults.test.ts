import { beforeEach, describe, expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { fetchContent } from '../../src/wire/fetch.ts';
import { pattern } from '../platform/network-acceptance.ts';
import { codeOf, FetchBench, hash, later, MIB, path, type Serving } from './fetch-bench.ts';

let bench: FetchBench;

beforeEach(() => {
  bench = new FetchBench();
});

describe('fetch: sources that fail', () => {
  const content = pattern(12 * MIB, 3);
  const faults: [string, Serving][] = [
    ['it has lost the file', async () => Promise.reject(new MeshError('gone', 'lost'))],
    [
      'it loses the file in the middle',
      async ({ offset }, serve) => (offset > 2 * MIB ? Promise.reject(new MeshError('gone', 'lost')) : serve()),
    ],
    ['it lies about the size', async (_ask, serve) => ({ ...serve(), reply: { size: 1 } })],
    ['it gives too few bytes', async (_ask, serve) => ({ ...serve(), tail: serve().tail.subarray(1) })],
    ['it gives too many', async (_ask, serve) => ({ ...serve(), tail: new Uint8Array(serve().tail.length + 1) })],
    ['it gives none', async (_ask, serve) => ({ ...serve(), tail: new Uint8Array(0) })],
    ['it never answers', () => new Promise(() => {})],
    [
      'it stops answering in the middle',
      ({ offset }, serve) => (offset > 2 * MIB ? new Promise(() => {}) : Promise.resolve(serve())),
    ],
    [
      'its power goes',
      async (_ask, serve, { node }) => {
        node.powerLoss();
        return serve();
      },
    ],
    [
      'it is killed',
      async (_ask, serve, { node }) => {
        node.kill();
        return serve();
      },
    ],
  ];

  test.each(faults)('%s: the other gives all, soon', async (_name, fault) => {
    const bad = await bench.holder('alpha', content, fault);
    const good = await bench.holder('bravo', content);
    const sink = bench.sink(content.length);
    const beforeMs = bench.world.scheduler.nowMs;
    await bench.settle(bench.fetch(content.length, sink, [bad.link, good.link]));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect([sink.written, sink.doubled]).toEqual([content.length, 0]);
    // One hedge after a second at most: nobody waits three seconds for the silent one.
    expect(bench.world.scheduler.nowMs - beforeMs).toBeLessThan(2_500);
  });

  test.each(faults)('%s, and there is no other: unavailable', async (_name, fault) => {
    const { link } = await bench.holder('alpha', content, fault);
    const sink = bench.sink(content.length);
    expect(await bench.settle(codeOf(bench.fetch(content.length, sink, [link])))).toBe('unavailable');
    expect(sink.underWay).toBe(0);
  });

  test('no source at all: unavailable', async () => {
    expect(await bench.settle(codeOf(bench.fetch(10, bench.sink(10), [])))).toBe('unavailable');
  });

  test('a slow source is helped by the other, not dropped', async () => {
    const content = pattern(60 * MIB);
    const slow = await bench.holder('alpha', content, async (_ask, serve, end) => {
      await later(end, 300);
      return serve();
    });
    const quick = await bench.holder('bravo', content, async (_ask, serve, end) => {
      await later(end, 40);
      return serve();
    });
    const sink = bench.sink(content.length);
    const given = await bench.settle(bench.fetch(content.length, sink, [slow.link, quick.link]));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect(given.get(slow.end.node.id) ?? 0).toBeGreaterThan(0);
    expect(given.get(quick.end.node.id) ?? 0).toBeGreaterThan(given.get(slow.end.node.id) ?? 0);
  });

  test('a cable of 100 kB/s is slow, not silent', async () => {
    bench.world.lan.weather = { ...bench.world.lan.weather, bytesPerMs: 100 };
    const small = pattern(3 * MIB);
    const { link } = await bench.holder('alpha', small);
    const sink = bench.sink(small.length);
    await bench.settle(bench.fetch(small.length, sink, [link]));
    expect(Buffer.compare(sink.bytes, small)).toBe(0);
  });

  test('a source that comes later is used, also after the first one died', async () => {
    const first = await bench.holder('alpha', content, ({ offset }, serve) =>
      offset > MIB ? new Promise(() => {}) : Promise.resolve(serve()),
    );
    const sources = [first.link];
    const sink = bench.sink(content.length);
    const done = fetchContent({ path, hash, size: content.length, sources: () => sources, sink, clock: bench.home.clock });
    await bench.runFor(500);
    const second = await bench.holder('bravo', content);
    sources.push(second.link);
    const given = await bench.settle(done);
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect(given.get(second.end.node.id) ?? 0).toBeGreaterThan(8 * MIB);
  });

  test('the last resort is a relay, asked as such', async () => {
    const bad = await bench.holder('alpha', content, async () => Promise.reject(new MeshError('gone', 'lost')));
    const relays: boolean[] = [];
    const relay = await bench.holder('bravo', content, async (ask, serve) => {
      relays.push(ask.relay);
      return serve();
    });
    const sink = bench.sink(content.length);
    await bench.settle(bench.fetch(content.length, sink, [bad.link], { relaySource: relay.link }));
    expect(new Set(relays)).toEqual(new Set([true]));
    expect(Buffer.compare(sink.bytes, content)).toBe(0);
  });

  test('who has it not may still relay it; one that cannot ends it', async () => {
    const asked: boolean[] = [];
    const { link } = await bench.holder('alpha', content, async (ask) => {
      asked.push(ask.relay);
      throw new MeshError('unavailable', 'nobody');
    });
    expect(
      await bench.settle(codeOf(bench.fetch(content.length, bench.sink(content.length), [link], { relaySource: link }))),
    ).toBe('unavailable');
    expect(new Set(asked)).toEqual(new Set([false, true]));
  });

  test('when this process stood still, no source is blamed', async () => {
    const { link } = await bench.holder('alpha', content, async (_ask, serve, end) => {
      await later(end, 200);
      return serve();
    });
    const other = await bench.holder('bravo', content, async (_ask, serve, end) => {
      await later(end, 200);
      return serve();
    });
    const sink = bench.sink(content.length);
    const done = bench.fetch(content.length, sink, [link, other.link]);
    await bench.runFor(100);
    bench.home.node.stop();
    // Shorter than the heartbeat's patience at the other ends.
    await bench.runFor(1_200);
    bench.home.node.cont();
    const given = await bench.settle(done);
    expect(given.size).toBe(2);
  });
});

describe('fetch: any weather', () => {
  const content = pattern(6 * MIB, 9);

  /** What became of one fetch over links that break, and the hash of everything that happened. */
  async function story(seed: string): Promise<{ end: string; trace: string }> {
    const stormy = new FetchBench(seed, 'swarm');
    const dialled = async (name: string) =>
      stormy
        .holder(name, content)
        .then(({ link }) => [link])
        .catch(() => []);
    const links = [...(await dialled('alpha')), ...(await dialled('bravo')), ...(await dialled('charlie'))];
    const sink = stormy.sink(content.length);
    const end = await stormy.settle(codeOf(stormy.fetch(content.length, sink, links)));
    if (end === 'done') expect(Buffer.compare(sink.bytes, content)).toBe(0);
    expect([sink.doubled, sink.underWay]).toEqual([0, 0]);
    return { end, trace: stormy.world.scheduler.trace.hash() };
  }

  test('it is done right, or it says that nobody can give the content; the same again for the same seed', async () => {
    const ends: string[] = [];
    for (let index = 0; index < 12; index++) {
      const first = await story(`storm ${index}`);
      expect(await story(`storm ${index}`)).toEqual(first);
      ends.push(first.end);
    }
    expect(ends).toContain('done');
    expect(ends.filter((end) => end !== 'done' && end !== 'unavailable')).toEqual([]);
  });
});
