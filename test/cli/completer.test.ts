import { describe, expect, test } from 'vitest';
import { completeLine, NameCache, nextParts } from '../../src/cli/completer.ts';
import type { Session } from '../../src/client/session.ts';
import type { Reply } from '../../src/wire/calls.ts';

const here = import.meta.dirname;

/** Only what completion asks of a session: one page of names. */
function sessionWith(names: readonly string[]): { session: Session; asked: () => number } {
  let asked = 0;
  const call = async (): Promise<{ reply: Reply<'list'> }> => {
    asked++;
    const entries = names.map((path) => ({ path, contents: [], base: [], wanted: 2 }));
    return { reply: { entries, more: false, next: '' } as unknown as Reply<'list'> };
  };
  return { session: { call } as unknown as Session, asked: () => asked };
}

describe('completion', () => {
  const { session, asked } = sessionWith(['a b.txt', 'alpha.txt', 'docs/one', 'docs/two/x']);
  const cache = new NameCache();

  test.each([
    ['do', [['download '], 'do']],
    ['re', [['rename ', 'resolve ', 'restore ', 'remove ', 'resume '], 're']],
    ['where al', [['alpha.txt '], 'al']],
    ['where "a ', [['"a b.txt" '], '"a ']],
    ['delete do', [['docs/'], 'do']],
    ['delete docs/', [['docs/one ', 'docs/two/'], 'docs/']],
    ['download alpha.txt --t', [['--to '], '--t']],
    ['upload a --to al', [['alpha.txt '], 'al']],
    ['create al', [['alpha.txt '], 'al']],
    [`create new ${here}/completer`, [[`${here}/completer.test.ts `], `${here}/completer`]],
    [`download alpha.txt --to ${here}/completer`, [[`${here}/completer.test.ts `], `${here}/completer`]],
    ['peers x', [[], 'x']],
    ['nope x', [[], 'x']],
  ])('of %j is %j', async (line, expected) => {
    expect(await completeLine(line, session, cache)).toEqual(expected);
  });

  test('of what a program around the shell adds: its commands, their own words, and in help', async () => {
    const kill = { name: 'kill', words: 'NAME', count: { min: 1, max: 1 }, describe: '', options: {} };
    const more = [{ ...kill, candidates: () => ['alpha', 'bravo'] }];
    expect(await completeLine('ki', session, cache, more)).toEqual([['kill '], 'ki']);
    expect(await completeLine('kill br', session, cache, more)).toEqual([['bravo '], 'br']);
    expect(await completeLine('help ki', session, cache, more)).toEqual([['kill '], 'ki']);
  });

  test('asks for the names once between two commands', async () => {
    const before = asked();
    await completeLine('where a', session, cache);
    expect(asked()).toBe(before);
    cache.forget();
    await completeLine('where a', session, cache);
    expect(asked()).toBe(before + 1);
  });

  test('goes one folder at a time', () => {
    expect(nextParts(['a/b/c', 'a/b/d', 'a/e', 'f'], 'a/')).toEqual(['a/b/', 'a/e']);
  });
});
