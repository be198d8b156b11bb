import type { SimRandom } from './sim-random.ts';

/** How a simulated disk misbehaves. Rates are per act, 0…1; may be changed while the simulation runs. */
export interface DiskFaults {
  /** An act takes between these, uniformly. */
  latencyMinMs: number;
  latencyMaxMs: number;
  readErrorRate: number;
  writeErrorRate: number;
  syncErrorRate: number;
  /** A failed sync of a person's own file is left out: nobody can write those bytes anew. */
  sparesUserFiles: boolean;
  /** Per read: one bit of what is read turns over, for good. */
  bitFlipRate: number;
  hintLossRate: number;
  hintDoubleRate: number;
  /** A hint that says only "somewhere". */
  hintVagueRate: number;
  hintDelayMsMax: number;
}

/** A good disk and a watcher that misses nothing. */
export function calmDisk(): DiskFaults {
  return {
    latencyMinMs: 0.02,
    latencyMaxMs: 0.5,
    readErrorRate: 0,
    writeErrorRate: 0,
    syncErrorRate: 0,
    sparesUserFiles: false,
    bitFlipRate: 0,
    hintLossRate: 0,
    hintDoubleRate: 0,
    hintVagueRate: 0,
    hintDelayMsMax: 5,
  };
}

/** A disk of a swarm: each kind of trouble is there or not, by the seed (Groce et al. 2012). */
export function drawDisk(random: SimRandom): DiskFaults {
  const rate = (max: number) => (random.chance(0.5) ? random.between(0, max) : 0);
  return {
    latencyMinMs: 0.02,
    latencyMaxMs: random.pick([0.5, 5, 50, 1_000]),
    readErrorRate: rate(0.01),
    writeErrorRate: rate(0.01),
    syncErrorRate: rate(0.01),
    sparesUserFiles: false,
    bitFlipRate: rate(1e-4),
    hintLossRate: rate(0.5),
    hintDoubleRate: rate(0.5),
    hintVagueRate: rate(0.2),
    hintDelayMsMax: random.pick([1, 50, 2_000]),
  };
}
