import { describe, expect, it } from 'vitest';
import type { Pipe } from '../../src/platform/network.ts';
import { bytes, text } from '../platform/disk-bench.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { SimWorld } from './sim-world.ts';

/** Two machines and one pipe from alpha to bravo. */
async function connected(seed = 'lan') {
  const world = new SimWorld(seed);
  const { scheduler, lan } = world;
  const [alpha, bravo] = [world.addNode('alpha'), world.addNode('bravo')];
  const network = alpha.start().network;
  const accepted: Pipe[] = [];
  const accept = (pipe: Pipe) => accepted.push(pipe);
  const listener = await scheduler.settle(bravo.start().network.listen({ port: 7000, accept }));
  const address = listener.addresses()[0] as string;
  const dial = () => network.dial(address);
  const near = new PipeEar(await scheduler.settle(dial()));
  await scheduler.runUntil(() => accepted.length === 1, 1_000);
  const far = new PipeEar(accepted[0] as Pipe);
  /** Ms until `holds`, or undefined after `limitMs`. */
  const msUntil = async (holds: () => boolean, limitMs: number) => {
    const before = scheduler.nowMs;
    return (await scheduler.runUntil(holds, limitMs)) ? scheduler.nowMs - before : undefined;
  };
  return { world, scheduler, lan, alpha, bravo, near, far, dial, msUntil };
}

describe('lan', () => {
  it('tells the other end of a killed process within a round trip', async () => {
    const { bravo, near, msUntil } = await connected();
    bravo.kill();
    expect(await msUntil(() => near.reasons.length > 0, 60_000)).toBeLessThan(5);
  });

  it('tells nobody of a power loss until the machine is back and knows nothing of the pipe', async () => {
    const { bravo, near, scheduler, msUntil } = await connected();
    bravo.powerLoss();
    near.pipe.write([bytes('anybody?')]);
    await scheduler.runFor(30_000);
    expect(near.reasons).toEqual([]);
    bravo.start();
    expect(await msUntil(() => near.reasons.length > 0, 120_000)).toBeDefined();
    expect(near.reasons).toEqual(['reset by the other end']);
  });

  it('gives up after a quarter of an hour of silence', async () => {
    const { bravo, near, msUntil } = await connected();
    bravo.powerLoss();
    near.pipe.write([bytes('anybody?')]);
    expect(await msUntil(() => near.reasons.length > 0, 3_600_000)).toBeGreaterThan(900_000);
    expect(near.reasons).toEqual(['timed out']);
  });

  it('holds data back in a partition and delivers it, in order, after the heal', async () => {
    const { lan, alpha, bravo, near, far, scheduler, msUntil } = await connected();
    lan.partition([[alpha.host], [bravo.host]]);
    for (const word of ['one ', 'two ', 'three']) near.pipe.write([bytes(word)]);
    await scheduler.runFor(5_000);
    expect(far.bytes).toBe(0);
    lan.heal();
    expect(await msUntil(() => far.bytes === 13, 60_000)).toBeDefined();
    expect(text(far.heard())).toBe('one two three');
  });

  it('cuts one way only', async () => {
    const { lan, alpha, bravo, near, far, scheduler } = await connected();
    lan.cut(alpha.host, bravo.host);
    near.pipe.write([bytes('lost?')]);
    far.pipe.write([bytes('heard')]);
    await scheduler.runFor(1_000);
    expect([text(near.heard()), far.bytes]).toEqual(['heard', 0]);
    near.pipe.write([new Uint8Array(10)]);
    lan.mend(alpha.host, bravo.host);
    await scheduler.runFor(10_000);
    expect(far.bytes).toBe(15);
  });

  it('holds the writer back when only the way back is cut', async () => {
    const { lan, alpha, bravo, near, far, scheduler } = await connected();
    lan.cut(bravo.host, alpha.host);
    near.pipe.write([new Uint8Array(2_000_000)]);
    await scheduler.runFor(1_000);
    expect(far.bytes).toBeGreaterThan(0);
    expect(near.pipe.unsent).toBeGreaterThan(1_000_000);
    lan.heal();
    await scheduler.runFor(60_000);
    expect([far.bytes, near.drains]).toEqual([2_000_000, 1]);
  });

  it('refuses new dials in a cut after five seconds and takes them after it', async () => {
    const { lan, alpha, bravo, dial, scheduler } = await connected();
    lan.cut(bravo.host, alpha.host);
    const before = scheduler.nowMs;
    await expect(scheduler.settle(dial())).rejects.toMatchObject({ code: 'unreachable' });
    expect(scheduler.nowMs - before).toBeCloseTo(5_000, 0);
    lan.heal();
    expect((await scheduler.settle(dial())).remoteId).toBe(bravo.id);
  });

  it('neither shakes hands with nor delivers to a stopped process, and does both after it goes on', async () => {
    const { bravo, near, far, dial, scheduler } = await connected();
    bravo.stop();
    near.pipe.write([bytes('wait')]);
    await expect(scheduler.settle(dial())).rejects.toMatchObject({ code: 'unreachable' });
    expect(far.bytes).toBe(0);
    bravo.cont();
    await scheduler.runFor(10);
    expect(text(far.heard())).toBe('wait');
  });

  it('clogs one direction for its time', async () => {
    const { lan, alpha, bravo, near, far, msUntil } = await connected();
    lan.clog(alpha.host, bravo.host, 3_000);
    near.pipe.write([bytes('slow')]);
    const tookMs = await msUntil(() => far.bytes === 4, 60_000);
    expect(tookMs).toBeGreaterThan(2_990);
    expect(tookMs).toBeLessThan(3_010);
  });

  it('resets both ends, and silences without a word', async () => {
    const first = await connected();
    first.lan.reset(first.alpha.host, first.bravo.host);
    await first.scheduler.runFor(1);
    expect([first.near.reasons, first.far.reasons]).toEqual([['reset'], ['reset']]);
    const second = await connected();
    second.lan.silence(second.bravo.host, second.alpha.host);
    second.near.pipe.write([bytes('gone')]);
    await second.scheduler.runFor(60_000);
    expect([second.near.reasons, second.far.reasons, second.far.bytes]).toEqual([[], [], 0]);
    expect((await second.scheduler.settle(second.dial())).remoteId).toBe(second.bravo.id);
  });

  it('moves at the bandwidth it has', async () => {
    const { lan, near, far, msUntil } = await connected();
    lan.weather.bytesPerMs = 1_000;
    near.pipe.write([new Uint8Array(1_000_000)]);
    const tookMs = await msUntil(() => far.bytes === 1_000_000, 60_000);
    expect(tookMs).toBeGreaterThan(1_000);
    expect(tookMs).toBeLessThan(1_100);
  });

  it('lends bytes only: who keeps them without a copy has nothing', async () => {
    const { near, far, scheduler } = await connected();
    const kept: Uint8Array[] = [];
    near.pipe.open({ data: (lent) => kept.push(lent), drain() {}, closed() {} });
    far.pipe.write([bytes('mine')]);
    await scheduler.runFor(10);
    expect(Buffer.concat(kept)).toEqual(Buffer.alloc(4, 0xdb));
  });
});
