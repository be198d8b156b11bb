import { asMeshError } from '../core/errors.ts';
import type { ActFault, CommitOutcome, Disk } from '../platform/disk.ts';
import type { NewFileAct } from './act.ts';
import type { Ending, Stats } from './acts.ts';
import { errorOf, isFault } from './faults.ts';

/** Puts many new files in place; how each ended. What the disk did not answer for may have come however far. */
export async function commitNew(disk: Disk, acts: readonly NewFileAct[], stats: Stats): Promise<Ending[]> {
  let outcomes: readonly (CommitOutcome | ActFault)[];
  try {
    outcomes = await disk.commitMany(acts.map(({ moves: [{ intent }] }) => intent));
  } catch (thrown) {
    const error = asMeshError(thrown);
    return acts.map(() => ({ kind: 'broken', count: 0, error }));
  }
  return acts.map(({ moves: [{ intent }] }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined || isFault(outcome))
      return { kind: 'broken', count: 0, error: errorOf(outcome ?? { code: 'failed', message: 'the disk gave no answer' }) };
    if (outcome.result !== 'done') return { kind: 'given up', count: 0, isTaken: outcome.result === 'taken' };
    if (outcome.stat !== undefined) stats.set(intent.path, outcome.stat);
    return { kind: 'done' };
  });
}
