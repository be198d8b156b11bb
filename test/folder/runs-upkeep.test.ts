import { expect, test } from 'vitest';
import type { Room } from '../../src/folder/room.ts';
import type { Runs } from '../../src/folder/runs.ts';
import { RunsUpkeep } from '../../src/folder/runs-upkeep.ts';

test('the files of runs are looked at for a hundredth of the time at most, and before every scan where that is short', async () => {
  const lookedIn = async (lookMs: number): Promise<number> => {
    let [nowMs, looks] = [0, 0];
    const list = async () => {
      looks++;
      nowMs += lookMs;
      return [];
    };
    const held = { hash: 'h', mask: `1${'0'.repeat(15)}`, paths: ['a'], ends: [1] };
    const room = {
      options: { clock: { now: () => nowMs }, disk: { list } },
      runs: { all: () => [held] },
    } as unknown as Room;
    const upkeep = new RunsUpkeep(room, { lose: () => Promise.resolve() } as unknown as Runs);
    for (let scan = 0; scan < 100; scan++) {
      await upkeep.loseMissing();
      nowMs += 60_000;
    }
    return looks;
  };
  expect(await lookedIn(0)).toBe(100);
  expect(await lookedIn(6_000)).toBeLessThanOrEqual(11);
});
