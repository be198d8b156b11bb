import { describe, expect, test } from 'vitest';
import type { FilePath, WriterId } from '../../src/core/ids.ts';
import { ANEW_REST_MS } from '../../src/gossip/gossip.ts';
import { addFile, SimMesh, type SimPeer } from '../membership/sim-mesh.ts';

const isCaughtUp = (peer: SimPeer) => peer.catalog.peers.get(peer.id)?.caughtUp === true;
const knows = (peer: SimPeer, path: FilePath) => peer.catalog.view(path) !== undefined;

describe('a peer that does not tell the truth of itself', () => {
  const writer = 'ab'.repeat(8) as WriterId;

  test('and never tells as much as it says it has: it is waited for only a while, over all its links', async () => {
    const mesh = new SimMesh('boasting');
    const alpha = await mesh.start('alpha');
    const bravo = await mesh.start('bravo');
    const cursor = { writer, sequence: 1e15 };
    bravo.catalog.indexes = () => [{ peer: bravo.id, trail: [{ writer, first: 1 }], sequence: 1e15, cursor }];
    await mesh.until('linked', () => mesh.isMeshed());
    await mesh.run(5_000);
    expect(isCaughtUp(alpha)).toBe(false);
    await mesh.until('alpha owns names all the same', () => isCaughtUp(alpha), 60_000);
    alpha.switchboard.link(bravo.id)?.close('cut');
    await mesh.until('unlinked', () => alpha.switchboard.link(bravo.id) === undefined);
    await mesh.until('linked again', () => mesh.isMeshed());
    await mesh.run(1_000);
    expect(isCaughtUp(alpha)).toBe(true);
  });

  test('and tells a little of it now and then: that has an end too', async () => {
    const mesh = new SimMesh('boasting on');
    const alpha = await mesh.start('alpha');
    const bravo = await mesh.start('bravo');
    const cursor = { writer, sequence: 1e15 };
    bravo.catalog.indexes = () => [{ peer: bravo.id, trail: [{ writer, first: 1 }], sequence: 1e15, cursor }];
    await mesh.until('linked', () => mesh.isMeshed());
    for (let count = 0; count < 20; count++) {
      await addFile(mesh, bravo, `file ${count}`);
      await mesh.run(20_000);
      if (count === 5) expect(isCaughtUp(alpha)).toBe(false);
    }
    expect(alpha.catalog.index(bravo.id)?.sequence).toBeGreaterThan(10);
    expect(isCaughtUp(alpha)).toBe(true);
  });

  test('and says again and again that it read what never was: one new start, then the whole index alone', async () => {
    const mesh = new SimMesh('forged cursors');
    const alpha = await mesh.start('alpha');
    const bravo = await mesh.start('bravo');
    await mesh.until('linked', () => mesh.isMeshed());
    const starts = () => alpha.catalog.index(alpha.id)?.trail.length ?? 0;
    const forge = async (digits: string): Promise<void> => {
      const lost = digits.repeat(8) as WriterId;
      const told = { peer: alpha.id, trail: [{ writer: lost, first: 1 }], sequence: 9, cursor: { writer: lost, sequence: 9 } };
      const link = bravo.switchboard.link(alpha.id);
      if (link !== undefined) await mesh.settle(link.call('cursors', { indexes: [told] }));
      await mesh.run(1_000);
      const path = await addFile(mesh, alpha, `after ${digits}`);
      await mesh.until('bravo knows', () => knows(bravo, path), 20_000);
    };
    await addFile(mesh, alpha, 'notes.txt');
    const before = starts();
    for (const digits of ['01', '02', '03', '04', '05']) await forge(digits);
    expect(starts()).toBe(before + 1);
    await mesh.run(ANEW_REST_MS);
    for (const digits of ['06', '07']) await forge(digits);
    expect(starts()).toBe(before + 2);
  });
});
