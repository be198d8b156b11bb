import { describe, expect, it } from 'vitest';
import { counted, shownAge, shownSize, shownTable, shownText } from '../../src/cli/output.ts';
import { pagesOf } from '../../src/cli/pager.ts';

describe('what people read', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KiB'],
    [1536, '1.5 KiB'],
    [64 * 2 ** 20, '64 MiB'],
    [1023.9 * 2 ** 20, '1 GiB'],
    [3 * 2 ** 40, '3 TiB'],
  ])('%d bytes are %s', (bytes, shown) => {
    expect(shownSize(bytes)).toBe(shown);
  });

  it.each([
    [0, 'now'],
    [-5000, 'now'],
    [5000, '5 s'],
    [120_000, '2 min'],
    [2 * 3_600_000, '2 h'],
    [3 * 86_400_000, '3 d'],
    [900 * 86_400_000, '2 y'],
  ])('%d ms ago is %s', (ago, shown) => {
    expect(shownAge(1e12 - ago, 1e12)).toBe(shown);
  });

  it('lets no control or direction character of a name reach the terminal', () => {
    expect(shownText('a\u001b[31mb\u202ec\nd')).toBe('a\\u{1b}[31mb\\u{202e}c\\u{a}d');
    expect(shownText('naïve 📦 名.txt')).toBe('naïve 📦 名.txt');
    expect(shownText('👩‍💻')).toBe('👩‍💻');
  });

  it('aligns columns, right where asked', () => {
    const lines = shownTable(
      ['name', 'size'],
      [
        ['a', '10 B'],
        ['longer', '5 B'],
      ],
      [1],
    ).split('\n');
    expect(lines[1]?.indexOf('10 B')).toBe(lines[2]?.indexOf(' 5 B'));
    expect(lines.every((line) => line === line.trimEnd())).toBe(true);
  });

  it('counts in words', () => {
    expect([counted(0, 'file'), counted(1, 'file'), counted(2, 'file')]).toEqual(['0 files', '1 file', '2 files']);
  });
});

describe('pages', () => {
  it.each([
    [['a', 'b'], { rows: 3, columns: 10 }, [['a', 'b']]],
    [['a', 'b', 'c'], { rows: 3, columns: 10 }, [['a', 'b'], ['c']]],
    [['a', 'x'.repeat(11), 'c'], { rows: 3, columns: 10 }, [['a'], ['x'.repeat(11)], ['c']]],
    [['x'.repeat(99), 'b'], { rows: 2, columns: 10 }, [['x'.repeat(99)], ['b']]],
  ])('%j on %j', (lines, size, pages) => {
    expect(pagesOf(lines, size)).toEqual(pages);
  });
});
