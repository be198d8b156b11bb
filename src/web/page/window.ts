/** Which rows of a long list are drawn: those in sight and a few around, so that a list of any length costs the same. */

/** Rows drawn beyond either edge: a turn of the wheel shows no blank. */
export const SPARE_ROWS = 12;

export interface DrawnRows {
  /** First row drawn, and the row after the last. */
  readonly from: number;
  readonly to: number;
}

/** `top`: pixels scrolled past the first row. `spare`: rows drawn beyond either edge. */
export function drawnRows(count: number, rowPixels: number, top: number, viewPixels: number, spare = SPARE_ROWS): DrawnRows {
  const first = Math.floor(Math.max(0, top) / rowPixels);
  const inView = Math.ceil(viewPixels / rowPixels) + 1;
  const from = Math.max(0, Math.min(count, first) - spare);
  return { from, to: Math.min(count, first + inView + spare) };
}

/** Where to scroll so that a row is in sight: as little as possible. */
export function scrolledTo(row: number, rowPixels: number, top: number, viewPixels: number): number {
  const start = row * rowPixels;
  if (start < top) return start;
  return start + rowPixels > top + viewPixels ? start + rowPixels - viewPixels : top;
}
