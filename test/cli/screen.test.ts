import { expect, test } from 'vitest';
import { fitted } from '../../src/cli/screen.ts';

const TEXT = 'filemesh: no peer answers (none was seen on this network); start one with "filemesh up"';

test('words are broken at blanks where a terminal is narrower, and never for a program', () => {
  const lines = fitted(TEXT, { isTTY: true, columns: 40 }).split('\n');
  expect(lines.every((line) => line.length < 40)).toBe(true);
  expect(lines.join(' ')).toBe(TEXT);
  expect(fitted(TEXT, { isTTY: false, columns: 40 })).toBe(TEXT);
  expect(fitted(TEXT, { isTTY: true, columns: 0 })).toBe(TEXT);
});
