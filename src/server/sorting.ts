/** Rows put in place in one turn of the event loop: some 5 ms. Range 5,000–50,000. */
const ROWS_A_TURN = 20_000;

/**
 * The rows of all runs in one order: each run is in that order already. However many there are, no turn of the event loop is a
 * long one. `pause` resolves in a later turn.
 */
export async function mergeRuns<T>(
  runs: readonly T[][],
  compare: (a: T, b: T) => number,
  pause: () => Promise<void>,
): Promise<readonly T[]> {
  let left: readonly T[][] = runs;
  let placed = 0;
  while (left.length > 1) {
    const merged: T[][] = [];
    for (let first = 0; first < left.length; first += 2) {
      const a = left[first] as T[];
      const b = left[first + 1] ?? [];
      const rows: T[] = [];
      for (let i = 0, j = 0; i < a.length || j < b.length; ) {
        const isA = j >= b.length || (i < a.length && compare(a[i] as T, b[j] as T) <= 0);
        rows.push(isA ? (a[i++] as T) : (b[j++] as T));
        if (++placed % ROWS_A_TURN === 0) await pause();
      }
      merged.push(rows);
    }
    left = merged;
  }
  return left[0] ?? [];
}
