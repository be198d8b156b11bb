import { sleep } from './bench-mesh.ts';
import { syncAll } from './files.ts';
import type { Ground } from './ground.ts';
import { Reserve } from './reserve.ts';

/** Who takes part at rest uses less CPU than this in a second; on a busy machine it may never. */
const REST_CPU_MS = 100;
const REST_SECONDS = 2;
const REST_SECONDS_MAX = 30;

/** One of several that do the same job in turns. */
export interface Contender {
  readonly name: string;
  /** Off the clock: what the run needs. */
  prepare(run: number): Promise<void> | void;
  /** The job; resolves with its ms. */
  go(run: number): Promise<number>;
  /** CPU ms of all its processes so far. */
  cpuMs(): number;
  /** Off the clock: throws unless the receiver has the right bytes; what is in the way of the next run goes. */
  check(run: number): Promise<void> | void;
}

/** What one run came to. `wireBytes` is NaN where there are no cables. */
export interface Run {
  readonly ms: number;
  readonly cpuMs: number;
  readonly wireBytes: number;
}

/** What a contender came to in all its runs; with `failure` it did not end them. */
export interface Standing {
  readonly name: string;
  readonly runs: readonly Run[];
  readonly failure?: string;
}

export interface Rules {
  readonly ground: Ground;
  readonly runs: number;
  /** Memory held ready for each run: what the receivers write, and some more. */
  readonly memoryBytes: number;
  /** The host whose cable is counted, both ways. */
  readonly wireHost: number;
}

/** Lets all do the job in turns, A B A B, each run in the same condition. The first is ours: where it fails, so does all. */
export async function contest(contenders: readonly Contender[], rules: Rules): Promise<Standing[]> {
  const runs = new Map<Contender, Run[]>(contenders.map((one) => [one, []]));
  const failures = new Map<Contender, string>();
  const reserve = new Reserve(rules.memoryBytes);
  try {
    await reserve.hold();
    for (let run = 0; run < rules.runs; run++) {
      for (const one of contenders.filter((each) => !failures.has(each))) {
        try {
          await one.prepare(run);
          await atRest(contenders.filter((each) => !failures.has(each)));
          runs.get(one)?.push(await measured(one, run, rules, reserve));
        } catch (thrown) {
          if (one === contenders[0]) throw thrown;
          failures.set(one, firstLine(thrown));
        }
        // The pages the run has freed are there: to hold them now is cheap.
        await reserve.hold();
      }
    }
  } finally {
    await reserve.release();
  }
  return contenders.map((one) => {
    const failure = failures.get(one);
    return { name: one.name, runs: runs.get(one) ?? [], ...(failure === undefined ? {} : { failure }) };
  });
}

/** What went wrong, as it fits into a table. */
export function firstLine(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).trim().split('\n')[0] ?? '';
}

async function measured(one: Contender, run: number, { ground, wireHost }: Rules, reserve: Reserve): Promise<Run> {
  await syncAll();
  const cpuBefore = one.cpuMs();
  const wireBefore = ground.wireBytes(wireHost);
  await reserve.release();
  const ms = await one.go(run);
  const wireBytes = ground.wireBytes(wireHost) - wireBefore;
  const cpuMs = one.cpuMs() - cpuBefore;
  await one.check(run);
  return { ms, cpuMs, wireBytes };
}

/** Resolves when none of them does anything any more. */
async function atRest(contenders: readonly Contender[]): Promise<void> {
  const look = () => contenders.map(cpuMsIfAny);
  let quiet = 0;
  let before = look();
  for (let second = 0; quiet < REST_SECONDS && second < REST_SECONDS_MAX; second++) {
    await sleep(1000);
    const now = look();
    quiet = now.every((cpuMs, index) => cpuMs - (before[index] ?? 0) < REST_CPU_MS) ? quiet + 1 : 0;
    before = now;
  }
}

/** One that has died says so when its turn comes. */
function cpuMsIfAny(one: Contender): number {
  try {
    return one.cpuMs();
  } catch {
    return 0;
  }
}
