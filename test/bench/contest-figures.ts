import type { Standing } from './contest.ts';
import { bounded, type Figure, median, seconds } from './figures.ts';

/** What is asked of ours in a contest; all are upper bounds. */
export interface Goals {
  /** Time of ours divided by that of the rival of this name. */
  readonly ratios?: Readonly<Record<string, number>>;
  readonly cpuSecondsPerGiB?: number;
  readonly wireBytes?: number;
  readonly ms?: number;
}

export interface Job {
  readonly what: string;
  /** Content that is to get to the other side, where CPU is told by its size. */
  readonly bytes?: number;
  readonly goals: Goals;
}

const MIB = 2 ** 20;

/** One line for each of a contest, then what ours is asked for. The first standing is ours. */
export function contestFigures(job: Job, standings: readonly Standing[]): Figure[] {
  const [ours, ...rivals] = standings as [Standing, ...Standing[]];
  const lines = standings.map((one): Figure => ({ what: `${job.what}: ${one.name}`, figure: figureOf(one, job), goal: '–' }));
  const ratios = rivals.filter(({ runs }) => runs.length > 0).map((rival) => ratioOf(job, ours, rival));
  return [...lines, ...ratios, ...ownFigures(job, ours)];
}

function figureOf({ runs, failure }: Standing, { bytes }: Job): string {
  if (runs.length === 0) return `not measured: ${failure ?? 'no run'}`;
  const times = runs.map(({ ms }) => ms);
  const cpuSeconds = median(runs.map(({ cpuMs }) => cpuMs)) / 1000;
  const cpu = bytes === undefined ? `${cpuSeconds.toFixed(1)} CPU s` : `${perGiB(cpuSeconds, bytes)} CPU s per GiB`;
  const wire = median(runs.map(({ wireBytes }) => wireBytes));
  const words = [
    `${seconds(median(times))} (${seconds(Math.min(...times))}–${seconds(Math.max(...times))} of ${times.length})`,
    cpu,
    ...(Number.isNaN(wire) ? [] : [`${(wire / MIB).toFixed(1)} MiB on the wire`]),
    ...(failure === undefined ? [] : [`then it failed: ${failure}`]),
  ];
  return words.join('; ');
}

function ratioOf({ what, goals }: Job, ours: Standing, rival: Standing): Figure {
  const [own, other] = [ours, rival].map(({ runs }) => median(runs.map(({ ms }) => ms))) as [number, number];
  const ratio = own / other;
  const goal = goals.ratios?.[rival.name];
  const line = { what: `${what}: ${ours.name} / ${rival.name}`, figure: ratio.toFixed(2) };
  return goal === undefined ? { ...line, goal: '–' } : { ...line, goal: `≤ ${goal}`, isMissed: !(ratio <= goal) };
}

function ownFigures({ what, bytes, goals }: Job, { name, runs }: Standing): Figure[] {
  const figures: Figure[] = [];
  const label = `${what}: ${name}`;
  if (goals.cpuSecondsPerGiB !== undefined && bytes !== undefined) {
    const cpu = Number(perGiB(median(runs.map(({ cpuMs }) => cpuMs)) / 1000, bytes));
    figures.push(bounded(`${label}, CPU s per GiB, both ends`, cpu, goals.cpuSecondsPerGiB, String));
  }
  if (goals.wireBytes !== undefined) {
    const wire = median(runs.map(({ wireBytes }) => wireBytes));
    const shown = (value: number) => (Number.isNaN(value) ? 'not measured: no cables' : `${(value / MIB).toFixed(2)} MiB`);
    const line = bounded(`${label}, on the wire, both ways`, wire, goals.wireBytes, shown);
    figures.push({ ...line, isMissed: wire > goals.wireBytes });
  }
  if (goals.ms !== undefined) figures.push(bounded(`${label}, time`, median(runs.map(({ ms }) => ms)), goals.ms, seconds));
  return figures;
}

function perGiB(cpuSeconds: number, bytes: number): string {
  return (cpuSeconds / (bytes / 2 ** 30)).toFixed(1);
}
