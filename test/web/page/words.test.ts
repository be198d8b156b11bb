import { describe, expect, it } from 'vitest';
import { sentence } from '../../../src/web/page/api.ts';
import { besideName, fileUrl, renamedPath, typedPath } from '../../../src/web/page/paths.ts';
import {
  agoWords,
  copiesWords,
  countWords,
  deedWords,
  leftWords,
  listWords,
  lossWords,
  momentWords,
  pausedWords,
  sinceWords,
  sizeWords,
  withheldWords,
  wordsOfHolders,
} from '../../../src/web/page/words.ts';

describe('what the page says', () => {
  it('of sizes', () => {
    const sizes = [0, 999, 1024, 10 * 1024 ** 2, 1.5 * 1024 ** 4];
    expect(sizes.map(sizeWords)).toEqual(['0 B', '999 B', '1 KiB', '10 MiB', '1.5 TiB']);
  });

  it('of numbers', () => {
    expect([0, 1, 999, 1204, 100_000, 1_234_567].map((count) => countWords(count, 'file'))).toEqual([
      ...['0 files', '1 file', '999 files', '1,204 files', '100,000 files', '1,234,567 files'],
    ]);
  });

  it('of where a typed name leads', () => {
    expect(typedPath('docs', 'plan.txt')).toBe('docs/plan.txt');
    expect(typedPath('docs', ' old/plan.txt ')).toBe('docs/old/plan.txt');
    expect(typedPath('docs', '/plan.txt')).toBe('plan.txt');
    expect(typedPath('', '/')).toBe('');
  });

  it('of ages', () => {
    const now = Date.parse('2026-03-05T12:00:00Z');
    const said = ['2026-03-05T11:59:40Z', '2026-03-05T11:10:00Z', '2026-03-05T02:00:00Z', '2026-03-04T10:00:00Z'].map((time) =>
      agoWords(time, now),
    );
    expect(said).toEqual(['just now', '50 min ago', '10 h ago', 'yesterday']);
    expect(agoWords('2025-12-24T12:00:00Z', now)).toBe('24 Dec 2025');
    expect(agoWords('no time', now)).toBe('');
  });

  it('of copies, in words a person can act on', () => {
    const file = { copies: 2, wanted: 2, available: true, holders: ['alpha', 'bravo'] };
    expect(copiesWords(file)).toBe('Kept on 2 peers');
    expect(copiesWords({ ...file, copies: 1 })).toBe('On 1 of 2 peers so far');
    expect(copiesWords({ ...file, copies: 0, available: false })).toBe('Away with alpha and bravo');
    expect(copiesWords({ ...file, copies: 0, available: false, incomplete: true })).toBe('Some parts are on peers that are away');
    const versions = [{ origin: 'alpha' }, { origin: 'bravo', unavailable: true }];
    expect(copiesWords({ ...file, copies: 0, versions })).toBe('The version of bravo cannot be had now');
    expect(lossWords('alpha', 0)).toBe('Without alpha it cannot be read');
    expect(lossWords('alpha', 1)).toBe('Without alpha one copy is left');
  });

  it('of versions, and of those that cannot be had', () => {
    const here = { origin: 'alpha', holders: ['alpha', 'delta'] };
    const away = { origin: 'bravo', holders: ['bravo'], unavailable: true };
    const lost = { origin: 'charlie', holders: [], unavailable: true };
    expect([here, away, lost].map(wordsOfHolders)).toEqual(['on alpha and delta', 'away with bravo', 'no peer has it any more']);
    expect(withheldWords([])).toBe('');
    expect(withheldWords([away])).toBe('The version of bravo cannot be had until a peer that has it is back.');
    expect(withheldWords([lost])).toBe('No peer has the version of charlie any more.');
    expect(withheldWords([lost, away])).toMatch(/^The version of bravo cannot .* No peer has the version of charlie any more\.$/);
  });

  it('of what went wrong, without the commands of a terminal', () => {
    expect(sentence('there is no file "x" in the mesh; "filemesh show" lists what there is')).toBe(
      'There is no file "x" in the mesh.',
    );
    expect(sentence('the peer is full; delete something, or add a machine')).toBe(
      'The peer is full; delete something, or add a machine.',
    );
  });

  it('of deeds, and of moments', () => {
    expect(deedWords('rename', 'a.txt -> b.txt')).toBe('renamed a.txt to b.txt');
    expect(deedWords('login', '')).toBe('logged in');
    expect(deedWords('unheard-of', 'x')).toBe('unheard-of x');
    expect(deedWords('grant', 'my docs/a ben none')).toBe('said that ben does not see my docs/a');
    expect(deedWords('grant', 'odd')).toBe('grant odd');
    expect(deedWords('remove', 'ab'.repeat(32))).toBe('removed the peer abababab…');
    expect(deedWords('remove', 'bravo')).toBe('removed the peer bravo');
    const noon = new Date(2026, 2, 5, 12).getTime();
    expect(sinceWords(new Date(2026, 2, 5, 9, 7).toISOString(), noon)).toBe('09:07');
    expect(sinceWords(new Date(2026, 2, 1, 9, 7).toISOString(), noon)).toBe('1 Mar, 09:07');
    expect(momentWords(new Date(2026, 8, 5, 19, 7).toISOString())).toBe('5 September 2026, 19:07');
    expect(momentWords('no time')).toBe('');
  });

  it('of why a peer is paused, without the commands that its buttons are', () => {
    const why = '30 of the 30 files of this folder are missing. Put back what was there, and it goes on by itself.';
    const commands = ' If its files are gone for good on purpose, type `filemesh resume --deleted`; to go on, another.';
    expect(pausedWords(`${why}${commands}`)).toEqual({ why, isAnswered: true });
    expect(pausedWords('Another folder was put there.')).toEqual({ why: 'Another folder was put there.', isAnswered: false });
  });

  it('of what is left, and of lists', () => {
    expect([0.2, 59, 60, 7200].map(leftWords)).toEqual(['1 s left', '59 s left', '1 min left', '2 h left']);
    expect(leftWords(Number.POSITIVE_INFINITY)).toBe('');
    expect([listWords([]), listWords(['a']), listWords(['a', 'b', 'c'])]).toEqual(['', 'a', 'a, b and c']);
  });
});

describe('paths', () => {
  it('go along with the folder they are in', () => {
    const renamed = (path: string) => renamedPath(path, 'docs', 'old/papers');
    expect(['docs', 'docs/a/b.txt'].map(renamed)).toEqual(['old/papers', 'old/papers/a/b.txt']);
    expect(['docs.txt', 'my/docs/a', ''].map(renamed)).toEqual([undefined, undefined, undefined]);
  });

  it('are addresses whatever they are called', () => {
    expect(fileUrl('a b/50%?#.txt', { inline: '', version: 'ab' })).toBe('/files/a%20b/50%25%3F%23.txt?inline&version=ab');
    expect(besideName('docs/report.final.pdf', 'mine')).toBe('docs/report.final (mine).pdf');
    expect(besideName('.profile', 'mine')).toBe('.profile (mine)');
  });
});
