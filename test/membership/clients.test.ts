import { expect, test } from 'vitest';
import { makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import type { Fact } from '../../src/core/facts.ts';
import type { PeerId } from '../../src/core/ids.ts';
import { CLIENT_LINKS_MAX } from '../../src/membership/links.ts';
import { connect } from './sim-client.ts';
import { LINE, SimMesh } from './sim-mesh.ts';

test('clients of one identity have a link each, up to a bound; they are members, and never peers', async () => {
  const mesh = new SimMesh('clients');
  const alpha = await mesh.start('alpha');
  const bravo = await mesh.start('bravo');
  await mesh.until('linked', () => mesh.isMeshed());
  const platform = mesh.world.addNode('laptop').start();
  const address = alpha.membership.addresses()[0] as string;
  const first = await connect(mesh, platform, address);
  expect(first.reply.name).toBe('alpha');
  for (let count = 1; count < CLIENT_LINKS_MAX; count++) await connect(mesh, platform, address);
  expect(alpha.switchboard.clients().length).toBe(CLIENT_LINKS_MAX);
  await expect(connect(mesh, platform, address)).rejects.toMatchObject({ code: 'busy' });
  expect(alpha.catalog.members().get(platform.network.selfId)?.role).toBe('client');
  await mesh.until('bravo is told', () => bravo.catalog.members().has(platform.network.selfId), 1_000);
  expect(alpha.catalog.peers.get(platform.network.selfId)).toBeUndefined();
  expect(alpha.switchboard.peers().map(({ peer }) => peer)).toEqual([bravo.id]);
  first.link.close('done');
  await mesh.until('its place is free', () => alpha.switchboard.clients().length === CLIENT_LINKS_MAX - 1, 1_000);
});

test('200 clients that come to one peer at once are all let in, stay, and are told; the peers stay one mesh', async () => {
  const mesh = new SimMesh('a crowd');
  const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
  await mesh.until('linked', () => mesh.isMeshed());
  const crowd = Array.from({ length: 200 }, (_, index) => {
    const memory = new MeshMemory({ line: LINE, facts: [] });
    const platform = mesh.world.addNode(`laptop ${index}`).start();
    const given = alpha?.membership.addresses() ?? [];
    const client = makeClient({ platform, memory, name: `user ${index}`, given, remembered: [], timeoutMs: 10_000 });
    return { ...client, memory };
  });
  await mesh.settle(Promise.all(crowd.map(({ session }) => session.call('ping', {}))));
  expect(alpha?.switchboard.clients()).toHaveLength(200);
  const links = alpha?.switchboard.clients();
  // Longer than any silence that ends a link.
  await mesh.run(20_000);
  expect(alpha?.switchboard.clients()).toEqual(links);
  expect(mesh.isMeshed()).toBe(true);
  await mesh.settle(bravo?.membership.setReplicas(4) as Promise<void>);
  const isTold = (facts: readonly Fact[]) => facts.some((fact) => fact.kind === 'setting' && fact.value === 4);
  await mesh.until('all hear of a setting', () => crowd.every(({ memory }) => isTold(memory.facts)), 2_000);
  await mesh.settle(Promise.all(crowd.map(({ session }) => session.call('ping', {}))));
}, 60_000);

test('a client is told who was removed: at once, and when it comes later', async () => {
  const mesh = new SimMesh('client removals');
  const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
  await mesh.until('linked', () => mesh.isMeshed());
  const address = alpha?.membership.addresses()[0] as string;
  const bravoId = bravo?.id as PeerId;
  const early = await connect(mesh, mesh.world.addNode('laptop').start(), address);
  await mesh.until('told', () => early.facts.some(({ kind }) => kind === 'mesh'), 1_000);
  const isRemoved = (facts: readonly Fact[]) => facts.some((fact) => fact.kind === 'removal' && fact.id === bravoId);
  expect(isRemoved(early.facts)).toBe(false);
  await mesh.settle(alpha?.membership.removeMember(bravoId) as Promise<void>);
  await mesh.until('the client hears of it', () => isRemoved(early.facts), 1_000);
  const line = alpha?.membership.inviteLine() as string;
  const later = await connect(mesh, mesh.world.addNode('tablet').start(), address, line);
  await mesh.until('the later one hears of it', () => isRemoved(later.facts), 1_000);
});

test('a client is told what lets it come again, and is not believed', async () => {
  const mesh = new SimMesh('client facts');
  const alpha = await mesh.start('alpha');
  const platform = mesh.world.addNode('laptop').start();
  const { link, facts } = await connect(mesh, platform, alpha.membership.addresses()[0] as string);
  await mesh.until('told', () => facts.some(({ kind }) => kind === 'mesh'), 1_000);
  expect(facts.map(({ kind }) => kind).sort()).toEqual(['member', 'mesh', 'secret']);
  const stranger = 'd'.repeat(64) as typeof alpha.id;
  link.note('facts', { facts: [{ kind: 'member', id: stranger, role: 'peer', name: 'mallory', generation: 1 }] });
  await mesh.run(1_000);
  expect(alpha.catalog.members().has(stranger)).toBe(false);
  await mesh.settle(alpha.membership.removeMember(platform.network.selfId));
  await mesh.until('a removed client is put out', () => !link.open, 1_000);
  await expect(connect(mesh, platform, alpha.membership.addresses()[0] as string)).rejects.toMatchObject({ code: 'not-allowed' });
});
