import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/platform/clock.ts';

export interface ClockBench {
  readonly clock: Clock;
  /** Lets at least `ms` pass on this clock, timers included. */
  pass(ms: number): Promise<void>;
}

/** What every Clock keeps to. */
export function runClockAcceptance(name: string, makeBench: () => Promise<ClockBench>): void {
  describe(`clock: ${name}`, () => {
    let bench: ClockBench;
    beforeEach(async () => {
      bench = await makeBench();
    });
    let timers: { cancel(): void }[] = [];
    afterEach(() => {
      for (const timer of timers) timer.cancel();
      timers = [];
    });

    it('goes forward', async () => {
      const before = bench.clock.now();
      await bench.pass(5);
      expect(bench.clock.now()).toBeGreaterThanOrEqual(before + 5);
    });

    it('calls once, not earlier than asked, and never from within the call', async () => {
      const asked = bench.clock.now();
      const calls: number[] = [];
      timers.push(bench.clock.after(10, () => calls.push(bench.clock.now())));
      timers.push(bench.clock.after(0, () => calls.push(bench.clock.now())));
      expect(calls).toEqual([]);
      await bench.pass(40);
      expect(calls).toHaveLength(2);
      expect(calls[1]).toBeGreaterThanOrEqual(asked + 10);
    });

    it('keeps the order of different times', async () => {
      const order: string[] = [];
      timers.push(bench.clock.after(30, () => order.push('late')));
      timers.push(bench.clock.after(5, () => order.push('early')));
      await bench.pass(80);
      expect(order).toEqual(['early', 'late']);
    });

    it('never calls what was called off, also twice and after the call', async () => {
      let calls = 0;
      const off = bench.clock.after(5, () => calls++);
      const on = bench.clock.after(5, () => calls++);
      off.cancel();
      off.cancel();
      await bench.pass(40);
      on.cancel();
      expect(calls).toBe(1);
    });

    it('lets an act set the next timer', async () => {
      const order: number[] = [];
      timers.push(
        bench.clock.after(1, () => {
          order.push(1);
          timers.push(bench.clock.after(1, () => order.push(2)));
        }),
      );
      await bench.pass(60);
      expect(order).toEqual([1, 2]);
    });

    it('tells wall time as Unix ms', () => {
      expect(bench.clock.wall()).toBeGreaterThan(0);
      expect(Number.isFinite(bench.clock.wall())).toBe(true);
    });
  });
}
