import { fork } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { huntAll } from './planted.ts';
import { runSeed, type SeedResult } from './seed.ts';
import { armTripwires } from './tripwires.ts';

/** Every so many seeds one is run twice: it must be the same history. */
const TWICE_EVERY = 50;
const FAILURES_FILE = 'sim-failures.txt';
/** Exit codes: a promise broken; one seed with two histories. */
const FAILED = 1;
const NONDETERMINISTIC = 2;

/** What a child sends for each seed. */
interface Report {
  readonly result: SeedResult;
  /** Another hash at the second run. */
  readonly otherHash?: string;
}

/** The lines a failing seed leaves. */
export function failureLines({ seed, hash, findings, plan, lines }: SeedResult, lineCount = 200): string {
  const words = findings.map(
    ({ invariant, words }) =>
      `SIM FAIL inv=${invariant} seed=${seed} node=${process.version} hash=${hash} "${words}" | reproduce: make sim SEED=${seed}`,
  );
  return [...words, `  ${plan}`, ...lines.slice(-lineCount).map((line) => `  | ${line}`)].join('\n');
}

async function runOne(seed: number, isTwice: boolean, keepAllLines = false): Promise<Report> {
  const result = await runSeed(seed, { keepAllLines });
  if (!isTwice) return { result };
  const again = await runSeed(seed, { keepAllLines });
  return again.hash === result.hash ? { result } : { result, otherHash: again.hash };
}

/** Child: runs the seeds it is sent, one by one. */
function work(): void {
  armTripwires();
  process.on('message', (seed: number) => {
    runOne(seed, seed % TWICE_EVERY === 0).then(
      (report) =>
        process.send?.({
          ...report,
          result: { ...report.result, lines: report.result.findings.length > 0 ? report.result.lines : [] },
        }),
      (thrown: unknown) => {
        throw thrown;
      },
    );
  });
}

/** Runs seeds first…last over all cores; hands each report on as it comes. */
export function runSeeds(first: number, last: number, seen: (report: Report) => boolean): Promise<void> {
  const file = fileURLToPath(import.meta.url);
  let next = first;
  const children = Math.min(availableParallelism(), last - first + 1);
  const running = Array.from({ length: children }, () => {
    const child = fork(file, ['--worker'], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    return new Promise<void>((resolve, reject) => {
      const feed = () => {
        if (next <= last) child.send(next++);
        else child.disconnect();
      };
      child.on('message', (report: Report) => {
        if (!seen(report)) next = last + 1;
        feed();
      });
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a simulating process ended with ${code}`))));
      feed();
    });
  });
  return Promise.all(running).then(() => undefined);
}

async function manySeeds(first: number, count: number, mustStop: boolean): Promise<number> {
  const beganMs = Date.now();
  const sum = { seeds: 0, virtualMs: 0, events: 0, acknowledged: 0, failed: [] as number[], twofold: [] as number[] };
  await runSeeds(first, first + count - 1, ({ result, otherHash }) => {
    sum.seeds += 1;
    sum.virtualMs += result.virtualMs;
    sum.events += result.events;
    sum.acknowledged += result.acknowledged;
    if (otherHash !== undefined) {
      sum.twofold.push(result.seed);
      console.log(
        `SIM NONDETERMINISM seed=${result.seed} hash=${result.hash} then ${otherHash} | reproduce: make sim SEED=${result.seed}`,
      );
    }
    if (result.findings.length > 0) {
      sum.failed.push(result.seed);
      console.log(failureLines(result, 0));
      appendFileSync(FAILURES_FILE, `${failureLines(result)}\n`);
    }
    if (sum.seeds % TWICE_EVERY === 0) console.log(`${sum.seeds} of ${count} seeds, ${sum.failed.length} failed`);
    return !(mustStop && sum.failed.length > 0);
  });
  const seconds = ((Date.now() - beganMs) / 1000).toFixed(1);
  console.log(
    `${sum.seeds} seeds, ${(sum.virtualMs / 3_600_000).toFixed(1)} virtual hours, ${sum.events} events, ` +
      `${sum.acknowledged} acknowledged changes, ${sum.failed.length} failed, ${seconds} s`,
  );
  if (sum.failed.length > 0) console.log(`failed: ${sum.failed.sort((a, b) => a - b).join(' ')}`);
  if (sum.twofold.length > 0) return NONDETERMINISTIC;
  return sum.failed.length > 0 ? FAILED : 0;
}

async function oneSeed(seed: number): Promise<number> {
  const disarm = armTripwires();
  const { result, otherHash } = await runOne(seed, true, true);
  disarm();
  console.log(failureLines(result, result.lines.length));
  console.log(
    `seed ${seed}: ${result.findings.length} findings, hash ${result.hash}, ${(result.virtualMs / 1000).toFixed(0)} virtual s, ` +
      `${result.events} events, ${result.acknowledged} acknowledged changes`,
  );
  if (otherHash !== undefined) {
    console.log(`SIM NONDETERMINISM seed=${seed} hash=${result.hash} then ${otherHash}`);
    return NONDETERMINISTIC;
  }
  return result.findings.length > 0 ? FAILED : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      bug: { type: 'string' },
      first: { type: 'string' },
      stop: { type: 'boolean' },
    },
  });
  if (values.bug !== undefined) return huntAll(values.bug) ? 0 : FAILED;
  if (values.seed !== undefined) return await oneSeed(Number(values.seed));
  const first = Number(values.first ?? process.env.FIRST_SEED ?? 1);
  return await manySeeds(first, Number(values.seeds ?? 200), values.stop ?? false);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--worker')) work();
  else process.exitCode = await main();
}
