import { describe, expect, test } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Session } from '../../src/client/session.ts';
import { grant } from '../../src/client/verbs/accounts.ts';
import { remove } from '../../src/client/verbs/changes.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { Rights } from '../../src/core/rights.ts';
import type { Folder } from '../../src/folder/folder.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { Administration, type MembershipSlice } from '../../src/server/administration.ts';
import { ALL_SEEN, type Sight } from '../../src/server/sessions.ts';
import { CALLS } from '../../src/wire/calls.ts';
import { addFile, SimMesh } from '../membership/sim-mesh.ts';
import { VERB } from '../sim/mesh-client.ts';
import { people } from './people.ts';
import { createText } from './story.ts';

const membership: MembershipSlice = {
  inviteLine: () => '',
  removeMember: () => Promise.resolve(),
  renewSecret: () => Promise.resolve(),
  isWhole: () => true,
  setReplicas: () => Promise.resolve(),
  meshName: () => 'home',
  warnings: () => [],
};
const folder = { state: () => ({ warnings: [], notKept: [] }) } as unknown as Folder;

/** A peer's administration over a catalog of so many files, on a clock on which each path looked at takes `lookMs`. */
async function administrationOf(files: number, lookMs: number) {
  const mesh = new SimMesh(`status of ${files}`);
  const peer = await mesh.start('alpha');
  for (let index = 0; index < files; index++) await addFile(mesh, peer, `f${index}`);
  const seen = { looks: 0, looksInStep: 0, looksInStepMax: 0, nowMs: 0 };
  const clock: Clock = {
    now: () => seen.nowMs,
    wall: () => seen.nowMs,
    after: (ms, act) => {
      seen.looksInStep = 0;
      return peer.platform.clock.after(ms, act);
    },
  };
  const view = peer.catalog.view.bind(peer.catalog);
  peer.catalog.view = (path: FilePath) => {
    seen.looks++;
    seen.looksInStepMax = Math.max(seen.looksInStepMax, ++seen.looksInStep);
    seen.nowMs += lookMs;
    return view(path);
  };
  const administration = new Administration({ clock, catalog: peer.catalog, folder, membership });
  const status = (sight = ALL_SEEN) => mesh.settle(administration.status(sight));
  return { mesh, peer, seen, status };
}

describe('what is told of peers and files', () => {
  test('is an answer that clients take, whatever sizes somebody says', async () => {
    const size = Number.MAX_SAFE_INTEGER;
    const id = 'a'.repeat(64) as PeerId;
    let bytes = 2 * size;
    const catalog = {
      self: id,
      peers: { all: () => [{ id, live: true, sinceWallMs: 0, load: { capacity: 0 } }], isServing: () => true },
      heldBy: () => ({ files: 2, bytes }),
      shownName: () => 'alpha',
      wantedCopies: () => 2,
      onPaths() {},
      people: { rights: () => ({ regionOf: () => '' }) },
      paths: () => ['a'],
      view: () => ({ tombstones: [], contents: [1, 2].map(() => ({ size, holders: [] })) }),
    } as unknown as Catalog;
    const clock = { now: () => 0 } as unknown as Clock;
    const administration = new Administration({ clock, catalog, folder, membership });
    expect(CALLS.peers.reply.safeParse(administration.peers()).error).toBeUndefined();
    bytes = -2;
    expect(CALLS.peers.reply.safeParse(administration.peers()).error).toBeUndefined();
    const status = await administration.status(ALL_SEEN);
    expect(CALLS.status.reply.safeParse(status).error).toBeUndefined();
    expect(status).toMatchObject({ files: 1, bytes: size, conflicts: 1 });
  });
});

