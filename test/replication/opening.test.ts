import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { checkPath } from '../../src/core/path.ts';
import { createText, startStory } from '../server/story.ts';
import { film } from '../sim/film.ts';
import type { Mesh } from '../sim/mesh.ts';
import { sourceOf, VERB } from '../sim/mesh-client.ts';
import { calmDisk } from '../sim/sim-disk-faults.ts';

const FILES = 40;
const NAMES = ['alpha', 'bravo', 'charlie', 'delta', 'echo'];

/**
 * All were stopped and started again, and see one another. An act of the disk takes so many ms, where it is said: such a
 * folder takes seconds to open.
 */
async function restarted(seed: string, slowMs: Readonly<Record<string, number>>): Promise<{ mesh: Mesh; client: Session }> {
  const { mesh } = await startStory(seed, { peers: NAMES.length, clients: 1 });
  for (const peer of mesh.peers) mesh.kill(peer);
  for (const [name, ms] of Object.entries(slowMs))
    mesh.peer(name).node.drive.faults = { ...calmDisk(), latencyMinMs: ms, latencyMaxMs: ms };
  mesh.startAll();
  const alpha = mesh.peer('alpha');
  const isLinked = () => alpha.peer?.peers().peers.filter((one) => one.alive).length === NAMES.length;
  await mesh.until('all are linked', isLinked, 10_000, 5);
  const client = mesh.clients[0]?.open([alpha.address]);
  if (client === undefined) throw new Error('a client');
  return { mesh, client };
}

/** Lets the folders open; then the disks are quick again. */
async function opened(mesh: Mesh): Promise<void> {
  await mesh.run(4_000);
  for (const peer of mesh.peers) peer.node.drive.faults = calmDisk();
}

describe('peers whose folders are still being opened', () => {
  it('get their share of what comes at once, and no copy is made twice by who owned its name before', async () => {
    const { mesh, client } = await restarted('a share', { charlie: 120, delta: 150, echo: 180 });
    const making = Array.from({ length: FILES }, (_, index) => createText(client, `f${index}`, `${index}`.repeat(1_000)));
    for (const one of making) one.catch(() => undefined);
    await opened(mesh);
    for (const one of making) expect(await mesh.settle(one)).toMatchObject({ copies: 2 });
    await mesh.run(10_000);
    const counts = mesh.peers.map(({ node }) => node.drive.userList().length);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2 * FILES);
    // The last one to open is not waited for.
    expect(counts.filter((count) => count < FILES / NAMES.length).length).toBeLessThanOrEqual(1);
  });

  it('are not taken for full: neither by who waits for copies, nor by an upload in runs', async () => {
    const slow = { bravo: 150, charlie: 150, delta: 150, echo: 150 };
    for (const stripeOver of [undefined, 0]) {
      const { mesh, client } = await restarted(`an upload ${stripeOver}`, slow);
      const options = { ...VERB, ...(stripeOver === undefined ? {} : { stripeOver }) };
      const making = put(client, checkPath('film'), sourceOf(Buffer.from(film(50_000))), options);
      making.catch(() => undefined);
      await opened(mesh);
      const made = await mesh.settle(making);
      expect([made.copies, made.note]).toEqual([2, undefined]);
    }
  });
});
