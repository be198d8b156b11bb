import { describe, expect, test } from 'vitest';
import { idPrefixOf, parseMeshLine, tagOf } from '../../src/wire/mesh-line.ts';
import { LINE, OTHER_LINE, SimMesh } from './sim-mesh.ts';

const NAMES = ['alpha', 'bravo', 'charlie'];

describe('one mesh, one link a pair', () => {
  for (let seed = 1; seed <= 8; seed++) {
    test(`three peers started at once with one line become one mesh (seed ${seed})`, async () => {
      const mesh = new SimMesh(`at once ${seed}`);
      const peers = await mesh.startAll(NAMES);
      await mesh.until('all are linked', () => mesh.isMeshed(), 2_000);
      await mesh.run(3_000);
      expect(mesh.isMeshed()).toBe(true);
      for (const peer of peers) {
        expect(peer.switchboard.peers().length).toBe(2);
        expect([...peer.catalog.members().keys()].sort()).toEqual(peers.map(({ id }) => id).sort());
        expect(peer.membership.mesh()?.id).toBe(peers[0]?.membership.mesh()?.id);
        // No flicker: dials that cross are settled before a link is up.
        expect(peer.said.filter((word) => word.startsWith('lost'))).toEqual([]);
        expect(peer.said.filter((word) => word.startsWith('joined')).length).toBe(2);
        expect(peer.catalog.peers.all().every(({ live }) => live)).toBe(true);
      }
    });
  }

  test('on a bad network they find one another all the same', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const mesh = new SimMesh(`swarm ${seed}`, 'swarm');
      await mesh.startAll(NAMES);
      await mesh.run(20_000);
      mesh.world.calm();
      await mesh.until('all are linked', () => mesh.isMeshed(), 60_000);
    }
  });

  test('addresses given by hand do where multicast does not reach, and are remembered', async () => {
    const mesh = new SimMesh('no multicast');
    mesh.world.air.faults.lossRate = 1;
    const alpha = await mesh.start('alpha');
    await mesh.start('bravo', { peers: alpha.membership.addresses() });
    await mesh.until('linked', () => mesh.isMeshed(), 5_000);
    mesh.kill('bravo');
    await mesh.start('bravo');
    await mesh.until('linked again by what was remembered', () => mesh.isMeshed(), 5_000);
  });

  test('a peer that dials itself stays alone, says so, and is no clone', async () => {
    const mesh = new SimMesh('itself');
    const alpha = await mesh.start('alpha', { peers: ['127.0.0.1:4000', '10.0.0.1:4000'] });
    await mesh.run(11_000);
    expect(alpha.said).toEqual(['alone']);
    expect(alpha.switchboard.peers()).toEqual([]);
  });

  test('a link that is cut comes back, and both ends know when the other was away', async () => {
    const mesh = new SimMesh('cut');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    mesh.partition([['alpha'], ['bravo']]);
    await mesh.until('both know', () => !alpha.catalog.peers.isLive(bravo.id) && !bravo.catalog.peers.isLive(alpha.id), 6_000);
    mesh.world.lan.heal();
    await mesh.until('linked again', () => mesh.isMeshed(), 15_000);
    await mesh.until('caught up', () => alpha.catalog.peers.get(bravo.id)?.caughtUp === true, 1_000);
    expect(alpha.catalog.peers.get(bravo.id)).toMatchObject({ live: true, saidGoodbye: false });
  });

  test('a forged sighting that puts a linked peer at the address of another does not keep that one away', async () => {
    const mesh = new SimMesh('forged');
    const [alpha, bravo, charlie] = await mesh.startAll(NAMES);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const { lan, air } = mesh.world;
    const [one, other] = [mesh.world.node('alpha').host, mesh.world.node('charlie').host];
    lan.cut(one, other);
    lan.cut(other, one);
    await mesh.until('alpha knows', () => !alpha.catalog.peers.isLive(charlie.id), 6_000);
    const { instance } = bravo.membership;
    const tag = tagOf(idPrefixOf(parseMeshLine(LINE)), instance);
    air.faults.lossRate = 1;
    for (const { membership } of [alpha, charlie]) air.forge({ instance, tag, addresses: membership.addresses() });
    mesh.world.lan.heal();
    await mesh.until('linked again', () => mesh.isMeshed(), 15_000);
  });

  test('a goodbye is told as one', async () => {
    const mesh = new SimMesh('goodbye');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    const beganMs = mesh.world.scheduler.nowMs;
    await mesh.settle(bravo.membership.stop());
    expect(mesh.world.scheduler.nowMs - beganMs).toBeLessThan(1_500);
    await mesh.until('alpha knows', () => alpha.catalog.peers.get(bravo.id)?.live === false, 1_000);
    expect(alpha.catalog.peers.get(bravo.id)?.saidGoodbye).toBe(true);
    expect(alpha.said).toContain('lost bravo');
  });

  test('what changes while a link comes up is told on it, and at rest hardly anything is', async () => {
    const mesh = new SimMesh('load at the start');
    const alpha = await mesh.start('alpha');
    let heard = 0;
    alpha.switchboard.hear('load', () => heard++);
    const bravo = await mesh.start('bravo');
    const { load } = bravo.state;
    // Changes behind the hello, before the link is in: nobody else is there to be told.
    const isUp = () => bravo.catalog.peers.isLive(alpha.id);
    Object.defineProperty(bravo, 'state', {
      get: () => ({ paused: undefined, opening: false, load: { ...load, bytes: isUp() ? 5 : 0 } }),
    });
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.until('alpha was told', () => alpha.catalog.peers.get(bravo.id)?.load.bytes === 5, 300);
    await mesh.run(10_000);
    heard = 0;
    await mesh.run(300_000);
    expect(heard).toBeGreaterThanOrEqual(4);
    expect(heard).toBeLessThanOrEqual(6);
  });

  test('what changes without a word is told by the next look', async () => {
    const mesh = new SimMesh('a look');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.run(10_000);
    bravo.state = { ...bravo.state, load: { ...bravo.state.load, bytes: 5 } };
    await mesh.until('alpha is told', () => alpha.catalog.peers.get(bravo.id)?.load.bytes === 5, 6_000);
  });

  test('load and pause are told when they change', async () => {
    const mesh = new SimMesh('load');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.run(1_000);
    bravo.state = { paused: 'the marker is missing', opening: false, load: { ...bravo.state.load, bytes: 77 } };
    bravo.membership.stateChanged();
    await mesh.until('alpha is told', () => alpha.catalog.peers.get(bravo.id)?.load.bytes === 77, 300);
    expect(alpha.catalog.peers.get(bravo.id)?.paused).toBe('the marker is missing');
    bravo.state = { ...bravo.state, paused: undefined };
    await mesh.until('told sooner or later without a word', () => alpha.catalog.peers.get(bravo.id)?.paused === undefined, 5_500);
  });
});

