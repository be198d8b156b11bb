import { renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BenchMesh, type BenchPeer, eventLoopFigure } from '../bench-mesh.ts';
import { type Contender, contest } from '../contest.ts';
import { contestFigures } from '../contest-figures.ts';
import { mebibytes } from '../figures.ts';
import { assertEqual, dropLargeFile, makeLargeFile } from '../files.ts';
import { endedCpuMs } from '../machine.ts';
import type { Part } from '../part.ts';
import { WebRival } from '../rivals/nginx.ts';
import { openRivals } from '../rivals/open.ts';

const CLIENT = 3;
const ONE = 'of-one-holder.bin';
const TWO = 'of-two-holders.bin';

/** A client saves a large file that one peer holds, and one that two hold; curl does it beside them. */
export const download: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  // Every peer keeps what its own user dropped; nothing is copied by itself.
  const mesh = new BenchMesh('download', { cables: true, replicas: 1 });
  try {
    const { ground } = mesh;
    const peers = (await mesh.startAll(2)) as [BenchPeer, BenchPeer];
    const [alpha, bravo] = peers;
    const made = ground.place('made');
    await dropLargeFile(made, join(alpha.folder, ONE), bytes);
    await makeLargeFile(join(made, TWO), bytes);
    await copyFile(join(made, TWO), join(made, 'copy'));
    renameSync(join(made, TWO), join(alpha.folder, TWO));
    renameSync(join(made, 'copy'), join(bravo.folder, TWO));
    await Promise.all([alpha.told(`stored ${ONE}`, 1), alpha.told(`stored ${TWO}`, 1), bravo.told(`stored ${TWO}`, 1)]);
    const target = join(ground.place('got'), 'got.bin');
    const web = { name: 'nginx + curl', missing: WebRival.missing(), open: () => getting(mesh, alpha, target) };
    const { rivals, skipped } = await openRivals(web);
    const saving = [ONE, TWO].map((name) => savingOf(mesh, peers, name, target)) as [Contender, Contender];
    await Promise.all(peers.map((peer) => peer.stalls()));
    const rules = { ground, runs: scale.runs(5), memoryBytes: 2 * bytes, wireHost: CLIENT };
    const [one, two, ...others] = await contest([...saving, ...rivals], rules);
    const what = `a client downloads ${mebibytes(bytes)}`;
    if (one === undefined || two === undefined) return [];
    return [
      ...contestFigures({ what, bytes, goals: { ratios: { 'nginx + curl': 1.2 } } }, [one, ...others]),
      // A few percent are chance.
      ...contestFigures({ what, bytes, goals: { ratios: { [one.name]: 1.05 } } }, [two, one]).filter(
        ({ what: line }) => !line.endsWith(`: ${one.name}`) || line.includes(' / '),
      ),
      ...skipped,
      await eventLoopFigure(what, peers),
    ];
  } finally {
    await mesh.close();
  }
};

function savingOf(mesh: BenchMesh, peers: readonly [BenchPeer, BenchPeer], name: string, target: string): Contender {
  const [alpha] = peers;
  return {
    name: name === ONE ? 'filemesh, one holder' : 'filemesh, two holders',
    cpuMs: () => peers.reduce((sum, peer) => sum + peer.cpuMs(), 0) + endedCpuMs(),
    prepare: () => undefined,
    go: async () => {
      const { code, error, tookMs } = await mesh.begin(CLIENT, alpha, ['download', name, '--to', target]).ended;
      if (code !== 0) throw new Error(`download ended with ${code}: ${error}`);
      return tookMs;
    },
    check: async () => {
      await assertEqual(join(alpha.folder, name), target);
      rmSync(target);
    },
  };
}

async function getting(mesh: BenchMesh, alpha: BenchPeer, target: string): Promise<Contender> {
  const web = await WebRival.open(mesh.ground, alpha.host, alpha.folder);
  return {
    name: web.name,
    cpuMs: () => web.cpuMs(),
    prepare: () => undefined,
    go: () => web.get(CLIENT, ONE, target),
    check: async () => {
      await assertEqual(join(alpha.folder, ONE), target);
      rmSync(target);
    },
  };
}
