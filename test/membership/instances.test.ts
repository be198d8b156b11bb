import { describe, expect, test } from 'vitest';
import { SimMesh } from './sim-mesh.ts';

describe('instances', () => {
  test('a restart after a power loss replaces the link that nobody closed', async () => {
    const mesh = new SimMesh('restart');
    const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
    if (alpha === undefined || bravo === undefined) throw new Error('two peers');
    await mesh.until('linked', () => mesh.isMeshed());
    bravo.node.powerLoss();
    const again = await mesh.start('bravo');
    await mesh.until('linked to the new instance', () => mesh.isMeshed(), 1_400);
    expect(alpha.switchboard.link(bravo.id)?.instance).toBe(again.membership.instance);
    expect(alpha.said.some((word) => word.startsWith('clone'))).toBe(false);
  });

  for (const order of [0, 1, 2]) {
    test(`a cloned disk is refused aloud (${order})`, async () => {
      const mesh = new SimMesh(`clone ${order}`);
      const [alpha, bravo] = await mesh.startAll(['alpha', 'bravo']);
      if (alpha === undefined || bravo === undefined) throw new Error('two peers');
      await mesh.until('linked', () => mesh.isMeshed());
      const image = bravo.node.snapshot();
      const copy = mesh.world.addNode('copy');
      copy.restore(image);
      Object.assign(copy, { id: bravo.id });
      const clone = await mesh.startOn(copy);
      const isClone = (word: string) => word.startsWith('clone');
      await mesh.until('alpha says so', () => alpha.said.some(isClone), 10_000);
      await mesh.until('and both of them', () => bravo.said.includes('clone self') && clone.said.includes('clone self'), 10_000);
      expect(alpha.switchboard.link(bravo.id)).toBeUndefined();
    });
  }
});
