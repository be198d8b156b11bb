import { describe, expect, it } from 'vitest';
import { Missing } from '../../src/folder/missing.ts';
import type { Room } from '../../src/folder/room.ts';

describe('what a whole scan misses', () => {
  it('is found in short turns, however much is held', async () => {
    let [inTurn, inTurnMax] = [0, 0];
    function* allPlain() {
      for (let index = 0; index < 20_000; index++) {
        inTurnMax = Math.max(inTurnMax, ++inTurn);
        yield { path: `f${index}`, seenScan: index % 1_000 === 7 ? 1 : 2 };
      }
    }
    const room = {
      held: { allPlain, scanNumber: 2, plainCount: 20_000, allSiblings: () => [] },
      belief: { releaseBrake: () => {} },
      lost: { unseen: () => [] },
      options: { config: { settleMs: 1_000 } },
      pause: async () => {
        inTurn = 0;
      },
    } as unknown as Room;
    const missing = new Missing(room, () => {});
    await missing.judge(1_000, new Set());
    expect(missing.count).toBe(20);
    expect(inTurnMax).toBeLessThanOrEqual(5_000);
  });
});
