/** The middle one of some values; NaN of none. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that `part` (0…1) of the values do not exceed, by nearest rank. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function worst(values: readonly number[]): number {
  return Math.max(...values);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

/** Median and worst of some times in ms, with their number. */
export function spread(times: readonly number[]): string {
  return `${seconds(median(times))} (worst ${seconds(worst(times))} of ${times.length})`;
}

/** One line of the table: what was measured, what it came to, what it should be. */
export interface Figure {
  readonly what: string;
  readonly figure: string;
  readonly goal: string;
  /** True: the goal was not reached. */
  readonly isMissed?: boolean;
}

/** A line whose goal is an upper bound: of `value`, as `shown` tells it. */
export function bounded(
  what: string,
  value: number,
  most: number,
  shown: (value: number) => string,
  figure = shown(value),
): Figure {
  return { what, figure, goal: `≤ ${shown(most)}`, isMissed: !(value <= most) };
}

/** The goal, and aloud when it was not reached. */
export function verdict({ goal, isMissed }: Figure): string {
  return isMissed === true ? `${goal} – **missed**` : goal;
}

export function figureTable(figures: readonly Figure[]): string {
  const lines = figures.map((one) => `| ${one.what} | ${one.figure} | ${verdict(one)} |`);
  return ['| what | measured | goal |', '| --- | --- | --- |', ...lines].join('\n');
}
