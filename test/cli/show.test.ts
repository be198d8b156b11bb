import { describe, expect, it } from 'vitest';
import { conflictsText, fileTable, whereText } from '../../src/cli/verbs/show.ts';
import { shownFile, whereResult } from '../../src/client/results.ts';
import { maskOf } from '../../src/core/striping.ts';
import type { Entry, Holder } from '../../src/wire/calls.ts';

/** So large that there are three parts. */
const SIZE = 3 * 256 * 1024;

function holder(name: string, runs?: readonly number[], live = true): Holder {
  return { id: name as Holder['id'], name, live, ...(runs && { runs: maskOf(runs) }) };
}

function entry(holders: readonly Holder[], copies = 2): Entry {
  const content = {
    hash: 'a'.repeat(64),
    size: SIZE,
    modified: 0,
    mode: 0o644,
    origin: 'alpha',
    shownPath: 'film',
    holders,
    copies,
  };
  return { path: 'film', wanted: 2, contents: [content] } as unknown as Entry;
}

const lineOf = (holders: readonly Holder[]) => fileTable([entry(holders)], 5_000).split('\n')[1];

describe('the list of files', () => {
  it('names who has a file, or parts of it', () => {
    expect(lineOf([holder('bravo', [0], false), holder('alpha')])).toBe('film  768 KiB  5 s  2/2     alpha, bravo (part, away)');
  });

  it('counts those who have parts when they are many, in one line however many', () => {
    const many = Array.from({ length: 50 }, (_, index) => holder(`peer-${index}`, [index % 3], index % 10 !== 0));
    expect(lineOf([...many, holder('alpha')])).toBe('film  768 KiB  5 s  2/2     alpha, in parts on 50 peers (5 away)');
    expect(lineOf(many.slice(1, 5))).toBe('film  768 KiB  5 s  2/2     in parts on 4 peers');
  });
});

describe('a file in parts', () => {
  it('is incomplete while some part has no holder who is here', () => {
    const shown = entry([holder('alpha', [0, 1]), holder('bravo', [2, 3], false)], 0);
    const told = { ...shown, contents: [{ ...shown.contents[0], incomplete: true }] } as Entry;
    expect(fileTable([told], 5_000).split('\n')[1]).toMatch(/ 0\/2 {5}alpha \(part\), bravo \(part, away\) {2}incomplete$/);
  });
});

describe('a version that nobody has who is here', () => {
  const one = entry([holder('alpha')]);
  const away = {
    ...one.contents[0],
    hash: 'b'.repeat(64),
    origin: 'bravo',
    holders: [holder('bravo', undefined, false)],
    copies: 0,
  };
  const both = { ...one, contents: [...one.contents, away] } as Entry;

  it('hides no other one in the list', () => {
    const line = (shown: Entry) => fileTable([shown], 5_000).split('\n')[1];
    expect(line(both)).toMatch(/ 0\/2 {5}alpha, bravo \(away\) {2}conflict {2}1 of 2 versions unavailable$/);
    expect(line({ ...one, contents: [away] } as Entry)).toMatch(/ 0\/2 {5}bravo \(away\) {2}unavailable$/);
  });

  it('is told among the conflicts', () => {
    expect(
      conflictsText([shownFile(both)], 720_000)
        .split('\n')
        .slice(1, 3),
    ).toEqual(['  alpha: 768 KiB, age 12 min, on alpha', '  bravo: 768 KiB, age 12 min, on bravo (unavailable)']);
  });
});

describe('where', () => {
  it('tells how many of the parts each has, and what its loss would cost', () => {
    const shown = entry([
      holder('alpha', [0, 1, 2, 3]),
      holder('bravo', [0, 1]),
      holder('charlie', [2, 3]),
      holder('delta', [1], false),
    ]);
    expect(whereText(whereResult(shown), shown, 5_000).split('\n')).toEqual([
      'film: 768 KiB from alpha, 2 of 2 copies',
      '  alpha: has 4 of 4 parts, without it 1 left',
      '  bravo: has 2 of 4 parts, without it 1 left',
      '  charlie: has 2 of 4 parts, without it 1 left',
      '  delta: has 1 of 4 parts, is away',
    ]);
  });

  it('says nothing of parts where a file is whole', () => {
    const shown = entry([holder('alpha'), holder('bravo')]);
    expect(whereText(whereResult(shown), shown, 5_000)).toBe(
      'film: 768 KiB from alpha, 2 of 2 copies\n  alpha: without it 1 left\n  bravo: without it 1 left',
    );
  });
});

describe('conflicts', () => {
  it('are told with the origin of each version, its age, and how they are ended', () => {
    const one = entry([holder('alpha'), holder('charlie')]);
    const other = { ...one.contents[0], hash: 'b'.repeat(64), origin: 'bravo', holders: [holder('bravo')] };
    const shown = { ...one, contents: [...one.contents, other] } as Entry;
    expect(conflictsText([shownFile(shown)], 720_000).split('\n')).toEqual([
      'film',
      '  alpha: 768 KiB, age 12 min, on alpha, charlie',
      '  bravo: 768 KiB, age 12 min, on bravo',
      '1 conflict; "filemesh resolve NAME --keep ORIGIN" or "--keep-both" ends one',
    ]);
  });
});
