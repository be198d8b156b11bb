import { chunkAt } from './chunking.ts';
import type { PeerId } from './ids.ts';
import type { Range } from './range.ts';

/** Runs of a striped content at most: a record tells them in one mask of 64 bits. */
const RUNS_MAX = 64;
/** … and at least: whoever has one or two of few peers' disks lacks parts, and the load of one content is shared. */
const RUNS_MIN = 4;
/** A run of a content large enough for RUNS_MAX of them has at least so many bytes: the longest chunk of a small content. */
const RUN_BYTES_MIN = 256 * 1024;
const MASK_DIGITS = 16;
/** A content smaller than this is not striped for want of room: it would be many calls for little. In bytes. */
export const STRIPE_BYTES_MIN = 1024 * 1024;

/** A manifest of a striped content is no larger: at 8 MiB a chunk it is that of 4 TiB. In bytes. */
export const STRIPED_MANIFEST_BYTES_MAX = 20 * 1024 * 1024;

/** Which runs of a content: 64 bits as 16 hex digits, run 0 the lowest. */
export type RunMask = string;

export const NO_RUNS: RunMask = '0'.repeat(MASK_DIGITS);
export const ALL_RUNS: RunMask = 'f'.repeat(MASK_DIGITS);

/** Runs of a content of `size` bytes: a function of the size alone. At least RUNS_MIN where there are so many bytes, and each has some. */
export function runCount(size: number): number {
  if (size < RUNS_MIN) return Math.max(1, size);
  return Math.max(RUNS_MIN, Math.min(RUNS_MAX, Math.floor(size / RUN_BYTES_MIN)));
}

/**
 * Where the runs end, in bytes, the last at `size`. A run has the chunks that begin in its share of the content, so that it
 * is made of whole chunks and can be verified by the manifest alone. `chunkEnds`: of all chunks, in bytes, in order.
 */
export function runEnds(chunkEnds: ArrayLike<number>, size: number): number[] {
  const count = runCount(size);
  const last = chunkEnds.length - 1;
  return Array.from({ length: count }, (_, run) => {
    const share = Math.floor(((run + 1) * size) / count);
    // The first chunk that ends there or behind it; the next one begins in the share of another run.
    const chunk = run === count - 1 ? last : chunkAt(chunkEnds, share - 1);
    return chunk >= last ? size : (chunkEnds[chunk] as number);
  });
}

/** The bytes of one run. */
export function rangeOfRun(ends: readonly number[], run: number): Range {
  const offset = run === 0 ? 0 : (ends[run - 1] ?? 0);
  return { offset, length: (ends[run] ?? offset) - offset };
}

/** The run that has all of these bytes, and its own; undefined: no single one has. */
export function runAround(ends: readonly number[], { offset, length }: Range): { run: number; range: Range } | undefined {
  const run = ends.findIndex((end) => end > offset);
  return run < 0 || offset + length > (ends[run] ?? 0) ? undefined : { run, range: rangeOfRun(ends, run) };
}

/** The bytes of all runs of `mask`, in order; runs that touch are one range. */
export function rangesOf(ends: readonly number[], mask: RunMask): Range[] {
  const ranges: Range[] = [];
  for (const run of runsIn(mask)) {
    if (run >= ends.length) break;
    const { offset, length } = rangeOfRun(ends, run);
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset) {
      ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
    } else ranges.push({ offset, length });
  }
  return ranges;
}

/** The runs of a mask, in order. */
export function runsIn(mask: RunMask): number[] {
  const runs: number[] = [];
  for (let bits = BigInt(`0x${mask}`), run = 0; bits !== 0n; bits >>= 1n, run++) if ((bits & 1n) === 1n) runs.push(run);
  return runs;
}

export function maskOf(runs: Iterable<number>): RunMask {
  let bits = 0n;
  for (const run of runs) bits |= 1n << BigInt(run);
  return masked(bits);
}

export function hasRun(mask: RunMask, run: number): boolean {
  return ((BigInt(`0x${mask}`) >> BigInt(run)) & 1n) === 1n;
}

/** Whether these are all runs of a content of `size` bytes. */
export function hasAllRuns(size: number, mask: RunMask): boolean {
  const count = runCount(size);
  return runsIn(mask).filter((run) => run < count).length === count;
}

export function unionOf(a: RunMask, b: RunMask): RunMask {
  return masked(BigInt(`0x${a}`) | BigInt(`0x${b}`));
}

/** The runs of `a` that are not in `b`. */
export function withoutRuns(a: RunMask, b: RunMask): RunMask {
  return masked(BigInt(`0x${a}`) & ~BigInt(`0x${b}`));
}

/** Bytes of a mask's runs, as well as the size alone tells: off by a chunk each at most. */
export function bytesOfRuns(size: number, mask: RunMask): number {
  const count = runCount(size);
  return mask === NO_RUNS ? 0 : Math.round((size * runsIn(mask).filter((run) => run < count).length) / count);
}

/** Who has a content: all of it, or runs. `parts` is there once somebody announced runs: from then on it is a striped one. */
export interface Spread {
  readonly size: number;
  readonly holders: readonly PeerId[];
  readonly parts?: ReadonlyMap<PeerId, RunMask>;
}

/** Copies by those who count: of a striped content as many as its rarest run has. */
export function copiesOf(content: Spread, counts: (peer: PeerId) => boolean): number {
  // Nearly all contents are whole, and all are looked at in every sweep.
  return content.parts === undefined ? content.holders.filter(counts).length : Math.min(...copiesOfRuns(content, counts));
}

/** Copies of each run; one number for a content that is not striped. */
export function copiesOfRuns({ size, holders, parts }: Spread, counts: (peer: PeerId) => boolean): number[] {
  const whole = holders.filter(counts).length;
  if (parts === undefined) return [whole];
  const copies = new Array<number>(runCount(size)).fill(whole);
  for (const [peer, mask] of parts) {
    if (!counts(peer)) continue;
    for (const run of runsIn(mask)) if (run < copies.length) copies[run] = (copies[run] ?? 0) + 1;
  }
  return copies;
}

/** All who have something of it, whole holders first. */
export function keepersOf({ holders, parts }: Spread): readonly PeerId[] {
  if (parts === undefined) return holders;
  // Who told of it and has no run of it keeps nothing.
  return [...holders, ...[...parts].filter(([, mask]) => mask !== NO_RUNS).map(([peer]) => peer)];
}

function masked(bits: bigint): RunMask {
  return bits.toString(16).padStart(MASK_DIGITS, '0');
}