describe('the counts of status', () => {
  test('are taken once while nothing changes, however often one looks', async () => {
    const { seen, status } = await administrationOf(30, 0);
    for (let second = 0; second < 600; second++) {
      expect((await status()).files).toBe(30);
      seen.nowMs += 1000;
    }
    expect(seen.looks).toBe(30);
  });

  test('are taken once for all who may see something else, however many they are', async () => {
    const { seen, status } = await administrationOf(30, 0);
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 200; index++) {
        const sight: Sight = { all: false, name: `user${index}.0`, sees: () => index % 2 === 0, hiddenFolderOf: () => undefined };
        expect((await status(sight)).files).toBe(index % 2 === 0 ? 30 : 0);
      }
      expect((await status()).files).toBe(30);
    }
    expect(seen.looks).toBe(30);
  });

  test('follow a file, a peer and the wanted copies within seconds', async () => {
    const { mesh, peer, seen, status } = await administrationOf(3, 0);
    expect(await status()).toMatchObject({ files: 3, under: 3, unavailable: 0 });
    await addFile(mesh, peer, 'one more');
    seen.nowMs += 2001;
    expect(await status()).toMatchObject({ files: 4, under: 4 });
    await mesh.settle(peer.membership.setReplicas(1));
    seen.nowMs += 2001;
    expect(await status()).toMatchObject({ under: 0, wanted: 1 });
    peer.catalog.peers.update(peer.id, { paused: 'its folder is gone' });
    seen.nowMs += 2001;
    expect(await status()).toMatchObject({ unavailable: 4 });
  });

  test('have a file of which one version can be read for one that can be read', async () => {
    const [self, away] = ['a', 'b'] as unknown as [PeerId, PeerId];
    const holders = new Map([
      ['clash', [[self], [away]]],
      ['here', [[self]]],
      ['lost', [[away], [away]]],
    ]);
    const catalog = {
      ...{ self, onPaths: () => {}, facts: () => [], wantedCopies: () => 1, shownName: () => 'alpha' },
      peers: { all: () => [], isServing: (peer: PeerId) => peer === self },
      people: { rights: () => new Rights([]) },
      paths: () => [...holders.keys()],
      view: (path: string) => ({ tombstones: [], contents: holders.get(path)?.map((peers) => ({ size: 1, holders: peers })) }),
    } as unknown as Catalog;
    const administration = new Administration({ clock: { now: () => 0 } as Clock, catalog, folder, membership });
    expect(await administration.status(ALL_SEEN)).toMatchObject({ files: 3, under: 2, unavailable: 1, conflicts: 2 });
  });

  test('take a twentieth of the time at most where files change all the time, in short steps', async () => {
    const { mesh, peer, seen, status } = await administrationOf(1_200, 1);
    const began = seen.nowMs;
    for (let second = 0; second < 300; second++) {
      seen.looksInStep = 0;
      await status();
      await addFile(mesh, peer, `g${second % 10}`);
      seen.nowMs += 1000;
    }
    expect(seen.looks).toBeGreaterThan(2_400);
    expect(seen.looks / (seen.nowMs - began)).toBeLessThan(0.05);
    expect(seen.looksInStepMax).toBeLessThanOrEqual(500);
  });
});

