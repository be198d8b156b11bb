import { describe, expect, test } from 'vitest';
import { shownFile, whereResult } from '../../src/client/results.ts';
import type { Entry } from '../../src/wire/calls.ts';

/** A file in conflict, its holders told in these orders. */
function entryOf(...holders: readonly (readonly string[])[]): Entry {
  const contents = holders.map((names, index) => ({
    hash: `${index}`.repeat(64),
    size: 1,
    modified: 0,
    mode: 0o644,
    origin: `origin ${index}`,
    copies: names.length,
    holders: names.map((name) => ({ id: name, name, live: true })),
  }));
  return { path: 'a', base: [], wanted: 2, contents } as unknown as Entry;
}

describe('what is shown of a file', () => {
  test('is the same whichever order a peer tells the holders in', () => {
    const one = entryOf(['charlie', 'alpha'], ['bravo', 'alpha']);
    const other = entryOf(['alpha', 'charlie'], ['alpha', 'bravo']);
    expect(shownFile(one)).toEqual(shownFile(other));
    expect(shownFile(one).holders).toEqual(['alpha', 'bravo', 'charlie']);
    expect(whereResult(one)).toEqual(whereResult(other));
    expect(whereResult(one).loss.map(({ peer }) => peer)).toEqual(['alpha', 'bravo', 'charlie']);
  });
});
