import { describe, expect, it } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import { compilePattern } from '../../src/core/glob.ts';

describe('a pattern of the command line', () => {
  it.each([
    ['notes.txt', 'notes.txt', true],
    ['notes.txt', 'a/notes.txt', false],
    ['photos', 'photos/2024/a.jpg', true],
    ['photos/', 'photos/a.jpg', true],
    ['photos', 'photos2/a.jpg', false],
    ['*.txt', 'a.txt', true],
    ['*.txt', 'deep/down/a.txt', true],
    ['*.txt', 'a.txt.bak', false],
    ['a/*.txt', 'a/b.txt', true],
    ['a/*.txt', 'a/b/c.txt', false],
    ['a/**/c.txt', 'a/c.txt', true],
    ['a/**/c.txt', 'a/b/b/c.txt', true],
    ['a/**', 'a/b/c', true],
    ['**/c', 'c', true],
    ['?.txt', '😀.txt', true],
    ['[a-c].txt', 'b.txt', true],
    ['[!a-c].txt', 'b.txt', false],
    ['*.{jpg,png}', 'x/y.png', true],
    ['*.{jpg,png}', 'y.gif', false],
    ['a[', 'a[', true],
  ])('%s held against %s: %s', (pattern, path, fits) => {
    expect(compilePattern(pattern)(path)).toBe(fits);
  });

  it('takes no more steps than pattern times path, whatever the pattern', () => {
    const test = compilePattern(`${'*a'.repeat(100)}b`);
    expect(test('a'.repeat(1000))).toBe(false);
  });

  it('refuses a bomb of braces', () => {
    expect(() => compilePattern('{a,b}'.repeat(20))).toThrow(MeshError);
  });
});
