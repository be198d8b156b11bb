import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Catalog, Transaction } from '../../src/catalog/catalog.ts';
import { viewOf } from '../../src/core/namespace.ts';
import { NO_RUNS } from '../../src/core/striping.ts';
import type { Folder } from '../../src/folder/folder.ts';
import { Holding } from '../../src/replication/holding.ts';
import type { Standings } from '../../src/replication/standings.ts';
import { path, peerId, records } from '../core/histories.ts';

const SELF = peerId(0);

/** What the folder has, whatever the indexes say. */
const folders = fc.record({
  holds: fc.boolean(),
  isArranged: fc.boolean(),
  hasRuns: fc.boolean(),
  lying: fc.constantFrom(NO_RUNS, 'f'.repeat(16), '0'.repeat(15).concat('1')),
  live: fc.boolean(),
});

it('what a path owes is told without a promise: where it owes nothing there is nothing to do', async () => {
  let [owing, idle] = [0, 0];
  await fc.assert(
    fc.asyncProperty(records, folders, fc.integer({ min: 1, max: 3 }), async (said, lies, wanted) => {
      const acts: string[] = [];
      const act = (name: string) => async () => {
        acts.push(name);
        return true;
      };
      const own = said.filter(({ peer }) => peer === SELF).map(({ version, holding }) => ({ path, version, holding }));
      const transaction = { own: () => own, put: () => acts.push('put') } as unknown as Transaction;
      const catalog = {
        self: SELF,
        view: () => viewOf(path, said),
        own: () => own,
        change: async (_: unknown, plan: (one: Transaction) => unknown) => plan(transaction),
      } as unknown as Catalog;
      const runs = {
        heldFor: () => (lies.hasRuns ? { mask: lies.lying } : undefined),
        lying: () => lies.lying,
        letGo: act('let go of runs'),
        adopt: act('adopt'),
      };
      const folder = {
        runs,
        holds: () => lies.holds,
        isArranged: () => lies.isArranged,
        arrange: () => (lies.isArranged ? undefined : act('arrange')()),
        keepFromHere: act('keep'),
        letGo: act('let go'),
      } as unknown as Folder;
      const standings = { of: () => (lies.live ? 'live' : 'away') } as unknown as Standings;
      const holding = new Holding({ catalog, folder, standings, wanted: () => wanted });
      const owes = holding.owes(path);
      await holding.attend(path);
      if (acts.length > 0) expect(owes).toBe(true);
      if (owes) owing += 1;
      else idle += 1;
    }),
    { numRuns: 1_000 },
  );
  expect(Math.min(owing, idle)).toBeGreaterThan(50);
});
