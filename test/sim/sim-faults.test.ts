import { describe, expect, it } from 'vitest';
import type { Sighting } from '../../src/platform/discovery.ts';
import { bytes } from '../platform/disk-bench.ts';
import { SimWorld } from './sim-world.ts';

describe('store faults', () => {
  it('loses a batch that a power loss overtakes, and keeps the one that was answered', async () => {
    const { scheduler, node } = machine();
    const { store } = node.start();
    node.store.faults.latencyMinMs = 10;
    node.store.faults.latencyMaxMs = 10;
    await scheduler.settle(store.batch([{ key: 'answered', value: bytes('1') }]));
    let isAnswered = false;
    const mark = () => {
      isAnswered = true;
    };
    store.batch([{ key: 'overtaken', value: bytes('1') }]).then(mark, mark);
    await scheduler.runFor(5);
    node.powerLoss();
    await scheduler.runFor(1_000);
    const again = node.start().store;
    const rows = await scheduler.settle(again.range({ from: '', to: '~', limit: 10 }));
    expect([rows.map((row) => row.key), isAnswered]).toEqual([['answered'], false]);
  });

  it('may have done what it never answered', async () => {
    const { scheduler, node } = machine();
    const { store } = node.start();
    const written = () => node.store.snapshot().has('k');
    store.batch([{ key: 'k', value: bytes('1') }]).catch(() => {});
    await scheduler.runUntil(written, 1_000);
    node.kill();
    expect(written()).toBe(true);
  });

  it('says full, writes nothing of it, and still removes', async () => {
    const { scheduler, node } = machine();
    const { store } = node.start();
    await scheduler.settle(store.batch([{ key: 'old', value: bytes('1') }]));
    node.store.faults.isFull = true;
    const both = store.batch([
      { key: 'old', value: undefined },
      { key: 'new', value: bytes('1') },
    ]);
    await expect(scheduler.settle(both)).rejects.toMatchObject({ code: 'full' });
    expect([...node.store.snapshot().keys()]).toEqual(['old']);
    await scheduler.settle(store.batch([{ key: 'old', value: undefined }]));
    expect([...node.store.snapshot().keys()]).toEqual([]);
  });
});

describe('multicast faults', () => {
  const announcement = { instance: '1'.repeat(16), tag: '2'.repeat(32), port: 7000 };

  async function sightings(faults: object): Promise<Sighting[]> {
    const world = new SimWorld('air');
    Object.assign(world.air.faults, faults);
    const [alpha, bravo] = [world.addNode('alpha').start(), world.addNode('bravo').start()];
    const seen: Sighting[] = [];
    await world.scheduler.settle(alpha.discovery.announce(announcement));
    await world.scheduler.settle(bravo.discovery.browse((sighting) => seen.push(sighting)));
    await world.scheduler.runFor(10_000);
    return seen;
  }

  it('loses, doubles and forges as told', async () => {
    const once = await sightings({});
    expect(new Set(once.map((one) => one.instance))).toEqual(new Set([announcement.instance]));
    expect(await sightings({ lossRate: 1 })).toEqual([]);
    expect(await sightings({ doubleRate: 1 })).toHaveLength(2 * once.length);
    const forged = await sightings({ lossRate: 1, forgeRate: 1 });
    expect(forged.length).toBeGreaterThan(3);
    expect(forged.every((one) => one.tag === announcement.tag)).toBe(true);
    expect(forged.some((one) => one.instance !== announcement.instance)).toBe(true);
  });

  it('brings back an instance that is gone', async () => {
    const world = new SimWorld('stale');
    const alpha = world.addNode('alpha');
    const bravo = world.addNode('bravo').start();
    await world.scheduler.settle(alpha.start().discovery.announce(announcement));
    alpha.kill();
    const seen: Sighting[] = [];
    await world.scheduler.settle(bravo.discovery.browse((sighting) => seen.push(sighting)));
    await world.scheduler.runFor(5_000);
    expect(seen).toEqual([]);
    world.air.faults.staleRate = 1;
    await world.scheduler.settle(alpha.start().discovery.announce({ ...announcement, instance: '3'.repeat(16) }));
    await world.scheduler.runFor(600_000);
    expect(new Set(seen.map((one) => one.instance[0]))).toEqual(new Set(['1', '3']));
  });
});

describe('wall clock', () => {
  it('jumps without moving the monotonic one', () => {
    const { node } = machine();
    const { clock } = node.start();
    const before = clock.wall();
    node.wall.offsetMs = -172_800_000;
    expect([clock.wall() - before, clock.now()]).toEqual([-172_800_000, 0]);
  });
});

function machine() {
  const world = new SimWorld('faults');
  return { scheduler: world.scheduler, node: world.addNode('alpha') };
}
