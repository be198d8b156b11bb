import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { type Content, type PathView, viewOf } from '../../src/core/namespace.ts';
import type { Tombstone, Version } from '../../src/core/version.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { Entries } from '../../src/server/entries.ts';
import { ALL_SEEN } from '../../src/server/sessions.ts';
import type { Ask } from '../../src/wire/calls.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../../src/wire/codec.ts';
import { entryShape } from '../../src/wire/server-calls.ts';
import { fileDraft, peerId, version } from '../core/histories.ts';

const all: Ask<'list'> = { after: '', limit: 500, deleted: false, conflicts: false };

const tombstone = (counter: number, renamedTo?: string) =>
  ({
    kind: 'tombstone',
    own: { writer: 'w', counter },
    buried: [],
    modifiedMs: counter,
    ...(renamedTo === undefined ? {} : { renamedTo }),
  }) as unknown as Tombstone;

function deletedView(path: FilePath, tombstones: Tombstone[]): PathView {
  return { path, contents: [], tombstones, known: tombstones.map((version: Version) => ({ version, holdings: new Map() })) };
}

const clock: Clock = {
  now: () => 0,
  wall: () => 0,
  after: (_ms, act) => {
    queueMicrotask(act);
    return { cancel: () => {} };
  },
};

/** Entries of a catalog that knows these deleted paths. */
function entriesOf(views: readonly PathView[], onLook = () => {}, turns = clock, peers = [peerId(1)]): Entries {
  const sorted = views.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const paths = sorted.map((one) => one.path);
  const catalog = {
    paths: (after: string, limit: number) => {
      onLook();
      return paths.filter((path) => path > after).slice(0, limit);
    },
    view: (path: FilePath) => sorted.find((one) => one.path === path),
    shownName: (peer: PeerId) => peer,
    members: () => new Map(peers.map((peer) => [peer, undefined])),
    peers: { get: () => ({ address: `${'x'.repeat(290)}:7500`, load: {} }), isServing: () => true },
    wantedCopies: () => 2,
  } as unknown as Catalog;
  return new Entries({ clock: turns, catalog, switchboard: { link: () => undefined }, noteOf: () => undefined });
}

describe('a page of the list', () => {
  it('ends early when its pattern takes long, and the next ones show the rest', async () => {
    const paths = Array.from({ length: 500 }, (_, index) => `${'a'.repeat(200)}${index}` as FilePath);
    const entries = entriesOf(paths.map((path) => deletedView(path, [tombstone(1)])));
    const pattern = `${'*a'.repeat(50)}*{7,8}`;
    const pages: number[] = [];
    const found: string[] = [];
    for (let after = ''; ; ) {
      const page = await entries.list({ ...all, after, deleted: true, pattern }, ALL_SEEN);
      pages.push(page.entries.length);
      found.push(...page.entries.map((entry) => entry.path));
      if (!page.more) break;
      expect(page.next > after).toBe(true);
      after = page.next;
    }
    expect(pages.length).toBeGreaterThan(5);
    expect(found).toEqual(paths.filter((path) => /[78]$/.test(path)).toSorted());
    expect((await entries.list({ ...all, deleted: true, pattern: '*7' }, ALL_SEEN)).more).toBe(false);
  });

  it('never has, nor names as its end, what may not be seen, however much of that there is', async () => {
    const names = ['a', 'z', 'home/anna/pub/x'];
    const hidden = Array.from({ length: 3_000 }, (_, index) => `home/anna/${index}`);
    const others = Array.from({ length: 3_000 }, (_, index) => `m${index}`);
    const entries = entriesOf([...names, ...hidden, ...others].map((path) => deletedView(path as FilePath, [tombstone(1)])));
    let looks = 0;
    const sees = (path: string) => {
      looks++;
      return names.includes(path);
    };
    const sight = (folder?: string) => ({
      all: false,
      name: 'alma',
      sees,
      hiddenFolderOf: (path: string) => (path.startsWith('home/') ? folder : undefined),
    });
    const found: string[] = [];
    let after = '';
    for (let more = true; more; ) {
      const page = await entries.list({ ...all, limit: 1, after, deleted: true }, sight());
      found.push(...page.entries.map((entry) => entry.path));
      if (page.next !== after) expect(names).toContain(page.next);
      ({ more, next: after } = page);
    }
    expect(found).toEqual(['a', 'home/anna/pub/x', 'z']);
    looks = 0;
    const page = await entries.list({ ...all, after: 'a', deleted: true }, sight('home/anna'));
    expect(page.entries.map((entry) => entry.path)).toEqual(['z']);
    // Behind the folder it went on at once: what lies there was not looked at.
    expect(looks).toBeLessThan(3_100);
  });
});

