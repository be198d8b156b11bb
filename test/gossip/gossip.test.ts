import { describe, expect, test } from 'vitest';
import type { FilePath } from '../../src/core/ids.ts';
import { addFile, agree, SimMesh, type SimPeer } from '../membership/sim-mesh.ts';
import type { NodeImage } from '../sim/sim-node.ts';
import type { SimRandom } from '../sim/sim-random.ts';

async function two(seed: string): Promise<{ mesh: SimMesh; alpha: SimPeer; bravo: SimPeer }> {
  const mesh = new SimMesh(seed);
  const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
  if (alpha === undefined || bravo === undefined) throw new Error('two peers');
  await mesh.until('linked', () => mesh.isMeshed());
  return { mesh, alpha, bravo };
}

function isCaughtUp(peer: SimPeer): boolean {
  return peer.catalog.peers.get(peer.id)?.caughtUp === true;
}

const knows = (peer: SimPeer, path: FilePath) => peer.catalog.view(path) !== undefined;

describe('pushing', () => {
  test('a change is known by the other within a few round trips', async () => {
    const { mesh, alpha, bravo } = await two('push');
    const path = await addFile(mesh, alpha, 'notes.txt');
    await mesh.until('bravo knows', () => knows(bravo, path), 50);
    expect(agree(alpha, bravo, path)).toBe(true);
    expect(bravo.catalog.view(path)?.contents[0]?.holders).toEqual([alpha.id]);
    await mesh.until('alpha knows that bravo knows', () => alpha.catalog.peers.readSequence(bravo.id) === 1, 50);
  });

  test('what came while a delta was on its way goes with the next one', async () => {
    const { mesh, alpha, bravo } = await two('coalesced');
    await mesh.run(1_000);
    bravo.node.store.faults = { ...bravo.node.store.faults, latencyMinMs: 50, latencyMaxMs: 50 };
    alpha.deltas.length = 0;
    const paths: FilePath[] = [];
    for (let count = 0; count < 40; count++) paths.push(await addFile(mesh, alpha, `file ${count}`));
    await mesh.until('bravo knows all', () => paths.every((path) => knows(bravo, path)), 2_000);
    expect(alpha.deltas.reduce((sum, delta) => sum + delta.records, 0)).toBe(40);
    expect(alpha.deltas.length).toBeLessThan(5);
  });

  test('a delta that was not taken is told again', async () => {
    const { mesh, alpha, bravo } = await two('refused');
    bravo.node.store.faults = { ...bravo.node.store.faults, isFull: true };
    const path = await addFile(mesh, alpha, 'notes.txt');
    await mesh.run(1_000);
    expect(knows(bravo, path)).toBe(false);
    bravo.node.store.faults = { ...bravo.node.store.faults, isFull: false };
    await mesh.until('bravo knows', () => knows(bravo, path), 2_000);
  });

  test('a disk that stays full is tried more and more rarely, and one that has room again is told at once', async () => {
    const { mesh, alpha, bravo } = await two('full for long');
    bravo.node.store.faults = { ...bravo.node.store.faults, isFull: true };
    const path = await addFile(mesh, alpha, 'notes.txt');
    alpha.deltas.length = 0;
    await mesh.run(120_000);
    expect(alpha.deltas.length).toBeGreaterThan(5);
    // Rounds of either end try it too.
    expect(alpha.deltas.length).toBeLessThan(60);
    bravo.node.store.faults = { ...bravo.node.store.faults, isFull: false };
    await mesh.until('bravo knows', () => knows(bravo, path), 12_000);
    const next = await addFile(mesh, alpha, 'more notes.txt');
    await mesh.until('bravo knows the next', () => knows(bravo, next), 1_000);
  });
});

