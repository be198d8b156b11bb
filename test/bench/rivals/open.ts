import { firstLine } from '../contest.ts';
import type { Figure } from '../figures.ts';

/** A rival that is wanted: `missing` tells why there can be none, `open` starts it on a ground, with which it ends. */
export interface Wish<T> {
  readonly name: string;
  readonly missing: string | undefined;
  open(): Promise<T>;
}

export interface Opened<T> {
  readonly rivals: readonly T[];
  /** A line for each that is not here, with the reason. */
  readonly skipped: readonly Figure[];
}

/** Starts all that can be started, one after the other. */
export async function openRivals<T>(...wishes: readonly Wish<T>[]): Promise<Opened<T>> {
  const rivals: T[] = [];
  const skipped: Figure[] = [];
  const skip = (what: string, why: string) => skipped.push({ what, figure: `skipped: ${why}`, goal: '–' });
  for (const { name, missing, open } of wishes) {
    if (missing !== undefined) {
      skip(name, missing);
      continue;
    }
    try {
      rivals.push(await open());
    } catch (thrown) {
      skip(name, `it did not start: ${firstLine(thrown)}`);
    }
  }
  return { rivals, skipped };
}
