import { describe, expect, it } from 'vitest';
import { rename } from '../../src/client/verbs/changes.ts';
import type { ContentHash, FilePath, PeerId, RequestId } from '../../src/core/ids.ts';
import type { PathView } from '../../src/core/namespace.ts';
import { maskOf } from '../../src/core/striping.ts';
import type { Version } from '../../src/core/version.ts';
import { Changes } from '../../src/server/changes.ts';
import { Copies, type Kept } from '../../src/server/copies.ts';
import { doneShape } from '../../src/wire/server-calls.ts';
import { HandClock } from '../replication/hand-clock.ts';
import { createText, startStory } from './story.ts';

type ChangesSlice = ConstructorParameters<typeof Changes>[0];
type CopiesSlice = ConstructorParameters<typeof Copies>[0];

const path = 'a' as FilePath;
const hash = 'f'.repeat(64) as ContentHash;
const load = { bytes: 0, files: 0, capacity: 1_000, incomingBytes: 0, incomingFiles: 0 };

/** A content that only this peer holds, in runs when it is `striped`, where those of `peers` have room for it. */
function alone(reasonOf: () => Promise<string | undefined>, { peers = ['alpha', 'bravo'], striped = false } = {}) {
  const clock = new HandClock();
  let holders: string[] | undefined = ['alpha'];
  const parts = (all: readonly string[]) => new Map(all.map((one) => [one as PeerId, maskOf([0, 1, 2, 3])]));
  const shown = (all: string[]) =>
    striped ? { hash, size: 10, holders: [], parts: parts(all) } : { hash, size: 10, holders: all };
  const catalog = {
    self: 'alpha',
    wantedCopies: () => 2,
    view: () => ({ contents: holders === undefined ? [] : [shown(holders)] }),
    shownName: (peer: PeerId) => peer,
    peers: {
      all: () => peers.map((id) => ({ id, live: true, load })),
      get: () => ({ live: true, load }),
      isServing: () => true,
    },
  };
  const waiters = {
    until: (_path: FilePath, holds: () => boolean, ms: number) =>
      holds() ? Promise.resolve(true) : new Promise((resolve) => clock.after(ms, () => resolve(holds()))),
  };
  const copies = new Copies({ clock, catalog, waiters, reasonOf } as unknown as CopiesSlice);
  const hold = (by: string[] | undefined) => {
    holders = by;
  };
  return { clock, copies, hold };
}

/** What a wait has come to, and after how many virtual ms. */
async function outcome({ clock, copies }: ReturnType<typeof alone>): Promise<{ kept: Kept; tookMs: number }> {
  const told: { kept: Kept; tookMs: number }[] = [];
  const waiting = copies.ofContent(path, hash).then((kept) => told.push({ kept, tookMs: clock.now() }));
  await clock.pass(30_000);
  await waiting;
  return told[0] as (typeof told)[0];
}