describe('on link-up', () => {
  test('each end tells what the other lacks, in pages, and then they are caught up', async () => {
    const mesh = new SimMesh('first sync');
    const alpha = await mesh.start('alpha');
    const paths: FilePath[] = [];
    for (let count = 0; count < 1_000; count++) paths.push(await addFile(mesh, alpha, `folder/file ${count}`));
    const bravo = await mesh.start('bravo');
    const late = await addFile(mesh, bravo, 'of bravo');
    await mesh.until('linked', () => mesh.isMeshed());
    expect(isCaughtUp(bravo)).toBe(false);
    await mesh.until('caught up', () => isCaughtUp(alpha) && isCaughtUp(bravo), 5_000);
    expect(paths.every((path) => knows(bravo, path))).toBe(true);
    expect(agree(alpha, bravo, late)).toBe(true);
    const told = alpha.deltas.filter((delta) => delta.to === bravo.id);
    expect(told.reduce((sum, delta) => sum + delta.records, 0)).toBe(1_000);
    expect(told.length).toBeGreaterThan(1);
  });

  test('alone a peer is caught up; with others it is not before it has read them', async () => {
    const mesh = new SimMesh('caught up');
    const alpha = await mesh.start('alpha');
    expect(isCaughtUp(alpha)).toBe(true);
    await addFile(mesh, alpha, 'notes.txt');
    const seen: boolean[] = [];
    const bravo = await mesh.start('bravo');
    bravo.switchboard.onUp(() => seen.push(isCaughtUp(bravo)));
    await mesh.until('linked', () => mesh.isMeshed());
    expect(seen).toEqual([false]);
    await mesh.until('caught up', () => isCaughtUp(bravo) && isCaughtUp(alpha), 1_000);
    await mesh.until('and alpha is told', () => alpha.catalog.peers.get(bravo.id)?.caughtUp === true, 1_000);
  });

  test('a link that comes back after no change costs no records', async () => {
    const { mesh, alpha, bravo } = await two('reconnect');
    for (let count = 0; count < 50; count++) await addFile(mesh, alpha, `file ${count}`);
    await mesh.until('bravo knows', () => alpha.catalog.peers.readSequence(bravo.id) === 50, 2_000);
    alpha.deltas.length = 0;
    bravo.deltas.length = 0;
    mesh.partition([['alpha'], ['bravo']]);
    await mesh.until('parted', () => alpha.switchboard.peers().length + bravo.switchboard.peers().length === 0, 10_000);
    mesh.world.lan.heal();
    await mesh.until('linked again', () => mesh.isMeshed(), 15_000);
    await mesh.until('caught up', () => isCaughtUp(alpha) && isCaughtUp(bravo), 1_000);
    mesh.kill('bravo');
    const again = await mesh.start('bravo');
    await mesh.until('linked to the new start', () => mesh.isMeshed(), 15_000);
    await mesh.until('caught up', () => isCaughtUp(alpha) && isCaughtUp(again), 1_000);
    await mesh.run(15_000);
    expect([...alpha.deltas, ...bravo.deltas, ...again.deltas]).toEqual([]);
  });

  test('after an absence only the difference is told', async () => {
    const { mesh, alpha, bravo } = await two('difference');
    for (let count = 0; count < 20; count++) await addFile(mesh, alpha, `file ${count}`);
    await mesh.until('bravo knows', () => alpha.catalog.peers.readSequence(bravo.id) === 20, 2_000);
    mesh.kill('bravo');
    await mesh.until('gone', () => alpha.switchboard.peers().length === 0);
    const path = await addFile(mesh, alpha, 'meanwhile');
    alpha.deltas.length = 0;
    const again = await mesh.start('bravo');
    await mesh.until('bravo knows', () => knows(again, path), 5_000);
    expect(alpha.deltas).toEqual([{ to: again.id, index: alpha.id, records: 1, whole: false }]);
  });
});

