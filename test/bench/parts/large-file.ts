import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { BenchMesh, eventLoopFigure } from '../bench-mesh.ts';
import { type Contender, contest } from '../contest.ts';
import { contestFigures } from '../contest-figures.ts';
import { mebibytes } from '../figures.ts';
import { assertEqual, makeLargeFile } from '../files.ts';
import type { Ground } from '../ground.ts';
import { dropLarge } from '../jobs.ts';
import type { Keeper } from '../keeper.ts';
import { OurKeeper } from '../our-keeper.ts';
import type { Part } from '../part.ts';
import { GlusterRival } from '../rivals/gluster.ts';
import { WebRival } from '../rivals/nginx.ts';
import { openRivals } from '../rivals/open.ts';
import { RsyncKeeper } from '../rivals/rsync.ts';
import { SyncthingKeeper, type SyncthingWish } from '../rivals/syncthing.ts';

const SENDER = 1;
const RECEIVER = 2;
const TWO_HOSTS = 'Syncthing on two hosts';

/** A large file dropped in one folder: until another host has it, verified and durable. */
export const largeFile: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const mesh = new BenchMesh('large', { cables: true });
  try {
    const { ground } = mesh;
    const peers = await mesh.startAll(3);
    const around = { ground, receivers: 1 };
    const dropping = (keeper: Keeper) => dropLarge(keeper, bytes, around);
    const syncthing = async (wish: SyncthingWish) => dropping(await SyncthingKeeper.open(ground, wish));
    const missing = SyncthingKeeper.missing();
    const { rivals, skipped } = await openRivals(
      { name: 'nginx + curl', missing: WebRival.missing(), open: () => getting(ground, bytes) },
      // It copies to each it knows.
      { name: 'Syncthing', missing, open: () => syncthing({ hosts: 3, isFirstEnough: true }) },
      { name: TWO_HOSTS, missing, open: () => syncthing({ hosts: RECEIVER, name: TWO_HOSTS }) },
      {
        name: 'rsync daemon',
        missing: RsyncKeeper.missing(),
        open: async () => dropping(await RsyncKeeper.open(ground, RECEIVER)),
      },
      {
        name: 'GlusterFS',
        missing: GlusterRival.missing(ground),
        open: async () => (await GlusterRival.open(ground, RECEIVER)).contender((source) => makeLargeFile(source, bytes)),
      },
    );
    await Promise.all(peers.map((peer) => peer.stalls()));
    const rules = { ground, runs: scale.runs(5), memoryBytes: 3 * bytes, wireHost: SENDER };
    const standings = await contest([dropping(new OurKeeper(mesh, peers)), ...rivals], rules);
    const what = `${mebibytes(bytes)} dropped → second copy`;
    const goals = { ratios: { 'nginx + curl': 1.5, Syncthing: 0.35 }, cpuSecondsPerGiB: 3.5 };
    return [...contestFigures({ what, bytes, goals }, standings), ...skipped, await eventLoopFigure(what, peers)];
  } finally {
    await mesh.close();
  }
};

/** The same bytes by curl from a web server over TLS 1.3 to a file, synced: what the machine can do. */
async function getting(ground: Ground, bytes: number): Promise<Contender> {
  const root = ground.place('web');
  const web = await WebRival.open(ground, SENDER, root);
  const [source, target] = [join(root, 'source.bin'), join(ground.place('got'), 'got.bin')];
  return {
    name: web.name,
    cpuMs: () => web.cpuMs(),
    prepare: () => makeLargeFile(source, bytes),
    go: () => web.get(RECEIVER, 'source.bin', target),
    check: async () => {
      await assertEqual(source, target);
      rmSync(target);
    },
  };
}
