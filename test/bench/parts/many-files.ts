import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { BenchMesh, type BenchPeer, SETTLE_MS } from '../bench-mesh.ts';
import { type Figure, median, seconds } from '../figures.ts';
import { makeFiles } from '../files.ts';
import type { Part } from '../part.ts';
import { rsyncSeconds } from '../rivals.ts';

const BYTES = 4096;

/** 10,000 files of 4 KiB dropped at once in one folder of two peers: until the peer knows of two durable copies of each. */
export const manyFiles: Part = async (scale) => {
  const count = scale.files(10_000);
  const times: number[] = [];
  const rivals: number[] = [];
  const cpu: number[] = [];
  let stalledMs = 0;
  for (let run = 0; run < scale.runs(3); run++) {
    const mesh = new BenchMesh('many');
    try {
      const peers = await mesh.startAll(2);
      const alpha = peers[0] as BenchPeer;
      const place = mesh.ground.place('made');
      makeFiles(place, count, BYTES);
      await Promise.all(peers.map((peer) => peer.rested()));
      await Promise.all(peers.map((peer) => peer.stalls()));
      const cpuBefore = peers.reduce((sum, peer) => sum + peer.cpuMs(), 0);
      renameSync(place, join(alpha.folder, 'made'));
      const began = performance.now();
      times.push((await alpha.told('replicated', count)) - began - SETTLE_MS);
      cpu.push(peers.reduce((sum, peer) => sum + peer.cpuMs(), 0) - cpuBefore);
      const stalls = await Promise.all(peers.map((peer) => peer.stalls()));
      stalledMs = Math.max(stalledMs, ...stalls.map(({ maxMs }) => maxMs));
      const rival = rsyncSeconds(join(alpha.folder, 'made'), mesh.ground.place('rsync'));
      if (rival !== undefined) rivals.push(rival * 1000);
    } finally {
      await mesh.close();
    }
  }
  const what = `${count.toLocaleString('en')} files of 4 KiB → 2 copies, beyond settle`;
  const figures: Figure[] = [
    { what, figure: `${seconds(median(times))} of ${times.length}, ${seconds(median(cpu))} of CPU on both peers`, goal: '≤ 3 s' },
    { what: 'longest block of an event loop meanwhile', figure: `${stalledMs.toFixed(0)} ms`, goal: '≤ 50 ms' },
  ];
  if (rivals.length > 0) figures.push({ what: 'rsync of the same files, no fsync', figure: seconds(median(rivals)), goal: '–' });
  return figures;
};
