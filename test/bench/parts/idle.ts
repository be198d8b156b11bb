import { BenchMesh, sleep } from '../bench-mesh.ts';
import { type Figure, mebibytes } from '../figures.ts';
import type { Part } from '../part.ts';

const SIZES = [3, 10, 50];
const WINDOW_MS = 30_000;
/** After the last peer was met: announcements, first scans and compilers come to rest. */
const REST_MS = 30_000;
/** Of the largest. */
const GOALS = { size: 50, cpuPercent: 25, rate: 150 };

/** What peers of one mesh cost while nothing happens: all on the loopback of one host. */
export const idle: Part = async (scale) => {
  const figures: Figure[] = [];
  for (const size of SIZES.slice(0, scale.isFull ? SIZES.length : 2)) figures.push(await figureOf(size, scale.isFull));
  return figures;
};

async function figureOf(size: number, isFull: boolean): Promise<Figure> {
  const mesh = new BenchMesh('idle', { hosts: 1, cables: true });
  const hasGoal = size === GOALS.size;
  const goal = hasGoal ? `≤ ${GOALS.cpuPercent} % and ≤ ${GOALS.rate} KiB/s` : '–';
  const what = `${size} peers at rest, on one host: CPU of one core for all, bytes on its loopback, memory of each`;
  try {
    if (!mesh.ground.hasCables) return { what, figure: 'not measured: needs root', goal };
    const peers = await mesh.startOnLoopback(size);
    await sleep(isFull ? REST_MS : REST_MS / 5);
    const windowMs = isFull ? WINDOW_MS : WINDOW_MS / 5;
    const cpuMs = () => peers.reduce((sum, peer) => sum + peer.cpuMs(), 0);
    const before = { atMs: performance.now(), cpuMs: cpuMs(), bytes: mesh.ground.wire(1, 'lo').sent };
    await sleep(windowMs);
    const tookMs = performance.now() - before.atMs;
    const cpu = (100 * (cpuMs() - before.cpuMs)) / tookMs;
    const rate = (mesh.ground.wire(1, 'lo').sent - before.bytes) / 1024 / (tookMs / 1000);
    const memory = peers.map((peer) => peer.memory().now).sort((a, b) => a - b)[Math.floor(size / 2)] ?? Number.NaN;
    const isMissed = hasGoal && !(cpu <= GOALS.cpuPercent && rate <= GOALS.rate);
    return { what, isMissed, figure: `${cpu.toFixed(1)} %, ${rate.toFixed(0)} KiB/s, ${mebibytes(memory)}`, goal };
  } finally {
    await mesh.close();
  }
}
