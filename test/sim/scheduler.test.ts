import { describe, expect, it } from 'vitest';
import { Incarnation } from './incarnation.ts';
import { Scheduler } from './scheduler.ts';
import { SimRandom } from './sim-random.ts';
import { armTripwires } from './tripwires.ts';

function life(scheduler: Scheduler, name: string): Incarnation {
  return new Incarnation(scheduler, name, scheduler.random.fork(name));
}

describe('scheduler', () => {
  it('jumps from event to event and lets every microtask run out in between', async () => {
    const scheduler = new Scheduler('seed');
    const order: string[] = [];
    scheduler.outside.after(60_000, () => order.push(`late ${scheduler.nowMs}`));
    scheduler.outside.after(5, async () => {
      for (let turn = 0; turn < 50; turn++) await undefined;
      order.push(`early ${scheduler.nowMs}`);
    });
    await scheduler.runFor(100_000);
    expect(order).toEqual(['early 5', 'late 60000']);
    expect(scheduler.nowMs).toBe(100_000);
  });

  it('orders events of one moment by the seed, the same every time', async () => {
    const orderOf = async (seed: string) => {
      const scheduler = new Scheduler(seed);
      const order: number[] = [];
      for (let index = 0; index < 20; index++) scheduler.outside.after(1, () => order.push(index));
      await scheduler.runFor(2);
      return order.join();
    };
    expect(await orderOf('a')).toBe(await orderOf('a'));
    expect(await orderOf('a')).not.toBe(await orderOf('b'));
  });

  it('stops where the condition holds, and at the limit when it never does', async () => {
    const scheduler = new Scheduler('seed');
    let count = 0;
    const tick = () => {
      count += 1;
      scheduler.outside.after(10, tick);
    };
    scheduler.outside.after(10, tick);
    expect(await scheduler.runUntil(() => count === 3, 1_000)).toBe(true);
    expect(scheduler.nowMs).toBe(30);
    expect(await scheduler.runUntil(() => false, 15)).toBe(false);
    expect([scheduler.nowMs, count]).toEqual([45, 4]);
  });

  it('lets several wait at once, each for its own', async () => {
    const scheduler = new Scheduler('seed');
    const alpha = life(scheduler, 'alpha');
    const answers = [30, 10, 20].map((ms) => scheduler.settle(alpha.perform(ms, false, () => `${ms} at ${scheduler.nowMs}`)));
    expect(await Promise.all(answers)).toEqual(['30 at 30', '10 at 10', '20 at 20']);
  });

  it('never resumes what the dead awaited, and calls none of their timers', async () => {
    const scheduler = new Scheduler('seed');
    const alpha = life(scheduler, 'alpha');
    const seen: string[] = [];
    alpha.after(10, () => seen.push('timer'));
    const answered = () => seen.push('answer');
    alpha.perform(10, true, () => seen.push('effect')).then(answered, answered);
    alpha.perform(10, false, () => seen.push('late effect')).then(answered, answered);
    scheduler.outside.after(5, () => alpha.end());
    await scheduler.runFor(100);
    alpha.perform(1, true, () => seen.push('effect of the dead')).then(answered, answered);
    await scheduler.runFor(100);
    expect(seen).toEqual(['effect']);
  });

  it('holds the stopped back and lets them go on in the order of their times', async () => {
    const scheduler = new Scheduler('seed');
    const alpha = life(scheduler, 'alpha');
    const seen: string[] = [];
    for (const ms of [40, 10, 30, 20]) alpha.after(ms, () => seen.push(`${ms} at ${scheduler.nowMs}`));
    alpha.stop();
    await scheduler.runFor(35);
    expect(seen).toEqual([]);
    alpha.cont();
    await scheduler.runFor(100);
    expect(seen).toEqual(['10 at 35', '20 at 35', '30 at 35', '40 at 40']);
  });

  it('fails the seed when an event throws and when nobody handles a rejection', async () => {
    const thrown = new Scheduler('seed');
    thrown.outside.after(1, () => {
      throw new Error('from an event');
    });
    await expect(thrown.runFor(10)).rejects.toThrow('from an event');
    const rejected = new Scheduler('seed');
    const unhandled: Promise<void>[] = [];
    rejected.outside.after(1, () => unhandled.push(Promise.reject(new Error('from nowhere'))));
    await expect(rejected.runFor(10)).rejects.toThrow('from nowhere');
    await expect(rejected.runFor(10)).rejects.toThrow('from nowhere');
  });

  it('says so when a promise hangs', async () => {
    const scheduler = new Scheduler('seed');
    await expect(scheduler.settle(new Promise(() => {}), 1_000)).rejects.toThrow('still waiting after 1000 virtual ms');
  });

  it('fails the seed that reaches for real time', async () => {
    const scheduler = new Scheduler('seed');
    scheduler.outside.after(1, () => Date.now());
    const disarm = armTripwires();
    const outcome = scheduler.runFor(10).then(
      () => 'nothing happened',
      (thrown: Error) => thrown.message,
    );
    const message = await outcome.finally(disarm);
    expect(message).toBe('the simulation must not use now');
  });
});

describe('random', () => {
  it('is the same for the same seed and fork, and apart for others', () => {
    const draw = (random: SimRandom) => Array.from({ length: 4 }, () => random.bits()).join();
    expect(draw(new SimRandom('a').fork('x'))).toBe(draw(new SimRandom('a').fork('x')));
    expect(draw(new SimRandom('a').fork('x'))).not.toBe(draw(new SimRandom('a').fork('y')));
    expect(draw(new SimRandom('a').fork('x'))).not.toBe(draw(new SimRandom('b').fork('x')));
    const twice = new SimRandom('a');
    expect(draw(twice.fork('x'))).not.toBe(draw(twice.fork('x')));
  });

  it('shifts no other stream by a draw or a fork more', () => {
    const one = new SimRandom('a');
    const other = new SimRandom('a');
    other.bits();
    other.fork('new').bits();
    expect(one.fork('x').bits()).toBe(other.fork('x').bits());
  });

  it('draws uniformly enough, within the bounds', () => {
    const random = new SimRandom('a');
    const counts = new Array<number>(10).fill(0);
    for (let index = 0; index < 10_000; index++) {
      const digit = random.integer(10);
      counts[digit] = (counts[digit] as number) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(900);
    expect(random.integer(2 ** 48)).toBeLessThan(2 ** 48);
    expect(() => random.integer(0)).toThrow();
    expect(random.shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
  });
});
