import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tellOtherName, tellOtherReplicas } from '../../src/cli/up-notes.ts';

const said: string[] = [];
const view = { note: (text: string) => void said.push(text) };

beforeEach(() => {
  vi.useFakeTimers();
  said.length = 0;
});
afterEach(() => void vi.useRealTimers());

test('that the mesh keeps another number of copies is said once, also when it is learned later', () => {
  const peer = { wanted: 3 };
  const { end } = tellOtherReplicas(peer, 3, view);
  vi.advanceTimersByTime(10_000);
  expect(said).toEqual([]);
  peer.wanted = 2;
  vi.advanceTimersByTime(10_000);
  expect(said).toEqual([expect.stringContaining('keeps 2 of every file, not 3')]);
  expect(said[0]).toContain('"filemesh set replicas 3"');
  end();
});

test('whoever said no number hears of none, and nothing goes on after the end', () => {
  const peer = { wanted: 3 };
  tellOtherReplicas(peer, undefined, view);
  tellOtherReplicas(peer, 3, view).end();
  peer.wanted = 5;
  vi.advanceTimersByTime(10_000);
  expect(said).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('another name than that of the mesh is told', () => {
  tellOtherName({ name: 'alpha', meshName: 'home' }, 'alpha', view);
  tellOtherName({ name: 'alpha-2', meshName: 'home' }, 'alpha', view);
  tellOtherName({ name: 'alpha', meshName: undefined }, 'bravo', view);
  tellOtherName({ name: `${'x'.repeat(62)}-2`, meshName: 'home' }, 'x'.repeat(64), view);
  expect(said).toEqual([]);
  tellOtherName({ name: 'alpha', meshName: 'home' }, 'bravo', view);
  expect(said).toEqual([expect.stringContaining('called alpha')]);
});
