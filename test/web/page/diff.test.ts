import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiffRow, diffRows } from '../../../src/web/page/diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 });
const sideOf = (rows: readonly DiffRow[], side: 'left' | 'right') => rows.flatMap((row) => (row[side] ? [row[side]] : []));
/** As a file that ends its last line. */
const textOf = (parts: readonly string[]) => parts.map((line) => `${line}\n`).join('');

describe('two texts beside each other', () => {
  it('show every line of both, in order, and pair only equal ones', () => {
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const rows = diffRows(textOf(a), textOf(b));
        expect(sideOf(rows, 'left')).toEqual(a.map((line, index) => [index + 1, line]));
        expect(sideOf(rows, 'right')).toEqual(b.map((line, index) => [index + 1, line]));
        for (const row of rows) if (row.kind === 'same') expect(row.left?.[1]).toBe(row.right?.[1]);
      }),
    );
  });

  it('finds the fewest edits', () => {
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const same = diffRows(textOf(a), textOf(b)).filter((row) => row.kind === 'same').length;
        expect(same).toBe(longestCommon(a, b));
      }),
    );
  });

  it('puts a changed line beside its old self', () => {
    expect(diffRows('one\ntwo\nthree\n', 'one\n2\nthree\n')).toEqual([
      { kind: 'same', left: [1, 'one'], right: [1, 'one'] },
      { kind: 'changed', left: [2, 'two'], right: [2, '2'] },
      { kind: 'same', left: [3, 'three'], right: [3, 'three'] },
    ]);
  });

  it('takes texts that have nothing in common, and ends', () => {
    const rows = diffRows(
      textOf(Array.from({ length: 4000 }, (_, i) => `a${i}`)),
      textOf(Array.from({ length: 4000 }, (_, i) => `b${i}`)),
    );
    expect(rows).toHaveLength(4000);
  });
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const x of a) {
    const next = [0];
    for (const [index, y] of b.entries()) {
      next.push(x === y ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
