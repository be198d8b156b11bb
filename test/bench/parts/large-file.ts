import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { BenchMesh, type BenchPeer, SETTLE_MS } from '../bench-mesh.ts';
import { type Figure, median, seconds } from '../figures.ts';
import { makeLargeFile } from '../files.ts';
import type { Part } from '../part.ts';
import { curlMs, openRival, rsyncSeconds } from '../rivals.ts';

/** 1 GiB dropped in one folder of two peers, in turns with the same bytes by curl over TLS to a file, synced. */
export const largeFile: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const mesh = new BenchMesh('large');
  const rivalPlace = mesh.ground.place('rival');
  const made = mesh.ground.place('made');
  const source = join(made, 'source.bin');
  makeLargeFile(source, bytes);
  const rival = await openRival(made, 'source.bin', rivalPlace);
  const [ours, theirs, rsync, cpu]: number[][] = [[], [], [], []];
  let stalledMs = 0;
  try {
    const peers = await mesh.startAll(2);
    const alpha = peers[0] as BenchPeer;
    for (let run = 0; run < scale.runs(5); run++) {
      // All files stay until the end: a virtual machine's memory that was used just before costs a third of any other.
      theirs?.push(await curlMs(rival, join(rivalPlace, `got-${run}.bin`)));
      const other = rsyncSeconds(made, join(rivalPlace, `rsync-${run}`));
      if (other !== undefined) rsync?.push(other * 1000);
      mkdirSync(join(mesh.ground.folder, 'drop'), { recursive: true });
      const dropped = join(mesh.ground.folder, 'drop', 'file.bin');
      makeLargeFile(dropped, bytes);
      await Promise.all(peers.map((peer) => peer.rested()));
      await Promise.all(peers.map((peer) => peer.stalls()));
      const cpuBefore = peers.reduce((sum, peer) => sum + peer.cpuMs(), 0);
      const name = `large-${run}.bin`;
      renameSync(dropped, join(alpha.folder, name));
      const began = performance.now();
      ours?.push((await alpha.told(`replicated ${name}`, 1)) - began - SETTLE_MS);
      cpu?.push(peers.reduce((sum, peer) => sum + peer.cpuMs(), 0) - cpuBefore);
      const stalls = await Promise.all(peers.map((peer) => peer.stalls()));
      stalledMs = Math.max(stalledMs, ...stalls.map(({ maxMs }) => maxMs));
    }
  } finally {
    await rival.close();
    await mesh.close();
  }
  return figuresOf({ bytes, ours, theirs, rsync, cpu, stalledMs, rival: rival.name });
};

interface Times {
  readonly bytes: number;
  readonly ours: readonly number[] | undefined;
  readonly theirs: readonly number[] | undefined;
  readonly rsync: readonly number[] | undefined;
  readonly cpu: readonly number[] | undefined;
  readonly stalledMs: number;
  readonly rival: string;
}

function figuresOf({ bytes, ours = [], theirs = [], rsync = [], cpu = [], stalledMs, rival }: Times): Figure[] {
  const size = `${bytes / 2 ** 20} MiB`;
  const perGiB = (median(cpu) / 1000) * (2 ** 30 / bytes);
  const figure = `${seconds(median(ours))}; ${perGiB.toFixed(1)} CPU s per GiB on both peers`;
  const figures = [
    { what: `${size} dropped → verified second copy, durable, beyond settle`, figure, goal: '–' },
    { what: `${size} by ${rival}, TLS 1.3, to a file, fsync`, figure: seconds(median(theirs)), goal: '–' },
    { what: 'ratio of the two', figure: (median(ours) / median(theirs)).toFixed(2), goal: '≤ 1.5 of nginx + curl' },
    { what: 'longest block of an event loop meanwhile', figure: `${stalledMs.toFixed(0)} ms`, goal: '≤ 50 ms' },
  ];
  if (rsync.length === 0) return figures;
  return [...figures, { what: `${size} by rsync`, figure: seconds(median(rsync)), goal: '–' }];
}
