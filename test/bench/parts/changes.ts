import { BenchMesh, eventLoopFigure } from '../bench-mesh.ts';
import { contest } from '../contest.ts';
import { contestFigures } from '../contest-figures.ts';
import { mebibytes } from '../figures.ts';
import { changeByte, insertByte } from '../jobs.ts';
import type { Keeper } from '../keeper.ts';
import { OurKeeper } from '../our-keeper.ts';
import type { Part } from '../part.ts';
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
    const { rivals, skipped } = await openRivals<Keeper>(
      {
        name: 'Syncthing',
        missing: SyncthingKeeper.missing(),
        open: () => SyncthingKeeper.open(ground, { hosts: 3, isFirstEnough: true }),
      },
      { name: 'rsync daemon', missing: RsyncKeeper.missing(), open: () => RsyncKeeper.open(ground, 2) },
    );
    const all = [new OurKeeper(mesh, peers), ...rivals];
    const around = { ground, receivers: 1 };
    const rules = { ground, memoryBytes: 3 * bytes, wireHost: 1 };
    await Promise.all(peers.map((peer) => peer.stalls()));
    const changing = all.map((keeper) => changeByte(keeper, bytes, around));
    const changed = await contest(changing, { ...rules, runs: scale.runs(5) });
    const inserting = all.map((keeper) => insertByte(keeper, bytes, around));
    const inserted = await contest(inserting, { ...rules, runs: scale.runs(3) });
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