describe('which mesh', () => {
  test('without a line a new mesh begins, with a strong secret and its setting; its line admits', async () => {
    const mesh = new SimMesh('new');
    const alpha = await mesh.start('alpha', { join: undefined, replicas: 3 });
    const line = alpha.membership.inviteLine();
    expect(parseMeshLine(line)).toMatchObject({ name: 'home' });
    expect(alpha.catalog.facts()).toContainEqual({ kind: 'setting', name: 'replicas', value: 3, revision: 0 });
    const bravo = await mesh.start('bravo', { join: line });
    await mesh.until('linked', () => mesh.isMeshed(), 2_000);
    await mesh.until('bravo has the facts', () => bravo.catalog.facts().length === alpha.catalog.facts().length, 1_000);
    expect(bravo.membership.inviteLine()).toBe(line);
  });

  test('another secret: not one mesh, and both say that another is there', async () => {
    const mesh = new SimMesh('other');
    const alpha = await mesh.start('alpha');
    const bravo = await mesh.start('bravo', { join: OTHER_LINE, peers: alpha.membership.addresses() });
    await mesh.run(8_000);
    expect(alpha.switchboard.peers()).toEqual([]);
    expect(bravo.switchboard.peers()).toEqual([]);
    expect(alpha.catalog.members().has(bravo.id)).toBe(false);
    expect(alpha.said).toContain('foreign 1');
  });

  test('a member ignores a line of its own mesh and refuses another mesh', async () => {
    const mesh = new SimMesh('again');
    await mesh.start('alpha');
    mesh.kill('alpha');
    await expect(mesh.start('alpha', { join: OTHER_LINE })).rejects.toMatchObject({ code: 'usage' });
    mesh.kill('alpha');
    const alpha = await mesh.start('alpha', { join: LINE });
    mesh.kill('alpha');
    const again = await mesh.start('alpha', { join: undefined });
    expect(again.membership.mesh()?.id).toBe(alpha.membership.mesh()?.id);
  });

  test('the wanted copies are one setting of the mesh', async () => {
    const mesh = new SimMesh('setting');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.settle(alpha.membership.setReplicas(3));
    const replicas = () => bravo.catalog.facts().find((fact) => fact.kind === 'setting')?.value;
    await mesh.until('bravo is told', () => replicas() === 3, 1_000);
    await mesh.settle(bravo.membership.setReplicas(2));
    await mesh.until(
      'a later one wins',
      () => alpha.catalog.facts().some((fact) => fact.kind === 'setting' && fact.value === 2),
      1_000,
    );
  });
});

