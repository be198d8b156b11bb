import { expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { DIALS_MAX, Dialler, MEMBER_ADDRESSES_MAX, SIGHTED_MAX } from '../../src/membership/dialler.ts';
import type { Pipe } from '../../src/platform/network.ts';
import { SimWorld } from '../sim/sim-world.ts';

/** A dialler whose network only counts: every dial ends after `dialMs` in vain. */
function counting(dialMs: number) {
  const world = new SimWorld('dialler');
  const { clock, random, log } = world.addNode('alpha').start();
  const dials: { address: string; atMs: number }[] = [];
  let open = 0;
  let openMax = 0;
  const dial = (address: string): Promise<Pipe> => {
    dials.push({ address, atMs: clock.now() });
    open++;
    openMax = Math.max(open, openMax);
    return new Promise((_, reject) => {
      clock.after(dialMs, () => {
        open--;
        reject(new MeshError('unreachable', 'nobody'));
      });
    });
  };
  const network = { dial, selfId: 'a'.repeat(64) as PeerId };
  const dialler = new Dialler({ clock, random, network, log, isLinked: () => false, meet: async () => 'linked' });
  return { world, dialler, dials, openMax: () => openMax };
}

test('the pause doubles from 0.25 s to 5 s, and a new sighting begins anew', async () => {
  const { world, dialler, dials } = counting(1);
  dialler.give('10.0.0.9:4000');
  await world.scheduler.runFor(30_000);
  const pauses = dials.slice(1).map((dial, index) => dial.atMs - (dials[index] as { atMs: number }).atMs);
  for (const [index, leastMs] of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(leastMs);
    expect(pauses[index]).toBeLessThan(leastMs * 1.2 + 5);
  }
  const before = dials.length;
  dialler.sighted('b'.repeat(16), ['10.0.0.9:4000']);
  await world.scheduler.runFor(300);
  expect(dials.length - before).toBe(2);
});

test('forged sightings cost a bounded table and a bounded number of dials, and a true one is dialled soon', async () => {
  const { world, dialler, dials, openMax } = counting(5_000);
  for (let count = 0; count < 1_000; count++)
    dialler.sighted(`${count}`.padStart(16, '0'), [`10.1.${count >> 8}.${count & 255}:4000`]);
  await world.scheduler.runFor(20_000);
  expect(openMax()).toBe(DIALS_MAX);
  dialler.give('10.0.0.9:4000');
  await world.scheduler.runFor(5_100);
  expect(dials.some(({ address }) => address === '10.0.0.9:4000')).toBe(true);
  await world.scheduler.runFor(3_600_000);
  expect(new Set(dials.map(({ address }) => address)).size).toBeLessThanOrEqual(SIGHTED_MAX + DIALS_MAX + 1);
  // The made-up ones are given up; the kept one is not.
  dials.length = 0;
  await world.scheduler.runFor(60_000);
  expect(new Set(dials.map(({ address }) => address))).toEqual(new Set(['10.0.0.9:4000']));
});

test('of one member the newest few addresses are dialled, however often it moves', async () => {
  const { world, dialler, dials } = counting(1);
  const peer = 'b'.repeat(64) as PeerId;
  for (let count = 0; count < 100; count++) dialler.know(`10.1.0.${count}:4000`, peer);
  await world.scheduler.runFor(1_000);
  dials.length = 0;
  await world.scheduler.runFor(20_000);
  expect(new Set(dials.map(({ address }) => address)).size).toBe(MEMBER_ADDRESSES_MAX);
  dialler.forget(peer);
  await world.scheduler.runFor(1_000);
  dials.length = 0;
  await world.scheduler.runFor(20_000);
  expect(dials).toEqual([]);
});
