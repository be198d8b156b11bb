import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchMesh, SETTLE_MS, sleep } from '../bench-mesh.ts';
import { bounded, median, seconds, spread } from '../figures.ts';
import type { Part } from '../part.ts';

const BYTES = 4096;
const MS_MAX = 500;

/** A small new file put in one folder of three peers: until that peer knows of two copies. The settle time is taken off. */
export const drop: Part = async (scale) => {
  const mesh = new BenchMesh('drop');
  try {
    const [alpha] = await mesh.startAll(3);
    if (alpha === undefined) return [];
    await alpha.rested();
    const times: number[] = [];
    for (let run = 0; run < scale.runs(30); run++) {
      const path = `drop-${run}.dat`;
      writeFileSync(join(alpha.folder, path), randomBytes(BYTES));
      const began = performance.now();
      times.push((await alpha.told(`replicated ${path}`, 1, 60_000)) - began - SETTLE_MS);
      await sleep(50);
    }
    return [bounded('new small file → 2 copies, beyond settle', median(times), MS_MAX, seconds, spread(times))];
  } finally {
    await mesh.close();
  }
};
