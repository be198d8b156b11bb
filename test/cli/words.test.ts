import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLine, typed, wordsOf } from '../../src/cli/words.ts';

describe('a line of the shell', () => {
  it.each([
    ['', []],
    ['   ', []],
    ['show', ['show']],
    ['download  a b', ['download', 'a', 'b']],
    ['delete "a b.txt"', ['delete', 'a b.txt']],
    ["delete 'it\"s'", ['delete', 'it"s']],
    ['delete a\\ b', ['delete', 'a b']],
    ['delete "say \\"hi\\""', ['delete', 'say "hi"']],
    ['delete "c:\\n"', ['delete', 'c:\\n']],
    ["delete 'a\\b'", ['delete', 'a\\b']],
    ['x ""', ['x', '']],
    ['a\'b\'c"d"', ['abcd']],
    ['tail\\', ['tail\\']],
  ])('%j has the words %j', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  it.each(['show "a', "show 'a b"])('%j is refused: its quote is open', (line) => {
    expect(() => wordsOf(line)).toThrow(/not closed/);
  });

  it('tells completion where the last word begins and which quote is open', () => {
    expect(splitLine('download "my fi')).toEqual({ words: ['download', 'my fi'], last: 'my fi', lastStart: 9, openQuote: '"' });
    expect(splitLine('download ')).toEqual({ words: ['download'], last: '', lastStart: 9, openQuote: '' });
  });

  it('reads back whatever it says is to be typed', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(wordsOf(words.map(typed).join(' '))).toEqual(words);
      }),
    );
  });
});
