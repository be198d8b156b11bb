import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8';

/**
 * Room the heap may grow by before rubbish is collected, in bytes and at least in percent of what lives in it. V8 alone
 * takes up to 300 percent: with the 100,000 files of one peer that is twice the memory for no speed worth it. Bytes outside
 * the heap, of a file that passes through, count too: with fewer of them a transfer is mostly collections. Range 8–64 MiB.
 */
const GROWTH_BYTES = 24 * 1024 * 1024;
const GROWTH_PERCENT_MIN = 20;
const GROWTH_PERCENT_MAX = 300;

/**
 * Bytes of the part of the heap in which objects begin. V8 lets it grow to eight times that and keeps it so; a smaller one
 * is also collected in shorter pauses. Range 2–32 MiB, a power of two.
 */
const YOUNG_BYTES = 4 * 1024 * 1024;

/**
 * Work a function does before it is compiled for speed, in the engine's own unit (its default is 67,584). A peer has bursts of
 * a few seconds: by the default it spends as much on compiling as on the work, for functions that are hardly used again.
 * Range 65,000–1,000,000: above, what is hot stays slow for too long.
 */
const WORK_BEFORE_COMPILING = 540_672;

/**
 * Lets the engine help itself less, in this process and its threads: compile later, and collect young rubbish without other
 * threads, which on a machine with something to do only wait for one another. Call early.
 */
export function spareTheCores(): void {
  setFlagsFromString(`--interrupt-budget=${WORK_BEFORE_COMPILING}`);
  setFlagsFromString('--no-parallel-scavenge');
}

/** Lets the heap of this process stay near what lives in it: a peer shares its machine. Call before much is allocated. */
export function keepHeapSmall(): void {
  growBy(getHeapStatistics().used_heap_size);
  // Its limit can be set only before a process starts, but by how much it grows at any time. Each new thread sets that back.
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const isGrown = young !== undefined && young.space_size >= YOUNG_BYTES;
    setFlagsFromString(`--semi-space-growth-factor=${isGrown ? 1 : 2}`);
    growBy(getHeapStatistics().used_heap_size);
  }).observe({ entryTypes: ['gc'] });
}

function growBy(livingBytes: number): void {
  const percent = Math.round((100 * GROWTH_BYTES) / livingBytes);
  setFlagsFromString(`--heap-growing-percent=${Math.min(GROWTH_PERCENT_MAX, Math.max(GROWTH_PERCENT_MIN, percent))}`);
}
