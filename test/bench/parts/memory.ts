import { BenchMesh, type BenchPeer, NAMES, sleep } from '../bench-mesh.ts';
import { bounded, type Figure, mebibytes, seconds } from '../figures.ts';
import { makeFiles } from '../files.ts';
import type { Part } from '../part.ts';

const FILES = 100_000;
const BYTES = 100;
/** V8 gives memory back when a process has been at rest for a while. */
const TIDY_MS = 40_000;
const BYTES_MAX = 250e6;
const BLOCK_MS_MAX = 50;

/** 100,000 files in the folder of one peer: alone, then as one of three that keep two copies; and after a restart. */
export const memory: Part = async (scale) => {
  const files = scale.files(FILES);
  return [...(await measured(1, files)), ...(await measured(3, files))];
};

async function measured(hosts: number, files: number): Promise<Figure[]> {
  const mesh = new BenchMesh('memory');
  try {
    makeFiles(mesh.folderOf(1), files, BYTES);
    const peers = await mesh.startAll(hosts);
    const alpha = peers[0] as BenchPeer;
    const event = hosts > 1 ? 'replicated' : 'stored';
    const tookMs = (await alpha.told(event, files, 1_800_000)) - alpha.startedMs;
    const label = `${files.toLocaleString('en')} files of ${BYTES} B, ${hosts === 1 ? 'one peer alone' : 'three peers'}`;
    const taking = { what: `${label}: until all are ${event}`, figure: seconds(tookMs), goal: '–' };
    const fresh = await figuresOf(`${label}, first intake`, peers);
    await Promise.all(peers.map((peer) => peer.stop()));
    const again = await mesh.startAll(hosts);
    return [taking, ...fresh, ...(await figuresOf(`${label}, after a restart`, again))];
  } finally {
    await mesh.close();
  }
}

async function figuresOf(label: string, peers: readonly BenchPeer[]): Promise<Figure[]> {
  await Promise.all(peers.map((peer) => peer.rested()));
  await sleep(TIDY_MS);
  const figures: Figure[] = [];
  for (const peer of peers) {
    const { now, most } = peer.memory();
    const figure = `${mebibytes(now)} (most: ${mebibytes(most)})`;
    figures.push(bounded(`memory of ${NAMES[peer.host - 1]}; ${label}`, now, BYTES_MAX, mebibytes, figure));
  }
  const stalls = await Promise.all(peers.map((peer) => peer.stalls()));
  const longest = Math.max(...stalls.map(({ maxMs }) => maxMs));
  const p999 = Math.max(...stalls.map(({ p999Ms }) => p999Ms));
  const withWait = Math.max(...stalls.map(({ withWaitMs }) => withWaitMs));
  const figure = `${longest.toFixed(0)} ms (99.9 %: ${p999.toFixed(0)} ms; with its wait for a core ${withWait.toFixed(0)} ms)`;
  return [...figures, bounded(`longest block of an event loop; ${label}`, longest, BLOCK_MS_MAX, (ms) => `${ms} ms`, figure)];
}
