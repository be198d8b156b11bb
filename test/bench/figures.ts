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
}

export function figureTable(figures: readonly Figure[]): string {
  const lines = figures.map(({ what, figure, goal }) => `| ${what} | ${figure} | ${goal} |`);
  return ['| what | measured | goal |', '| --- | --- | --- |', ...lines].join('\n');
}
