import { byCodeUnits, type PeerId } from './ids.ts';
import { type Candidate, hasRoom, shareInUse } from './placement.ts';
import type { Standing } from './repair.ts';
import { copiesOfRuns, maskOf, NO_RUNS, type RunMask, runCount, runsIn, type Spread } from './striping.ts';

/** Who is to take which runs. */
export interface StripePlan {
  readonly masks: ReadonlyMap<PeerId, RunMask>;
  /** Every missing copy of every run that can be had has a taker. */
  readonly isComplete: boolean;
}

interface Taker extends Candidate {
  load: Candidate['load'];
  /** What it is to take… */
  readonly runs: number[];
  /** … and that with what it has. */
  readonly has: Set<number>;
}

/**
 * Spreads the missing copies of a content's runs over the candidates: first copies first, each to the least loaded that has
 * the run neither now nor by this plan. Runs that no live peer has cannot be had, and are left out.
 *
 * @param candidates live peers that may take something; holders of the whole are none of them.
 * @param isNew the runs come from elsewhere: of each there are as many copies to be made as are wanted.
 */
export function planStripes(
  content: Spread,
  candidates: readonly Candidate[],
  { wanted, standing, isNew = false }: { wanted: number; standing: (peer: PeerId) => Standing; isNew?: boolean },
): StripePlan {
  const count = runCount(content.size);
  const runBytes = content.size / count;
  const spread = { ...content, parts: content.parts ?? new Map() };
  const copies = copiesOfRuns(spread, (peer) => standing(peer) !== 'gone');
  const live = copiesOfRuns(spread, (peer) => standing(peer) === 'live');
  const takers = candidates
    .filter((one) => !content.holders.includes(one.id) && hasRoom(one.load, runBytes))
    .map((one): Taker => ({ ...one, runs: [], has: new Set(runsIn(content.parts?.get(one.id) ?? NO_RUNS)) }));
  let isComplete = true;
  for (let level = 0; level < wanted; level++) {
    for (let run = 0; run < count; run++) {
      if (copies[run] !== level || (live[run] === 0 && !isNew)) continue;
      const taker = leastLoaded(takers, run, runBytes);
      if (taker === undefined) {
        isComplete = false;
        continue;
      }
      taker.runs.push(run);
      taker.has.add(run);
      taker.load = { ...taker.load, incomingBytes: taker.load.incomingBytes + runBytes };
      copies[run] = level + 1;
    }
  }
  const masks = takers.filter((one) => one.runs.length > 0).map((one) => [one.id, maskOf(one.runs)] as const);
  return { masks: new Map(masks), isComplete };
}

/** Gone through once and not sorted: an owner may plan for hundreds of contents in one turn. */
function leastLoaded(takers: readonly Taker[], run: number, runBytes: number): Taker | undefined {
  let least: Taker | undefined;
  for (const one of takers) {
    const isAble = !one.has.has(run) && hasRoom(one.load, runBytes);
    if (isAble && (least === undefined || byLoad(one, least) < 0)) least = one;
  }
  return least;
}

/** By what is in use now and by this plan; runs are no files, so that the rule of placement does not matter. */
function byLoad(a: Candidate, b: Candidate): number {
  return shareInUse(a.load) - shareInUse(b.load) || byCodeUnits(a.name, b.name) || byCodeUnits(a.id, b.id);
}
