import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * Room the heap may grow by, in percent of what lives in it, before rubbish is collected. V8 alone takes up to 300: with
 * the 100,000 files of one peer that is twice the memory for no speed worth it. Range 10–100.
 */
const HEAP_GROWTH_PERCENT = 20;

/**
 * Bytes of the part of the heap in which objects begin. V8 lets it grow to eight times that and keeps it so; a smaller one
 * is also collected in shorter pauses. Range 2–32 MiB, a power of two.
 */
const YOUNG_BYTES = 4 * 1024 * 1024;

/** Lets the heap of this process stay near what lives in it: a peer shares its machine. Call before much is allocated. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  // Its limit can be set only before a process starts, but by how much it grows at any time. Each new thread sets that back.
  new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const isGrown = young !== undefined && young.space_size >= YOUNG_BYTES;
    setFlagsFromString(`--semi-space-growth-factor=${isGrown ? 1 : 2}`);
  }).observe({ entryTypes: ['gc'] });
}
