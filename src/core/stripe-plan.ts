import { byCodeUnits, type PeerId } from './ids.ts';
import { type Candidate, hasRoom, shareInUse } from './placement.ts';
import type { Standing } from './repair.ts';
import { copiesOfRuns, hasRun, maskOf, NO_RUNS, type RunMask, runCount, type Spread } from './striping.ts';

/** Who is to take which runs. */
export interface StripePlan {
  readonly masks: ReadonlyMap<PeerId, RunMask>;
  /** Every missing copy of every run that can be had has a taker. */
  readonly isComplete: boolean;
}

/**
 * Spreads the missing copies of a content's runs over the candidates: the run of fewest copies first, each copy to the
 * least loaded that has the run neither now nor by this plan. Runs that no live peer has cannot be had, and are left out.
 *
 * @param candidates live peers that may take something; holders of the whole are none of them.
 */
export function planStripes(
  content: Spread,
  candidates: readonly Candidate[],
  { wanted, standing }: { wanted: number; standing: (peer: PeerId) => Standing },
): StripePlan {
  const count = runCount(content.size);
  const runBytes = content.size / count;
  const counted = copiesOfRuns({ ...content, parts: content.parts ?? new Map() }, (peer) => standing(peer) !== 'gone');
  const live = copiesOfRuns({ ...content, parts: content.parts ?? new Map() }, (peer) => standing(peer) === 'live');
  const takers = candidates
    .filter((one) => !content.holders.includes(one.id))
    .map((one) => ({ ...one, runs: [] as number[], has: content.parts?.get(one.id) ?? NO_RUNS }));
  const order = counted.map((copies, run) => ({ run, copies })).sort((a, b) => a.copies - b.copies || a.run - b.run);
  let isComplete = true;
  for (const { run, copies } of order) {
    if (live[run] === 0) continue;
    for (let missing = wanted - copies; missing > 0; missing--) {
      const able = takers.filter((one) => !hasRun(one.has, run) && !one.runs.includes(run) && hasRoom(one.load, runBytes));
      const taker = able.sort((a, b) => byLoad(a, b))[0];
      if (taker === undefined) {
        isComplete = false;
        break;
      }
      taker.runs.push(run);
      taker.load = { ...taker.load, incomingBytes: taker.load.incomingBytes + runBytes };
    }
  }
  const masks = takers.filter((one) => one.runs.length > 0).map((one) => [one.id, maskOf(one.runs)] as const);
  return { masks: new Map(masks), isComplete };
}

/** By what is in use now and by this plan; runs are no files, so that the rule of placement does not matter. */
function byLoad(a: Candidate, b: Candidate): number {
  return shareInUse(a.load) - shareInUse(b.load) || byCodeUnits(a.name, b.name) || byCodeUnits(a.id, b.id);
}
