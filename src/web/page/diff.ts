/** Two texts beside each other, by lines (Myers 1986). */

export interface DiffRow {
  readonly kind: 'same' | 'changed';
  /** The line and its number from 1; undefined: that side has none here. */
  readonly left?: readonly [number, string];
  readonly right?: readonly [number, string];
}

/** Lines of one text: what a person reads in a page, and what the search for differences takes in a moment. */
const DIFF_LINES_MAX = 5_000;
/** Edits searched for; texts that differ in more are shown as wholly different. */
const EDITS_MAX = 600;

/** Rows of both texts, top to bottom. Lines beyond `DIFF_LINES_MAX` are left out. */
export function diffRows(left: string, right: string): DiffRow[] {
  const a = linesOf(left);
  const b = linesOf(right);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const pairs = commonLines(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const same = [
    ...Array.from({ length: start }, (_, index) => [index, index] as const),
    ...pairs.map(([x, y]) => [x + start, y + start] as const),
    ...Array.from({ length: end }, (_, index) => [a.length - end + index, b.length - end + index] as const),
  ];
  return rowsOf(a, b, same);
}

function linesOf(text: string): string[] {
  const lines = text.replace(/\r\n/g, '\n').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(0, DIFF_LINES_MAX);
}

/** Pairs of equal lines, increasing on both sides, as many as the fewest edits leave. */
function commonLines(a: readonly string[], b: readonly string[]): [number, number][] {
  const reach = new Map<number, number>([[1, 0]]);
  const steps: Map<number, number>[] = [];
  for (let edits = 0; edits <= Math.min(EDITS_MAX, a.length + b.length); edits += 1) {
    steps.push(new Map(reach));
    for (let k = -edits; k <= edits; k += 2) {
      let x = isDown(reach, k, edits) ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkedBack(steps, a.length, b.length);
    }
  }
  return [];
}

function isDown(reach: ReadonlyMap<number, number>, k: number, edits: number): boolean {
  return k === -edits || (k !== edits && (reach.get(k - 1) ?? 0) < (reach.get(k + 1) ?? 0));
}

function walkedBack(steps: readonly ReadonlyMap<number, number>[], aLength: number, bLength: number): [number, number][] {
  const pairs: [number, number][] = [];
  let [x, y] = [aLength, bLength];
  for (let edits = steps.length - 1; edits >= 0; edits -= 1) {
    const reach = steps[edits] as ReadonlyMap<number, number>;
    const k = x - y;
    const before = isDown(reach, k, edits) ? k + 1 : k - 1;
    const [beforeX, beforeY] = edits === 0 ? [0, 0] : [reach.get(before) ?? 0, (reach.get(before) ?? 0) - before];
    while (x > beforeX && y > beforeY) {
      x -= 1;
      y -= 1;
      pairs.push([x, y]);
    }
    [x, y] = [beforeX, beforeY];
  }
  return pairs.reverse();
}

function rowsOf(a: readonly string[], b: readonly string[], same: readonly (readonly [number, number])[]): DiffRow[] {
  const rows: DiffRow[] = [];
  let [x, y] = [0, 0];
  for (const [nextX, nextY] of same) {
    rows.push(...changedRows(a.slice(x, nextX), b.slice(y, nextY), x, y));
    rows.push({ kind: 'same', left: [nextX + 1, a[nextX] as string], right: [nextY + 1, b[nextY] as string] });
    [x, y] = [nextX + 1, nextY + 1];
  }
  rows.push(...changedRows(a.slice(x), b.slice(y), x, y));
  return rows;
}

/** Lines that only one side has, beside each other as far as there are any; `x` and `y`: lines before them. */
function changedRows(left: readonly string[], right: readonly string[], x: number, y: number): DiffRow[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => ({
    kind: 'changed' as const,
    ...(index < left.length && { left: [x + index + 1, left[index] as string] as const }),
    ...(index < right.length && { right: [y + index + 1, right[index] as string] as const }),
  }));
}