describe('third parties', () => {
  test('alpha learns of what charlie had through bravo, when charlie is gone', async () => {
    const mesh = new SimMesh('through bravo');
    const [, bravo, charlie] = await mesh.startAll(['alpha', 'bravo', 'charlie']);
    if (bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    mesh.kill('alpha');
    const path = await addFile(mesh, charlie, 'of charlie');
    await mesh.until('bravo knows', () => knows(bravo, path), 1_000);
    mesh.kill('charlie');
    const alpha = await mesh.start('alpha');
    await mesh.until('alpha knows', () => knows(alpha, path), 15_000);
    expect(alpha.catalog.view(path)?.contents[0]?.holders).toEqual([charlie.id]);
    expect(alpha.catalog.peers.isLive(charlie.id)).toBe(false);
  });

  test('and while charlie lives but cannot be reached from alpha', async () => {
    const mesh = new SimMesh('around a cut');
    const [alpha, bravo, charlie] = await mesh.startAll(['alpha', 'bravo', 'charlie']);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const [a, c] = [alpha.node.host, charlie.node.host];
    mesh.world.lan.cut(a, c);
    mesh.world.lan.cut(c, a);
    await mesh.until('cut', () => alpha.switchboard.link(charlie.id) === undefined, 5_000);
    const path = await addFile(mesh, charlie, 'of charlie');
    await mesh.until('alpha knows by anti-entropy', () => knows(alpha, path), 25_000);
    expect(agree(alpha, charlie, path)).toBe(true);
  });

  test('a newcomer is told each index about once, however many know it', async () => {
    const mesh = new SimMesh('newcomer');
    const names = ['alpha', 'bravo', 'charlie', 'delta'];
    const peers = await mesh.startAll(names);
    await mesh.until('linked', () => mesh.isMeshed());
    const paths: FilePath[] = [];
    for (let count = 0; count < 1_200; count++) paths.push(await addFile(mesh, peers[3] as SimPeer, `file ${count}`));
    await mesh.until('all know', () => peers.every((peer) => paths.every((path) => knows(peer, path))), 10_000);
    mesh.kill('delta');
    await mesh.until('delta is gone', () => peers.slice(0, 3).every((peer) => peer.switchboard.peers().length === 2));
    for (const peer of peers) peer.deltas.length = 0;
    const echo = await mesh.start('echo');
    await mesh.until('echo knows all', () => paths.every((path) => knows(echo, path)), 30_000);
    const told = peers.flatMap((peer) => peer.deltas).filter((delta) => delta.to === echo.id && delta.index === peers[3]?.id);
    const records = told.reduce((sum, delta) => sum + delta.records, 0);
    expect(records).toBeGreaterThanOrEqual(1_200);
    expect(records).toBeLessThan(2_800);
  });
});

describe('lost histories', () => {
  test('a restored store: a new writer, the whole index anew, and what it forgot stays known', async () => {
    const { mesh, alpha, bravo } = await two('restored');
    const before = await addFile(mesh, bravo, 'before');
    await mesh.until('alpha knows', () => knows(alpha, before), 1_000);
    const image = bravo.node.snapshot();
    const lost = await addFile(mesh, bravo, 'lost with the store');
    await mesh.until('alpha knows', () => knows(alpha, lost), 1_000);
    mesh.kill('bravo');
    bravo.node.restore(image);
    const again = await mesh.start('bravo');
    const after = await addFile(mesh, again, 'after');
    await mesh.until('linked', () => mesh.isMeshed(), 5_000);
    await mesh.until(
      'one truth',
      () => knows(again, lost) && [before, lost, after].every((path) => agree(alpha, again, path)),
      5_000,
    );
    // Nobody holds the lost one now, but it is not forgotten.
    expect(again.catalog.view(lost)?.contents[0]?.holders).toEqual([]);
    expect(again.catalog.view(before)?.contents[0]?.holders).toEqual([again.id]);
    expect(alpha.deltas.concat(again.deltas).some((delta) => delta.index === again.id && delta.whole)).toBe(true);
    const more = await addFile(mesh, again, 'more');
    await mesh.until('and it goes on', () => agree(alpha, again, more), 1_000);
  });

  test('a store that was wiped: the index starts anew, empty, and nothing is forgotten', async () => {
    const { mesh, alpha, bravo } = await two('wiped');
    const path = await addFile(mesh, bravo, 'notes.txt');
    await mesh.until('alpha knows', () => knows(alpha, path), 1_000);
    mesh.kill('bravo');
    bravo.node.wipe();
    const again = await mesh.start('bravo');
    await mesh.until('bravo knows what it had', () => knows(again, path), 10_000);
    await mesh.until('they agree', () => agree(alpha, again, path), 5_000);
    expect(alpha.catalog.view(path)?.contents[0]?.holders).toEqual([]);
    await mesh.until('caught up', () => isCaughtUp(alpha) && isCaughtUp(again), 1_000);
  });

  test('a new writer without a record yet: who has read all before is caught up (found by a seed)', async () => {
    const { mesh, alpha, bravo } = await two('empty start');
    const path = await addFile(mesh, bravo, 'notes.txt');
    await mesh.until('alpha knows', () => knows(alpha, path), 1_000);
    await mesh.settle(bravo.catalog.startAnew());
    mesh.kill('alpha');
    const again = await mesh.start('alpha');
    await mesh.until('linked', () => mesh.isMeshed(), 5_000);
    await mesh.until('caught up', () => isCaughtUp(again), 1_000);
  });
});

const NAMES = ['alpha', 'bravo', 'charlie', 'delta'];

/** One random thing that happens: a kill, a start, a cut, an old store put back, else a file. */
async function disturb(mesh: SimMesh, random: SimRandom, paths: Set<FilePath>, images: NodeImage[]): Promise<void> {
  const name = random.pick(NAMES);
  const peer = mesh.peers.get(name);
  const dice = random.integer(10);
  if (peer === undefined) {
    await mesh.start(name);
  } else if (dice === 0) {
    mesh.kill(name);
  } else if (dice === 1) {
    mesh.partition([random.shuffled(NAMES).slice(0, 2)]);
  } else if (dice === 2) {
    mesh.world.lan.heal();
  } else if (dice === 3 && name === 'delta') {
    const image = peer.node.snapshot();
    mesh.kill(name);
    const old = images.pop();
    if (old === undefined) images.push(image);
    else peer.node.restore(old);
  } else {
    paths.add(await addFile(mesh, peer, `file ${random.integer(8)}`));
  }
}

describe('under trouble', () => {
  for (let seed = 1; seed <= 10; seed++) {
    test(`whatever happened on the way, all agree when it is over (seed ${seed})`, async () => {
      const mesh = new SimMesh(`gossip swarm ${seed}`, 'swarm');
      await mesh.startAll(NAMES);
      const random = mesh.world.scheduler.random.fork('test');
      const paths = new Set<FilePath>();
      const images: NodeImage[] = [];
      for (let step = 0; step < 40; step++) {
        await disturb(mesh, random, paths, images);
        await mesh.run(random.integer(3_000));
      }
      mesh.world.lan.heal();
      mesh.world.calm();
      for (const name of NAMES) if (!mesh.peers.has(name)) await mesh.start(name);
      const peers = NAMES.map((name) => mesh.peers.get(name) as SimPeer);
      const allAgree = () => [...paths].every((path) => peers.every((peer) => agree(peer, peers[0] as SimPeer, path)));
      await mesh.until('all are linked and agree', () => mesh.isMeshed() && allAgree() && peers.every(isCaughtUp), 120_000);
    });
  }
});
