import { expect, test } from 'vitest';
import { wantedCopies } from '../../src/core/settings.ts';
import { SimMesh, type SimPeer } from './sim-mesh.ts';

test('the number of copies that newcomers were told to want is that of the mesh: the larger, until one is set', async () => {
  const mesh = new SimMesh('told replicas');
  const wanted = (peer: SimPeer) => wantedCopies(peer.catalog.facts());
  const alpha = await mesh.start('alpha', { replicas: 3 });
  const bravo = await mesh.start('bravo', { replicas: 3 });
  expect([wanted(alpha), wanted(bravo)]).toEqual([3, 3]);
  const charlie = await mesh.start('charlie', { replicas: 1 });
  const delta = await mesh.start('delta');
  const everybody = [alpha, bravo, charlie, delta];
  await mesh.until('all have 3', () => everybody.every((peer) => wanted(peer) === 3));
  await mesh.settle(delta.membership.setReplicas(2));
  await mesh.until('all have 2', () => everybody.every((peer) => wanted(peer) === 2));
  const echo = await mesh.start('echo', { replicas: 5 });
  await mesh.until('what was set goes before', () => mesh.isMeshed() && wanted(echo) === 2);
  // A member that starts again has no say.
  mesh.kill('charlie');
  const again = await mesh.start('charlie', { replicas: 7 });
  await mesh.until('linked', () => mesh.isMeshed());
  expect([wanted(again), wanted(alpha)]).toEqual([2, 2]);
});

test('a newcomer with a renewed line is heard too', async () => {
  const mesh = new SimMesh('told replicas, renewed');
  const alpha = await mesh.start('alpha');
  await mesh.start('bravo');
  await mesh.until('linked', () => mesh.isMeshed());
  await mesh.settle(alpha.membership.removeMember(mesh.world.node('bravo').id));
  const charlie = await mesh.start('charlie', { join: alpha.membership.inviteLine(), replicas: 4 });
  await mesh.until('both have 4', () => [alpha, charlie].every((peer) => wantedCopies(peer.catalog.facts()) === 4));
});
