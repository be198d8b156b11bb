import { BenchMesh } from '../bench-mesh.ts';
import { spread } from '../figures.ts';
import type { Part } from '../part.ts';

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
  return [
    { what: 'cold start of three peers until all are linked', figure: spread(first), goal: '≤ 2 s' },
    { what: 'the same, started once more', figure: spread(again), goal: '≤ 2 s' },
  ];
};
