import { BenchMesh, eventLoopFigure } from '../bench-mesh.ts';
import { type Contender, contest } from '../contest.ts';
import { contestFigures, type Goals } from '../contest-figures.ts';
import type { Figure } from '../figures.ts';
import { makeFiles } from '../files.ts';
import type { Ground } from '../ground.ts';
import { dropMany } from '../jobs.ts';
import type { Keeper } from '../keeper.ts';
import { OurKeeper } from '../our-keeper.ts';
import type { Part, Scale } from '../part.ts';
import { GlusterRival } from '../rivals/gluster.ts';
import { openRivals, type Wish } from '../rivals/open.ts';
import { RsyncKeeper } from '../rivals/rsync.ts';
import { SyncthingKeeper } from '../rivals/syncthing.ts';

const BYTES = 4096;
const MEMORY_BYTES = 2 ** 30;

/** Many small files dropped at once in one folder: until both others have all of them; and with one other, until it has. */
export const manyFiles: Part = async (scale) => [
  ...(await copies(scale, 3, { ratios: { Syncthing: 0.2 } })),
  ...(await copies(scale, 2, { ms: 3000 })),
];

async function copies(scale: Scale, replicas: 2 | 3, goals: Goals): Promise<Figure[]> {
  const count = scale.files(10_000);
  const mesh = new BenchMesh('many', { cables: true, replicas });
  try {
    const { ground } = mesh;
    const peers = await mesh.startAll(replicas);
    const around = { ground, receivers: replicas - 1 };
    const dropping = (keeper: Keeper) => dropMany(keeper, count, BYTES, around);
    // Two copies are measured of ours alone.
    const wishes = replicas === 3 ? wishesOf(ground, count, dropping) : [];
    const { rivals, skipped } = await openRivals(...wishes);
    await Promise.all(peers.map((peer) => peer.stalls()));
    const standings = await contest([dropping(new OurKeeper(mesh, peers)), ...rivals], {
      ground,
      runs: scale.runs(5),
      memoryBytes: MEMORY_BYTES,
      wireHost: 1,
    });
    const what = `${count.toLocaleString('en')} files of ${BYTES / 1024} KiB → ${replicas} copies`;
    return [...contestFigures({ what, goals }, standings), ...skipped, await eventLoopFigure(what, peers)];
  } finally {
    await mesh.close();
  }
}

function wishesOf(ground: Ground, count: number, dropping: (keeper: Keeper) => Contender): Wish<Contender>[] {
  const hosts = 3;
  return [
    {
      name: 'Syncthing',
      missing: SyncthingKeeper.missing(),
      open: async () => dropping(await SyncthingKeeper.open(ground, { hosts })),
    },
    {
      name: 'rsync daemon',
      missing: RsyncKeeper.missing(),
      open: async () => dropping(await RsyncKeeper.open(ground, hosts)),
    },
    {
      name: 'GlusterFS',
      missing: GlusterRival.missing(ground),
      open: async () => (await GlusterRival.open(ground, hosts)).contender((source) => makeFiles(source, count, BYTES)),
    },
  ];
}
