import { describe, expect, it } from 'vitest';
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

  it('needs one star for a run of stars and question marks', () => {
    expect(compilePattern('*'.repeat(800)).stepsPerCharacter).toBeLessThan(5);
    expect(compilePattern(`${'*'.repeat(800)}/*`).stepsPerCharacter).toBeLessThan(8);
    expect(compilePattern('*?'.repeat(100)).stepsPerCharacter).toBeLessThan(105);
  });

  it('means the same with fewer stars', () => {
    const parts = ['*', '*', '?', '**', 'a', '/', '[ab]', '[!a]'];
    const expressions: Record<string, string> = {
      '*': '[^/]*',
      '?': '[^/]',
      '**': '.*',
      '[ab]': '[ab]',
      '[!a]': '[^/a]',
    };
    // A small congruential generator: the same patterns at each run.
    let seed = 1;
    const draw = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const several = (from: readonly string[], most: number) =>
      Array.from({ length: 1 + draw(most) }, () => from[draw(from.length)] as string);
    for (let round = 0; round < 3_000; round++) {
      const pattern = several(parts, 9);
      // Three stars in a row are read as two and one; two and a slash as one word; without a slash only the last component counts.
      const text = `/${pattern.join('').replaceAll('**/', '**a/').replace(/\/+$/, '')}b`;
      const words = text.match(/\*\*|\[!?ab+\]|\[!a\]|./g) ?? [];
      const expression = new RegExp(`^${words.map((word) => expressions[word] ?? word).join('')}$`);
      const test = compilePattern(text);
      for (let path = 0; path < 20; path++) {
        const subject = `/${several(['a', 'b', '/', 'ab'], 7).join('')}b`;
        if (/[*?[]/.test(text)) expect(test(subject), `${text} held against ${subject}`).toBe(expression.test(subject));
      }
    }
  });

  it('refuses a bomb of braces', () => {
    for (const bomb of [
      '{a,b}'.repeat(20),
      '{a}'.repeat(300),
      `{${','.repeat(100)}}`,
      `${'*a'.repeat(300)}${'{a,b}'.repeat(6)}`,
      '*'.repeat(2_000),
    ]) {
      expect(() => compilePattern(bomb), bomb).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});
