import { execFileSync } from 'node:child_process';
import { BenchMesh, eventLoopFigure } from '../bench-mesh.ts';
import { type Contender, contest } from '../contest.ts';
import { contestFigures } from '../contest-figures.ts';
import { mebibytes } from '../figures.ts';
import { makeLargeFile } from '../files.ts';
import { changeByte, insertByte, turnByte } from '../jobs.ts';
import type { Keeper } from '../keeper.ts';
import { OurKeeper } from '../our-keeper.ts';
import type { Part } from '../part.ts';
import { BRING_WHOLE, GlusterRival } from '../rivals/gluster.ts';
import { openRivals } from '../rivals/open.ts';
import { RsyncKeeper } from '../rivals/rsync.ts';
import { SyncthingKeeper } from '../rivals/syncthing.ts';

const WIRE_BYTES_MAX = 2 * 2 ** 20;

/** One byte of a large file changed in its middle, and one inserted at its start: until another host has it. */
export const changes: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const mesh = new BenchMesh('changes', { cables: true });
  try {
    const { ground } = mesh;
    const peers = await mesh.startAll(3);
    const around = { ground, receivers: 1 };
    const jobsOf = (keeper: Keeper) => ({
      changed: changeByte(keeper, bytes, around),
      inserted: insertByte(keeper, bytes, around),
    });
    const { rivals, skipped } = await openRivals(
      {
        name: 'Syncthing',
        missing: SyncthingKeeper.missing(),
        open: async () => jobsOf(await SyncthingKeeper.open(ground, { hosts: 3, isFirstEnough: true })),
      },
      {
        name: 'rsync daemon',
        missing: RsyncKeeper.missing(),
        open: async () => jobsOf(await RsyncKeeper.open(ground, 2)),
      },
      {
        name: 'GlusterFS',
        missing: GlusterRival.missing(ground),
        open: async () => glusterJobs(await GlusterRival.open(ground, 2), bytes),
      },
    );
    const all = [jobsOf(new OurKeeper(mesh, peers)), ...rivals];
    const rules = { ground, memoryBytes: 3 * bytes, wireHost: 1, runs: scale.runs(5) };
    await Promise.all(peers.map((peer) => peer.stalls()));
    const [changed, inserted] = [
      await contest(
        all.map((jobs) => jobs.changed),
        rules,
      ),
      await contest(
        all.map((jobs) => jobs.inserted),
        rules,
      ),
    ];
    const size = mebibytes(bytes);
    const [middle, start] = [`one byte changed in the middle of ${size}`, `one byte inserted at the start of ${size}`];
    return [
      ...contestFigures({ what: middle, goals: { ratios: { Syncthing: 0.25 }, wireBytes: WIRE_BYTES_MAX } }, changed),
      ...contestFigures({ what: start, goals: { ratios: { Syncthing: 0.1 }, wireBytes: WIRE_BYTES_MAX } }, inserted),
      ...skipped,
      await eventLoopFigure('these changes', peers),
    ];
  } finally {
    await mesh.close();
  }
};

/** It is a file system, and has no need to look for what was changed: whoever changes a byte writes that byte. */
function glusterJobs(volume: GlusterRival, bytes: number): { changed: Contender; inserted: Contender } {
  const middle = Math.floor(bytes / 2);
  const make = (source: string) => makeLargeFile(source, bytes);
  const byte = `dd if="$1" of="$2" bs=1 skip=${middle} seek=${middle} count=1 conv=notrunc,fsync status=none`;
  const longer = 'printf x | cat - "$1" > "$1.next" && mv "$1.next" "$1"';
  return {
    changed: volume.changing(make, { alter: (source) => turnByte(source, middle), bring: byte }),
    inserted: volume.changing(make, {
      alter: (source) => execFileSync('sh', ['-c', longer, 'sh', source]),
      bring: BRING_WHOLE,
    }),
  };
}
