import type { Clock } from '../platform/clock.ts';

/** How many are asked at once, and how long all together may take. */
export interface FirstOfLimits {
  readonly clock: Clock;
  readonly atOnceMax: number;
  readonly deadlineMs: number;
}

/**
 * What the first gives that gives anything: some are asked at once, in order, and one more for each that gives nothing or fails.
 * Undefined when none gave anything by the deadline. Whoever answers later is not heard.
 */
export function firstOf<Item, Result>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Result | undefined>,
  { clock, atOnceMax, deadlineMs }: FirstOfLimits,
): Promise<Result | undefined> {
  return new Promise((resolve) => {
    let next = 0;
    const end = (result: Result | undefined): void => {
      next = items.length;
      timer.cancel();
      resolve(result);
    };
    const timer = clock.after(deadlineMs, () => end(undefined));
    const hand = async (): Promise<void> => {
      while (next < items.length) {
        const result = await ask(items[next++] as Item).catch(() => undefined);
        if (result !== undefined) return end(result);
      }
    };
    void Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, hand)).then(() => end(undefined));
  });
}