describe('pages asked for at once', () => {
  it('have each a turn of its own; who would wait behind too many is told to come later', async () => {
    const due: (() => void)[] = [];
    const after: Clock['after'] = (_ms, act) => {
      due.push(act);
      return { cancel: () => {} };
    };
    const turn = async (): Promise<void> => {
      for (const act of due.splice(0)) act();
      await new Promise((resolve) => setImmediate(resolve));
    };
    let looks = 0;
    const look = () => {
      looks++;
    };
    const entries = entriesOf([deletedView('gone' as FilePath, [tombstone(1)])], look, { ...clock, after });
    const asked = Array.from({ length: 1_000 }, () => entries.list({ ...all, deleted: true }, ALL_SEEN));
    const ended = Promise.allSettled(asked);
    let most = 0;
    for (let before = looks; due.length > 0; before = looks) {
      await turn();
      most = Math.max(most, looks - before);
    }
    const refused = (await ended).filter((one) => one.status === 'rejected');
    expect(most).toBe(1);
    expect(looks).toBe(1_000 - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => reason.code === 'busy')).toBe(true);
  });
});

describe('an entry', () => {
  it('is one that clients take, however many versions somebody told beside each other', () => {
    const beside = Array.from({ length: 200 }, (_, content) => version(fileDraft(content)));
    const equal = Array.from({ length: 100 }, () => version(fileDraft(0)));
    const said = [...equal, ...beside].map((one) => ({ peer: peerId(1), version: one, holding: 'all' as const }));
    const entry = entriesOf([]).entry(viewOf('a' as FilePath, said));
    expect(entryShape.safeParse(entry).error).toBeUndefined();
    expect(entry.contents).toHaveLength(64);
    expect(entry.contents.some(({ versions }) => versions.length === 64)).toBe(true);
    expect(entry.base).toHaveLength(128);
  });

  it('fits in one answer, however many say that they hold it', () => {
    const peers = Array.from({ length: 900 }, (_, index) => peerId(index));
    const beside = Array.from({ length: 64 }, (_, content) => version(fileDraft(content)));
    const entries = entriesOf([], undefined, clock, peers);
    for (const versions of [beside, beside.slice(0, 1)]) {
      const said = versions.flatMap((one) => peers.map((peer) => ({ peer, version: one, holding: 'all' as const })));
      const entry = entries.entry(viewOf('a' as FilePath, said));
      expect(entryShape.safeParse(entry).error).toBeUndefined();
      expect(encodedBytes(entry)).toBeLessThan(HEAD_BYTES_MAX - 64 * 1024);
      expect(entry.contents.every(({ copies, holders }) => copies === 900 && holders.length >= 16)).toBe(true);
      // A conflict stays one.
      expect(entry.contents.length > 1).toBe(versions.length > 1);
    }
  });
});

describe('the deleted names', () => {
  it('leave out old names of what was renamed, and say when they were deleted', async () => {
    const gone = deletedView('gone' as FilePath, [tombstone(1)]);
    const both = deletedView('both' as FilePath, [tombstone(2), tombstone(3, 'new')]);
    const renamed = deletedView('renamed' as FilePath, [tombstone(4, 'new')]);
    const { entries } = await entriesOf([gone, both, renamed]).list({ ...all, deleted: true }, ALL_SEEN);
    expect(entries).toMatchObject([
      { path: 'both', deletedMs: 3 },
      { path: 'gone', deletedMs: 1 },
    ]);
  });
});

describe('the holders of a content', () => {
  it('are the peer itself and the members, not who was removed', () => {
    const [self, member, removed] = ['a', 'b', 'c'] as unknown as [PeerId, PeerId, PeerId];
    const catalog = {
      self,
      members: () => new Map([[member, {}]]),
      peers: { isServing: () => true, get: (peer: PeerId) => ({ live: true, load: { incomingBytes: peer === self ? 1 : 0 } }) },
      shownName: (peer: PeerId) => peer,
    } as unknown as Catalog;
    const entries = new Entries({ clock, catalog, switchboard: { link: () => undefined }, noteOf: () => undefined });
    const content = { holders: [self, member, removed] } as unknown as Content;
    expect(entries.holders(content).map((holder) => holder.id)).toEqual([member, self]);
  });
});
