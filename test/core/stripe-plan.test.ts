import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../src/core/ids.ts';
import type { Candidate } from '../../src/core/placement.ts';
import { planStripes } from '../../src/core/stripe-plan.ts';
import { copiesOf, maskOf, NO_RUNS, runCount, runsIn } from '../../src/core/striping.ts';

const SIZE = 1024 * 1024;
const RUN_BYTES = SIZE / runCount(SIZE);

function peer(name: string, runsOfRoom: number): Candidate {
  const load = { bytes: 0, files: 0, capacity: runsOfRoom * RUN_BYTES, incomingBytes: 0, incomingFiles: 0 };
  return { id: name as PeerId, name, load, hasBytes: false, heldBase: false };
}

const options = { wanted: 3, standing: (): 'live' => 'live' };

describe('a plan for runs', () => {
  it('goes on with the others when nobody has room for one', () => {
    const parts = new Map([
      ['bravo' as PeerId, maskOf([3])],
      ['charlie' as PeerId, maskOf([0, 1, 2])],
      ['delta' as PeerId, maskOf([0, 1, 2])],
    ]);
    const candidates = [peer('bravo', 10), peer('charlie', 0), peer('delta', 0)];
    const { masks, isComplete } = planStripes({ size: SIZE, holders: [], parts }, candidates, options);
    expect([...masks]).toEqual([['bravo', maskOf([0, 1, 2])]]);
    expect(isComplete).toBe(false);
  });

  it('gives no run twice to one peer, and to nobody what it has', () => {
    const parts = new Map([['bravo' as PeerId, maskOf([0])]]);
    const candidates = ['bravo', 'charlie', 'delta'].map((name) => peer(name, 10));
    const { masks, isComplete } = planStripes({ size: SIZE, holders: ['alpha' as PeerId], parts }, candidates, options);
    expect(isComplete).toBe(true);
    expect(runsIn(masks.get('bravo' as PeerId) ?? NO_RUNS)).not.toContain(0);
    const given = [...masks.values()].flatMap(runsIn);
    // Beside the whole one: two of each, of run 0 one is there.
    expect([0, 1, 2, 3].map((run) => given.filter((one) => one === run).length)).toEqual([1, 2, 2, 2]);
  });

  it.each([1_000, SIZE, 64 * SIZE])(
    'of %i bytes on two of four like peers leaves all of it when any one is away, and four pairs of six',
    (size) => {
      const names = ['alpha', 'bravo', 'charlie', 'delta'];
      const candidates = names.map((name) => peer(name, 1_000));
      const plan = planStripes({ size, holders: [], parts: new Map() }, candidates, { ...options, wanted: 2, isNew: true });
      const without = (...away: string[]) =>
        copiesOf({ size, holders: [], parts: plan.masks }, (holder) => !away.includes(holder));
      for (const name of names) expect(without(name)).toBe(1);
      const pairs = names.flatMap((name, at) => names.slice(at + 1).map((other) => without(name, other)));
      expect(pairs.filter((copies) => copies === 1)).toHaveLength(4);
    },
  );
});
