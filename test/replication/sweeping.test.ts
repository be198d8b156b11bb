import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { PathWaiters } from '../../src/catalog/path-waiters.ts';
import { PeerTable } from '../../src/catalog/peer-table.ts';
import type { Fact } from '../../src/core/facts.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import type { Folder } from '../../src/folder/folder.ts';
import type { Log } from '../../src/platform/log.ts';
import { Replication } from '../../src/replication/replication.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { HandClock } from './hand-clock.ts';

/** Facts that change at a moment, and the copies wanted since. */
interface News {
  readonly atMs: number;
  readonly changed: readonly Fact[];
  readonly wanted: number;
}

/** When sweeps begin in a peer that knows so many pages of paths, each of which takes so long. */
async function sweepsOf(
  { pages, pageMs }: { pages: number; pageMs: number },
  forMs: number,
  news: readonly News[] = [],
): Promise<number[]> {
  const hand = new HandClock();
  let spentMs = 0;
  // A page takes the event loop for that long: whatever is due comes after it.
  const clock = { now: () => hand.now() + spentMs, wall: () => 0, after: hand.after.bind(hand) };
  const begun: number[] = [];
  const pathsAfter = (after: string): FilePath[] => {
    const page = after === '' ? 0 : Number(after) + 1;
    if (page === 0) begun.push(hand.now());
    if (page === pages) return [];
    spentMs += pageMs;
    return [String(page) as FilePath];
  };
  let wanted = 2;
  let hear = (_changed: readonly Fact[]): void => {};
  const catalog = {
    self: 'a'.repeat(64),
    peers: new PeerTable(),
    paths: pathsAfter,
    view: () => undefined,
    records: () => [],
    onPaths: () => {},
    onFacts: (listener: typeof hear) => {
      hear = listener;
    },
    wantedCopies: () => wanted,
  } as unknown as Catalog;
  const replication = new Replication({
    clock,
    log: { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} } as Log,
    catalog,
    folder: { isOpen: false, onState: () => {} } as unknown as Folder,
    switchboard: { answer: () => {} } as unknown as Switchboard,
    waiters: new PathWaiters({ clock, onPaths: () => {} }),
    healAfterMs: 600_000,
    placement: 'share',
  });
  replication.start();
  for (const one of news) {
    await hand.pass(one.atMs - hand.now());
    wanted = one.wanted;
    hear(one.changed);
  }
  await hand.pass(forMs - hand.now());
  replication.stop();
  return begun;
}

const rests = (begun: readonly number[]) => begun.slice(1).map((atMs, index) => atMs - (begun[index] ?? 0));

describe('sweeps of all paths', () => {
  it('come every minute while they are short', async () => {
    expect(rests(await sweepsOf({ pages: 3, pageMs: 10 }, 300_000))).toEqual([60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('rest fifty times as long as the last one took when there is much to go through', async () => {
    // 20 pages of 99 ms, and a turn of 1 ms between them.
    const [first, ...later] = rests(await sweepsOf({ pages: 20, pageMs: 99 }, 600_000));
    expect(first).toBe(60_000);
    expect(later.length).toBeGreaterThan(3);
    expect(new Set(later)).toEqual(new Set([100_000]));
  });

  it('come at once when other copies are wanted or somebody was removed, and for no other fact', async () => {
    const peer = 'b'.repeat(64) as PeerId;
    const setting: Fact = { kind: 'setting', name: 'replicas', value: 3, revision: 1 };
    const news: News[] = [
      { atMs: 10_000, wanted: 2, changed: [{ kind: 'member', id: peer, role: 'client', name: 'x', generation: 1 }] },
      { atMs: 20_000, wanted: 3, changed: [setting] },
      { atMs: 30_000, wanted: 3, changed: [{ ...setting, revision: 2 }] },
      { atMs: 40_000, wanted: 3, changed: [{ kind: 'removal', id: peer, generation: 2, members: [] }] },
    ];
    expect(await sweepsOf({ pages: 3, pageMs: 10 }, 50_000, news)).toEqual([0, 20_000, 40_000]);
  });

  it('rest five minutes at most', async () => {
    const [, ...later] = rests(await sweepsOf({ pages: 20, pageMs: 1_999 }, 1_000_000));
    expect(new Set(later)).toEqual(new Set([300_000]));
  });
});
