import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { PathWaiters } from '../../src/catalog/path-waiters.ts';
import { asMeshError, MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import type { Content } from '../../src/core/namespace.ts';
import type { Load } from '../../src/core/placement.ts';
import type { Log } from '../../src/platform/log.ts';
import { Placing } from '../../src/replication/placing.ts';
import type { Renames } from '../../src/replication/renames.ts';
import type { Standings } from '../../src/replication/standings.ts';
import type { Ask } from '../../src/wire/calls.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { HandClock } from './hand-clock.ts';

const [alpha, bravo, charlie, delta] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [PeerId, PeerId, PeerId, PeerId];
const log: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} } as Log;

type Place = (peer: PeerId, ask: Ask<'place'>, deadlineMs: number) => Promise<void>;

/** Alpha owns all names and holds all contents; what the others do with an offer is `place`. */
class Owner {
  readonly clock = new HandClock();
  readonly placing: Placing;
  /** Paths looked at since it was last set to none. */
  looks = 0;
  capacity = 1_000_000_000;
  /** Bytes that each of them holds. */
  bytes = 0;
  readonly gone = new Set<PeerId>();
  readonly holders = new Map<FilePath, PeerId[]>();

  constructor(others: readonly PeerId[], place: Place, wanted = 2) {
    const { clock } = this;
    const contentOf = (path: FilePath) =>
      ({
        hash: 'f'.repeat(64) as ContentHash,
        size: 10,
        holders: this.holders.get(path) ?? [alpha],
        shown: { own: { writer: 'w', counter: 1 } },
      }) as unknown as Content;
    const load = (): Load => ({ bytes: this.bytes, files: 0, capacity: this.capacity, incomingBytes: 0, incomingFiles: 0 });
    const catalog = {
      self: alpha,
      view: (path: FilePath) => {
        this.looks++;
        return { path, contents: [contentOf(path)] };
      },
      records: () => [],
      heldBy: () => ({ bytes: this.bytes, files: 0 }),
      shownName: (peer: PeerId) => ({ [alpha]: 'alpha', [bravo]: 'bravo', [charlie]: 'charlie', [delta]: 'delta' })[peer],
      peers: {
        all: () => [alpha, ...others].map((id) => ({ id })),
        get: () => ({ load: load() }),
        reserve: () => ({ release: () => {} }),
        reservedFor: () => ({ bytes: 0, files: 0 }),
      },
    } as unknown as Catalog;
    const link = (peer: PeerId) => ({
      call: async (_name: string, { items, holders }: Ask<'place-many'>, { deadlineMs }: { deadlineMs: number }) => {
        const declined: { item: number; code: string }[] = [];
        const takeOne = async (one: (typeof items)[number], item: number) => {
          try {
            await place(peer, { ...one, holders }, deadlineMs);
            this.holders.set(one.path, [...(this.holders.get(one.path) ?? [alpha]), peer]);
          } catch (thrown) {
            declined.push({ item, code: asMeshError(thrown).code });
          }
        };
        await Promise.all(items.map(takeOne));
        return { reply: { declined } };
      },
    });
    this.placing = new Placing({
      clock,
      log,
      catalog,
      switchboard: { link } as unknown as Switchboard,
      standings: { of: (peer: PeerId) => (this.gone.has(peer) ? 'gone' : 'live') } as unknown as Standings,
      renames: { holdersOfSource: () => new Set() } as unknown as Renames,
      waiters: new PathWaiters({ clock, onPaths: () => {} }),
      takeHere: () => new Promise(() => {}),
      takeManyHere: () => new Promise(() => {}),
      rule: 'share',
      owns: () => true,
      wanted: () => wanted,
    });
  }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `f${index}` as FilePath);
const decline = (code: 'full' | 'busy') => () => Promise.reject(new MeshError(code, 'no'));