describe('removal', () => {
  test('a removed peer is put out at once, stays out, and is told', async () => {
    const mesh = new SimMesh('removal');
    const [alpha, bravo, charlie] = await mesh.startAll(NAMES);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.settle(alpha.membership.removeMember(charlie.id));
    await mesh.until(
      'put out everywhere',
      () => [alpha, bravo].every((one) => one.switchboard.link(charlie.id) === undefined),
      1_000,
    );
    await mesh.until('charlie knows', () => charlie.said.includes('removed'), 1_000);
    await mesh.run(10_000);
    expect(mesh.isMeshed(['alpha', 'bravo'])).toBe(true);
    expect(alpha.switchboard.peers().length).toBe(1);
    expect(bravo.catalog.peers.get(charlie.id)).toBeUndefined();
    const secrets = (peer: typeof alpha) => peer.catalog.facts().filter((fact) => fact.kind === 'secret').length;
    expect([secrets(alpha), secrets(bravo), secrets(charlie)]).toEqual([2, 2, 1]);
  });

  test('a removed peer stays out after a partition in which the others did not know', async () => {
    const mesh = new SimMesh('removal in a partition');
    const [alpha, bravo, charlie] = await mesh.startAll(NAMES);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    mesh.partition([['alpha'], ['bravo', 'charlie']]);
    await mesh.until('parted', () => alpha.switchboard.peers().length === 0);
    await mesh.settle(alpha.membership.removeMember(charlie.id));
    await mesh.run(5_000);
    expect(mesh.isMeshed(['bravo', 'charlie'])).toBe(true);
    mesh.world.lan.heal();
    await mesh.until(
      'bravo hears of it',
      () => mesh.isMeshed(['alpha', 'bravo']) && bravo.switchboard.peers().length === 1,
      20_000,
    );
    await mesh.run(10_000);
    expect([alpha.switchboard.peers().length, bravo.switchboard.peers().length, charlie.switchboard.peers().length]).toEqual([
      1, 1, 0,
    ]);
  });

  test('the old line admits nobody any more, the new one does; who was away comes back by its key', async () => {
    const mesh = new SimMesh('renewed');
    const [alpha, bravo, charlie] = await mesh.startAll(NAMES);
    if (alpha === undefined || bravo === undefined || charlie === undefined) throw new Error('three peers');
    await mesh.until('linked', () => mesh.isMeshed());
    mesh.kill('bravo');
    await mesh.settle(alpha.membership.removeMember(charlie.id));
    await mesh.start('bravo', { join: undefined });
    await mesh.until('bravo is back', () => mesh.isMeshed(['alpha', 'bravo']), 5_000);
    const delta = await mesh.start('delta', { join: LINE });
    await mesh.run(8_000);
    expect(delta.switchboard.peers()).toEqual([]);
    expect(alpha.catalog.members().has(delta.id)).toBe(false);
    const line = alpha.membership.inviteLine();
    expect(parseMeshLine(line).idPrefix).toBe(alpha.membership.mesh()?.id.slice(0, 16));
    const echo = await mesh.start('echo', { join: line });
    await mesh.until('echo is in', () => mesh.isMeshed(['alpha', 'bravo', 'echo']), 5_000);
    await mesh.until('and knows its mesh', () => echo.membership.mesh()?.id === alpha.membership.mesh()?.id, 1_000);
    // With the new line the one that was refused comes in too, though it took itself for a member.
    mesh.kill('delta');
    await mesh.start('delta', { join: line });
    await mesh.until('delta is in', () => mesh.isMeshed(['alpha', 'bravo', 'echo', 'delta']), 8_000);
    await mesh.run(3_000);
    expect(mesh.isMeshed(['alpha', 'bravo', 'echo', 'delta'])).toBe(true);
  });

  test('removals that crossed: the secret is renewed so that neither removed one knows it', async () => {
    const mesh = new SimMesh('crossed');
    const names = ['alpha', 'bravo', 'charlie', 'delta'];
    const [alpha, bravo, charlie, delta] = await mesh.startAll(names);
    if (alpha === undefined || bravo === undefined || charlie === undefined || delta === undefined) throw new Error('four');
    await mesh.until('linked', () => mesh.isMeshed());
    mesh.partition([
      ['alpha', 'charlie'],
      ['bravo', 'delta'],
    ]);
    await mesh.until('parted', () => alpha.switchboard.peers().length === 1 && bravo.switchboard.peers().length === 1);
    await mesh.settle(alpha.membership.removeMember(delta.id));
    await mesh.settle(bravo.membership.removeMember(charlie.id));
    await mesh.run(2_000);
    mesh.world.lan.heal();
    await mesh.until(
      'alpha and bravo agree',
      () => mesh.isMeshed(['alpha', 'bravo']) && alpha.membership.inviteLine() === bravo.membership.inviteLine(),
      20_000,
    );
    await mesh.run(2_000);
    const present = alpha.catalog
      .facts()
      .filter((fact) => fact.kind === 'secret')
      .sort((a, b) => b.generation - a.generation)[0];
    expect(present?.generation).toBe(3);
    expect([...(present?.excludes ?? [])].sort()).toEqual([charlie.id, delta.id].sort());
    for (const removed of [charlie, delta]) {
      expect(removed.switchboard.peers()).toEqual([]);
      expect(removed.catalog.facts().some((fact) => fact.kind === 'secret' && fact.secret === present?.secret)).toBe(false);
    }
  });
});