describe('the removal of a peer', () => {
  test('names what only it has, also where a peer removed before had it too', async () => {
    const [self, leaving, removed] = ['a', 'b', 'c'] as unknown as [PeerId, PeerId, PeerId];
    const holders = new Map([
      ['both', [leaving, removed]],
      ['here', [self, leaving, removed]],
      ['there', [leaving]],
      ['nobody', [removed]],
    ]);
    const catalog = {
      self,
      onPaths: () => {},
      members: () => new Map([self, leaving].map((peer) => [peer, {}])),
      paths: () => [...holders.keys()],
      view: (path: string) => ({ contents: [{ holders: holders.get(path) }] }),
    } as unknown as Catalog;
    const administration = new Administration({ clock: {} as Clock, catalog, folder, membership });
    const told = await administration.remove({ peer: leaving, confirm: false });
    expect(told).toEqual({ onlyThere: ['both', 'there'], more: 0, removed: false });
  });

  test('looks at all paths for one who asks at a time', async () => {
    const peer = 'b' as unknown as PeerId;
    const pages = [Array.from({ length: 500 }, (_, index) => `a${String(index).padStart(3, '0')}`), ['b']];
    let [due, dueMax] = [0, 0];
    const after = (_ms: number, act: () => void) => {
      dueMax = Math.max(dueMax, ++due);
      setImmediate(() => {
        due--;
        act();
      });
    };
    const catalog = {
      ...{ self: 'a', onPaths: () => {}, members: () => new Map() },
      paths: (from: string) => pages[from === '' ? 0 : 1],
      view: () => ({ contents: [] }),
    } as unknown as Catalog;
    const administration = new Administration({ clock: { after } as unknown as Clock, catalog, folder, membership });
    const asked = Array.from({ length: 100 }, () => administration.remove({ peer, confirm: false }));
    const answers = await Promise.allSettled(asked);
    expect(dueMax).toBe(1);
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused).toHaveLength(83);
    expect(refused[0]?.reason).toMatchObject({ code: 'busy' });
  });
});

test('status names no file that may not be seen, and tells admins alone what the folder warns of', async () => {
  const state = () => ({
    warnings: ['busy: home/anna/a changes all the time'],
    notKept: ['home/anna/a.', 'b.'].map((path) => ({ path, reason: 'its name' })),
  });
  const mesh = new SimMesh('status of a guest');
  const { catalog, platform } = await mesh.start('alpha');
  const { clock } = platform;
  const administration = new Administration({ clock, catalog, folder: { state } as unknown as Folder, membership });
  const sight = {
    all: false,
    name: 'bob',
    sees: (path: string) => !path.startsWith('home/anna'),
    hiddenFolderOf: () => undefined,
  };
  const told = await mesh.settle(administration.status(sight));
  expect([told.warnings, told.notKept]).toEqual([[], [{ path: 'b.', reason: 'its name' }]]);
  const all = await mesh.settle(administration.status(ALL_SEEN));
  expect([all.warnings.length, all.notKept.length]).toEqual([1, 2]);
});

test('status counts for each what they may see, and anew when a right is given', async () => {
  const { mesh, root, anna, bob } = await people('a count for each');
  await mesh.settle(createText(root, 'shared.txt', 'all'));
  await mesh.settle(createText(anna, 'home/anna/diary.txt', 'hers alone'));
  await mesh.settle(createText(anna, 'home/anna/gone.txt', 'x'));
  await mesh.settle(remove(anna, 'home/anna/gone.txt', VERB));
  await mesh.run(5_000);
  const counts = async (session: Session) => {
    const { files, bytes, tombstones } = (await mesh.settle(session.call('status', {}))).reply;
    return [files, bytes, tombstones];
  };
  expect(await counts(bob)).toEqual([1, 3, 0]);
  for (const session of [anna, root]) expect(await counts(session)).toEqual([2, 13, 1]);
  await mesh.settle(grant(anna, { path: 'home/anna', who: 'bob', right: 'read' }, VERB));
  await mesh.run(10_000);
  expect(await counts(bob)).toEqual([2, 13, 1]);
});

test('status counts by the rights of now, as soon as they are another', async () => {
  const { mesh, root, bob } = await people('a count after a revoke');
  for (const path of ['docs/plan.txt', 'docs/board/minutes.txt', 'shared.txt']) await mesh.settle(createText(root, path, 'x'));
  await mesh.run(10_000);
  const files = async () => (await mesh.settle(bob.call('status', {}))).reply.files;
  for (const [path, right, left] of [
    ['docs/board', 'none', 2],
    ['docs', 'none', 1],
    ['docs/board', 'read', 2],
    ['docs', 'read', 3],
  ] as const) {
    // Counted a moment before: a count that is told again.
    await files();
    await mesh.settle(grant(root, { path, who: 'bob', right }, VERB));
    await mesh.run(1_000);
    expect([path, right, await files()]).toEqual([path, right, left]);
  }
});
