import type { Figure } from './figures.ts';

/** How large the measurements are: `full` is what counts, `small` is for trying the harness. */
export interface Scale {
  readonly isFull: boolean;
  /** Times a thing is done. */
  runs(full: number): number;
  /** Files in a measurement of many. */
  files(full: number): number;
  /** Bytes of a large file. */
  bytes(full: number): number;
}

/** One measurement. Tells its figures; whatever it started is gone when it resolves. */
export type Part = (scale: Scale) => Promise<Figure[]>;

const SMALL = { runs: 3, files: 1000, bytes: 64 * 2 ** 20 };

export function scaleOf(isFull: boolean): Scale {
  const cut = (most: number) => (full: number) => (isFull ? full : Math.min(full, most));
  return { isFull, runs: cut(SMALL.runs), files: cut(SMALL.files), bytes: cut(SMALL.bytes) };
}
