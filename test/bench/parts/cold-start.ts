import { BenchMesh } from '../bench-mesh.ts';
import { bounded, median, seconds, spread } from '../figures.ts';
import type { Part } from '../part.ts';

const MS_MAX = 2000;

/** Three peers that never met, started at the same moment with one join line: until each has seen both others. */
export const coldStart: Part = async (scale) => {
  const first: number[] = [];
  const again: number[] = [];
  for (let run = 0; run < scale.runs(10); run++) {
    const mesh = new BenchMesh('cold');
    try {
      for (const times of [first, again]) {
        const began = performance.now();
        const peers = await mesh.startAll(3);
        times.push(performance.now() - began);
        await Promise.all(peers.map((peer) => peer.stop()));
      }
    } finally {
      await mesh.close();
    }
  }
  const line = (what: string, times: readonly number[]) => bounded(what, median(times), MS_MAX, seconds, spread(times));
  return [line('cold start of three peers until all are linked', first), line('the same, started once more', again)];
};
