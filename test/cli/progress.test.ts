import { describe, expect, it, vi } from 'vitest';
import { ProgressBar, progressWords } from '../../src/cli/progress.ts';
import { ProgressRate } from '../../src/cli/progress-rate.ts';
import { until } from '../faults/process.ts';

const MIB = 1024 * 1024;

/** A rate told every half second that another `step` bytes moved. */
function moving(step: number, seconds: number): ProgressRate {
  const rate = new ProgressRate();
  for (let at = 0; at <= seconds * 2; at++) rate.add(at * 500, at * step);
  return rate;
}

describe('the words of a progress bar', () => {
  it.each([
    ['tell bytes, rate and time left', 5 * MIB, 2, 20 * MIB, 100 * MIB, 0, '20 MiB of 100 MiB, 10 MiB/s, 8s left'],
    ['tell what was saved', 5 * MIB, 2, 80 * MIB, 100 * MIB, 60 * MIB, '80 MiB of 100 MiB, 10 MiB/s, 2s left, 60 MiB saved'],
    ['tell minutes and hours', MIB / 2, 2, 0, 900 * MIB, 0, '0 B of 900 MiB, 1 MiB/s, 15m left'],
    ['tell minutes and hours', MIB / 2, 2, 0, 9_000 * MIB, 0, '0 B of 8.8 GiB, 1 MiB/s, 2h30m left'],
    ['tell of the end', MIB, 2, 100 * MIB, 100 * MIB, 90 * MIB, '100 MiB of 100 MiB, 2 MiB/s, finishing, 90 MiB saved'],
    ['tell no rate before something moved', 0, 2, 0, 100 * MIB, 0, '0 B of 100 MiB'],
  ])('%s', (_, step, seconds, doneBytes, totalBytes, savedBytes, words) => {
    expect(progressWords(moving(step, seconds), { doneBytes, totalBytes, savedBytes })).toBe(words);
  });
});

describe('a progress bar at a terminal', () => {
  it('shows what it is told: how far it is, and what was saved', async () => {
    const { stderr } = process;
    const before = { isTTY: stderr.isTTY, columns: stderr.columns };
    let shown = '';
    const written = vi.spyOn(stderr, 'write').mockImplementation((text) => {
      shown += String(text);
      return true;
    });
    Object.assign(stderr, { isTTY: true, columns: 120 });
    const bar = new ProgressBar(true);
    try {
      await until('the bar is drawn', () => {
        bar.tell('film', 80 * MIB, 100 * MIB, 60 * MIB);
        return shown.includes('film');
      });
    } finally {
      bar.end();
      Object.assign(stderr, before);
      written.mockRestore();
    }
    expect(shown).toMatch(/80% 80 MiB of 100 MiB.*, 60 MiB saved/);
  });
});

describe('a rate', () => {
  it('is that of the last seconds, and begins anew when less is done than before', () => {
    const rate = moving(10 * MIB, 60);
    for (let at = 1; at <= 30; at++) rate.add(60_000 + at * 500, 1_200 * MIB + at * MIB);
    expect(rate.bytesPerSecond).toBe(2 * MIB);
    rate.add(76_000, 0);
    expect(rate.bytesPerSecond).toBeUndefined();
    rate.add(77_000, MIB);
    expect(rate.secondsFor(10 * MIB)).toBe(10);
  });
});