describe('contents that nobody can take', () => {
  const MANY = 3_000;

  /** The most looks of any turn while `act` and what follows it within `ms` happen. */
  async function longestTurn(owner: Owner, act: () => void, ms: number): Promise<number> {
    owner.looks = 0;
    act();
    let longest = owner.looks;
    owner.looks = 0;
    await owner.clock.pass(ms, () => {
      longest = Math.max(longest, owner.looks);
      owner.looks = 0;
    });
    return Math.max(longest, owner.looks);
  }

  async function full(): Promise<Owner> {
    const owner = new Owner([bravo], async () => {});
    owner.capacity = 5;
    for (const name of names(MANY)) owner.placing.consider(name);
    await owner.clock.pass(1_000);
    return owner;
  }

  it('are tried again in many short turns, not in one', async () => {
    const owner = await full();
    expect(await longestTurn(owner, () => {}, 10_000)).toBeLessThan(1_000);
  });

  it('are tried in many short turns when a peer comes, and all of them are', async () => {
    const owner = await full();
    owner.capacity = 1_000_000_000;
    const longest = await longestTurn(
      owner,
      () => {
        owner.placing.wake();
        owner.placing.wake();
      },
      5_000,
    );
    expect(longest).toBeLessThan(2_000);
    expect(owner.holders.size).toBe(MANY);
  });

  it('are given up in many short turns when the only taker gets full', async () => {
    let isFull = false;
    const ends: (() => void)[] = [];
    const owner = new Owner(
      [bravo],
      () =>
        new Promise((resolve, reject) => {
          if (isFull) reject(new MeshError('full', 'no'));
          else ends.push(resolve);
        }),
    );
    for (const name of names(MANY)) owner.placing.consider(name);
    isFull = true;
    owner.capacity = 5;
    const longest = await longestTurn(owner, () => ends[0]?.(), 1_500);
    expect(longest).toBeLessThan(1_000);
  });

  it('leave nothing behind when the peer stops', async () => {
    const owner = await full();
    owner.placing.wake();
    owner.placing.stop();
    expect(owner.clock.waiting).toBe(0);
  });
});

describe('an offer', () => {
  const path = 'f' as FilePath;

  it('goes to the next peer when the first one hangs, and a late answer of the first does no harm', async () => {
    let late = () => {};
    const asked: PeerId[] = [];
    const owner: Owner = new Owner([bravo, charlie], (peer, _ask, deadlineMs) => {
      asked.push(peer);
      if (peer === charlie) return Promise.resolve();
      // As a link does: the call rejects at its deadline; the taker goes on, and announces.
      return new Promise((_resolve, reject) => {
        owner.clock.after(deadlineMs, () => reject(new MeshError('timeout', 'no answer')));
        late = () => {
          owner.holders.set(path, [alpha, bravo, charlie]);
          owner.placing.consider(path);
        };
      });
    });
    owner.placing.consider(path);
    await owner.clock.pass(10 * 60_000);
    expect(asked).toEqual([bravo, charlie]);
    late();
    await owner.clock.pass(10 * 60_000);
    expect(asked).toEqual([bravo, charlie]);
  });

  it('to the own disk ends too', async () => {
    const owner = new Owner([bravo], async () => {});
    owner.holders.set(path, [bravo]);
    owner.placing.consider(path);
    await owner.clock.pass(10 * 60_000);
    expect(owner.placing.noteOf(path)).toBe('alpha did not answer in time');
  });
});

describe('why a copy is lacking', () => {
  const path = 'f' as FilePath;

  it('is told at once when it will last, and after a second try when it may pass', async () => {
    const lasting = new Owner([bravo], decline('full'));
    lasting.placing.consider(path);
    await lasting.clock.pass(100);
    expect(lasting.placing.noteOf(path)).toBe('bravo is full');
    const passing = new Owner([bravo], decline('busy'));
    passing.placing.consider(path);
    await passing.clock.pass(100);
    expect(passing.placing.noteOf(path)).toBeUndefined();
    await passing.clock.pass(5_000);
    expect(passing.placing.noteOf(path)).toBe('bravo could not take a copy');
  });

  it.each([
    ['has its second copy made', 2, [alpha, bravo], [alpha, bravo, charlie], undefined],
    ['keeps two and says why it gets no third', 3, [alpha, bravo, delta], [alpha, bravo, delta], 'charlie is full'],
  ] as const)('of a lost holder, where four fifths are in use: %s', async (_what, wanted, had, has, note) => {
    const owner = new Owner([bravo, charlie, delta], async () => {}, wanted);
    Object.assign(owner, { capacity: 100, bytes: 85 });
    owner.gone.add(had.at(-1) as PeerId);
    owner.holders.set(path, [...had]);
    owner.placing.consider(path);
    await owner.clock.pass(60_000);
    expect(owner.holders.get(path)).toEqual(has);
    expect(owner.placing.noteOf(path)).toBe(note);
  });

  it('is not told while somebody else is about to take it', async () => {
    const owner = new Owner([bravo, charlie], (peer) => (peer === bravo ? decline('full')() : new Promise(() => {})), 3);
    owner.placing.consider(path);
    await owner.clock.pass(100);
    expect(owner.placing.noteOf(path)).toBeUndefined();
  });
});
