import { describe, expect, it } from 'vitest';
import { pagesOf } from '../../src/cli/pager.ts';
import { cutToWidth, shownWidth, wrapToWidth } from '../../src/cli/shown-width.ts';

describe('columns of a terminal', () => {
  it.each([
    ['plain.txt', 9],
    ['naïve', 5],
    ['nai\u0308ve', 5],
    ['日本語', 6],
    ['한글', 4],
    ['ｆｕｌｌ', 8],
    ['📦.txt', 6],
    ['👩‍💻', 4],
    ['𠀀', 2],
    ['⚠️', 2],
  ])('%j takes %d', (text, columns) => {
    expect(shownWidth(text)).toBe(columns);
  });

  it('cuts before the character that does not fit, and never in the middle of one', () => {
    expect(cutToWidth('日本語', 5)).toBe('日本');
    expect(cutToWidth('a📦b', 2)).toBe('a');
    expect(cutToWidth('abc', 3)).toBe('abc');
  });

  it('wraps at blanks, and leaves a long word whole', () => {
    expect(wrapToWidth('enter with: filemesh up --join home/able-wagon-river', 20)).toBe(
      'enter with: filemesh\nup --join\nhome/able-wagon-river',
    );
    expect(wrapToWidth('  1. the firewall\nx', 12)).toBe('  1. the\nfirewall\nx');
  });

  it('counts the rows of wide names when it pages', () => {
    expect(pagesOf(['日本語日本語', 'a', 'b'], { rows: 4, columns: 10 })).toEqual([['日本語日本語', 'a'], ['b']]);
  });
});
