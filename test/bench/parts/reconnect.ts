import { BenchMesh, type BenchPeer, sleep } from '../bench-mesh.ts';
import type { Figure } from '../figures.ts';
import { makeFiles } from '../files.ts';
import type { Part } from '../part.ts';

/** A window long enough for a redial, the greeting and one round of anti-entropy. */
const WINDOW_MS = 10_000;
const CUT_MS = 4000;

/** Bytes on the cable of a peer that comes back when nothing changed, beyond what the same time costs at rest. */
export const reconnect: Part = async (scale) => {
  const figures: Figure[] = [];
  for (const files of [100, scale.files(10_000)]) figures.push(...(await bytesFor(files)));
  return figures;
};

async function bytesFor(files: number): Promise<Figure[]> {
  const mesh = new BenchMesh('reconnect', { cables: true });
  const label = `with ${files.toLocaleString('en')} files`;
  const goal = 'O(members), not O(files)';
  try {
    if (!mesh.ground.hasCables) return [{ what: `reconnect ${label}`, figure: 'not measured: needs root', goal }];
    makeFiles(mesh.folderOf(1), files, 1024);
    const peers = await mesh.startAll(3);
    await (peers[0] as BenchPeer).told('replicated', files);
    await Promise.all(peers.map((peer) => peer.rested()));
    const restMs = await bytesDuring(mesh, async () => sleep(WINDOW_MS));
    mesh.ground.cut(3);
    await sleep(CUT_MS);
    const cable = await bytesDuring(mesh, async () => {
      mesh.ground.mend(3);
      await sleep(WINDOW_MS);
    });
    await (peers[2] as BenchPeer).stop();
    const restart = await bytesDuring(mesh, async () => {
      const peer = mesh.start(3);
      await peer.told('member-joined', 2);
      await sleep(WINDOW_MS - Math.min(WINDOW_MS, performance.now() - peer.startedMs));
    });
    const shown = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
    return [
      { what: `a peer at rest, ${label}, bytes in ${WINDOW_MS / 1000} s`, figure: shown(restMs), goal: '–' },
      { what: `cable back after ${CUT_MS / 1000} s, ${label}, beyond that`, figure: shown(cable - restMs), goal },
      { what: `peer started again, ${label}, beyond that`, figure: shown(restart - restMs), goal },
    ];
  } finally {
    await mesh.close();
  }
}

async function bytesDuring(mesh: BenchMesh, act: () => Promise<void>): Promise<number> {
  const before = mesh.ground.wireBytes(3);
  await act();
  return mesh.ground.wireBytes(3) - before;
}
