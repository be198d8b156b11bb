import { describe, expect, it } from 'vitest';
import { Pulse } from '../../src/folder/pulse.ts';
import type { Disk } from '../../src/platform/disk.ts';
import { quietLog } from '../platform/quiet-log.ts';
import { HandClock } from '../replication/hand-clock.ts';

type Root = Awaited<ReturnType<Disk['probe']>>;

/** A disk that answers when it is told to. */
function asked() {
  const waiting: ((root: Root) => void)[] = [];
  const told: string[] = [];
  const clock = new HandClock();
  const log = { debug() {}, info() {}, warn: (words: string) => told.push(words), error: (words: string) => told.push(words) };
  const pulse = new Pulse({ clock, log, disk: { probe: () => new Promise((resolve) => waiting.push(resolve)) } });
  const answer = () => waiting.shift()?.({ state: 'missing', reason: 'a test' });
  return { pulse, clock, told, waiting, answer };
}

describe('the pulse of a disk', () => {
  it('tells of one that does not answer, once, and that it answers again', async () => {
    const { pulse, clock, told, waiting, answer } = asked();
    pulse.start();
    await clock.pass(10_000);
    expect(pulse.warning).toBeUndefined();
    await clock.pass(60_000);
    expect(pulse.warning).toContain('has not answered for 70 s');
    expect(told).toHaveLength(1);
    // It is not asked more and more while it says nothing: each question holds a thread.
    expect(waiting).toHaveLength(1);
    answer();
    await clock.pass(0);
    expect(pulse.warning).toBeUndefined();
    expect(told).toEqual([expect.stringContaining('has not answered'), 'the disk of this folder answers again']);
    pulse.stop();
  });

  it('asks on when a question failed: no thread was left for it', async () => {
    const clock = new HandClock();
    let probes = 0;
    const probe = () => {
      probes++;
      return Promise.reject(new Error('no thread'));
    };
    const pulse = new Pulse({ clock, log: quietLog, disk: { probe } });
    pulse.start();
    await clock.pass(40_000);
    expect([probes, pulse.warning]).toEqual([3, undefined]);
    pulse.stop();
  });

  it('says nothing of one that is slow, and asks on', async () => {
    const { pulse, clock, told, waiting, answer } = asked();
    pulse.start();
    for (let round = 0; round < 5; round++) {
      await clock.pass(12_000);
      answer();
      await clock.pass(3_000);
      expect(waiting).toHaveLength(1);
    }
    expect(told).toEqual([]);
    pulse.stop();
  });
});
