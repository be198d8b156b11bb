import { expect, test } from 'vitest';
import type { Address } from '../../src/platform/network.ts';
import { SimMesh } from './sim-mesh.ts';

test('a peer shows where it can be dialled now, though its address was another at the start', async () => {
  const mesh = new SimMesh('address');
  const node = mesh.world.addNode('alpha');
  let address: Address = '127.0.0.1:4000';
  const start = node.start.bind(node);
  node.start = () => {
    const platform = start();
    const { network } = platform;
    const listen: typeof network.listen = async (options) => {
      const { port, close } = await network.listen(options);
      return { port, close, addresses: () => [address] };
    };
    return { ...platform, network: { selfId: network.selfId, dial: (...to) => network.dial(...to), listen } };
  };
  const alpha = await mesh.startOn(node);
  const shown = () => alpha.catalog.peers.get(alpha.id)?.address;
  expect(shown()).toBe('127.0.0.1:4000');
  address = '10.0.0.7:4000';
  await mesh.until('the new one is shown', () => shown() === '10.0.0.7:4000', 6_000);
});

test('a peer that is paused for a reason too long for a message keeps its links, and finds new ones', async () => {
  const mesh = new SimMesh('long reason');
  const alpha = await mesh.start('alpha');
  const bravo = await mesh.start('bravo');
  await mesh.until('linked', () => mesh.isMeshed());
  let downs = 0;
  for (const { switchboard } of [alpha, bravo]) switchboard.onDown(() => downs++);
  alpha.state = { ...alpha.state, paused: `The folder is missing: there is no folder /${'deep/'.repeat(200)}. Put it back.` };
  alpha.membership.stateChanged();
  const told = () => bravo.catalog.peers.get(alpha.id)?.paused;
  await mesh.until('it is told', () => told() !== undefined);
  expect(told()).toContain('The folder is missing');
  await mesh.run(10_000);
  expect(downs).toBe(0);
  await mesh.start('charlie');
  await mesh.until('charlie is linked with both', () => mesh.isMeshed());
});