describe('the wait for copies of a content', () => {
  it('ends with one sentence, however many had it who are away', async () => {
    const holders = Array.from({ length: 50 }, (_, index) => String(index).padStart(64, 'x'));
    const catalog = {
      self: 'alpha',
      wantedCopies: () => 2,
      view: () => ({ contents: [{ hash, size: 10, holders }] }),
      shownName: (peer: PeerId) => peer,
      peers: { all: () => [], get: () => undefined, isServing: () => false },
    };
    const reasonOf = async () => undefined;
    const copies = new Copies({ clock: new HandClock(), catalog, waiters: {}, reasonOf } as unknown as CopiesSlice);
    const kept = await copies.ofContent(path, hash);
    expect(kept.note).toContain(' and 47 more had it, away now');
    expect(doneShape.shape.note.safeParse(kept.note).success).toBe(true);
  });

  it('ends with the reason of the owner when nobody takes one any more', async () => {
    const asked = await outcome(alone(async () => 'bravo cannot hold that name on its disk'));
    expect(asked.kept).toEqual({ copies: 1, wanted: 2, note: 'kept on 1 of 2: bravo cannot hold that name on its disk' });
    const unasked = await outcome(alone(async () => undefined));
    expect(unasked.kept.note).toBe('kept on 1 of 2: more copies are on their way');
    expect(asked.tookMs).toBeLessThan(unasked.tookMs / 5);
  });

  it('in runs is not waited for where nobody else is', async () => {
    const { kept, tookMs } = await outcome(alone(async () => undefined, { peers: ['alpha'], striped: true }));
    expect(kept).toEqual({ copies: 1, wanted: 2, note: 'kept on 1 of 2: there is no other peer' });
    const growing = await outcome(alone(async () => undefined, { striped: true }));
    expect(growing.kept.note).toBe('kept on 1 of 2: more copies are on their way');
    expect(tookMs).toBeLessThan(growing.tookMs / 2);
  });

  it('does not wait for an owner that does not answer', async () => {
    const story = alone(() => new Promise(() => {}));
    story.clock.after(600, () => story.hold(['alpha', 'bravo']));
    expect((await outcome(story)).kept).toEqual({ copies: 2, wanted: 2 });
  });

  it('says so when the content is replaced meanwhile', async () => {
    const story = alone(async () => undefined);
    story.clock.after(600, () => story.hold(undefined));
    expect((await outcome(story)).kept).toMatchObject({ copies: 1, wanted: 2, note: expect.stringContaining('again') });
  });
});

describe('a rename', () => {
  const request = 'd'.repeat(32) as RequestId;
  const ask = { request, change: { kind: 'rename', path, to: 'b' as FilePath } as const, base: [], hops: 2 };
  const own = (counter: number) => ({ own: { writer: 'w', counter }, request, inherited: [] });
  const file = { kind: 'file', hash, ...own(1) } as unknown as Version;
  const grave = { kind: 'tombstone', renamedTo: 'b', ...own(2) } as unknown as Version;

  /** Changes at a peer where both names are as the rename left them. */
  function renamed(ofTombstone: (sequence: number) => Promise<Kept>): Changes {
    const views: Record<string, Version> = { a: grave, b: file };
    const catalog = {
      self: 'alpha',
      index: () => ({ sequence: 7 }),
      view: (name: string) => ({ known: [{ version: views[name] }] }) as unknown as PathView,
      change: async () => {},
    };
    const copies = { ofContent: async () => ({ copies: 2, wanted: 2 }), ofTombstone };
    return new Changes({ catalog, copies } as unknown as ChangesSlice);
  }

  it('is told done when the end of the old name is known to others too', async () => {
    let known: (kept: Kept) => void = () => {};
    const sequences: number[] = [];
    const changes = renamed((sequence) => {
      sequences.push(sequence);
      return new Promise((resolve) => {
        known = resolve;
      });
    });
    let isTold = false;
    const told = changes
      .carryOut(ask, '', () => {})
      .finally(() => {
        isTold = true;
      });
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(sequences).toEqual([7]);
    expect(isTold).toBe(false);
    known({ copies: 2, wanted: 2 });
    expect((await told).done).toEqual([{ path: 'b', version: 'w:1', hash, copies: 2, wanted: 2 }]);
  });

  it('says when nobody else knows of it', async () => {
    const changes = renamed(async () => ({ copies: 1, wanted: 2, note: 'only here' }));
    expect((await changes.carryOut(ask, '', () => {})).done).toMatchObject([{ path: 'b', note: 'only here' }]);
  });

  it('needs no note where all is well', async () => {
    const { mesh, sessions } = await startStory('renamed well', { clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'a', 'text'));
    const [result] = await mesh.settle(rename(session, 'a', 'b', {}));
    expect(result).toMatchObject({ path: 'b', copies: 2, wanted: 2 });
    expect(result).not.toHaveProperty('note');
  });
});
