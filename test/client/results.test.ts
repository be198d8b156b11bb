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

  test('in conflict is available as long as one version is, and tells which is not', () => {
    const [here, away] = [['alpha'], []];
    expect(shownFile(entryOf(here, away))).toMatchObject({ available: true, copies: 0 });
    expect(shownFile(entryOf(here, away)).versions?.map(({ unavailable }) => unavailable)).toEqual([undefined, true]);
    expect(shownFile(entryOf(away, away)).available).toBe(false);
    expect(Object.keys(shownFile(entryOf(here, here)).versions?.[0] ?? {})).not.toContain('unavailable');
  });

  test('is incomplete when some of its parts are all there is', () => {
    const parts = (entry: Entry) => ({
      ...entry,
      contents: entry.contents.map((one) => ({ ...one, incomplete: true, copies: 0 })),
    });
    const [whole, spread] = [entryOf(['alpha']), parts(entryOf(['bravo']))];
    expect(shownFile(spread)).toMatchObject({ available: false, incomplete: true });
    const both = shownFile({ ...whole, contents: [...spread.contents, ...whole.contents] });
    expect([both.available, both.incomplete]).toEqual([true, undefined]);
  });
});
