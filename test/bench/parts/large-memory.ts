import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../faults/process.ts';
import { BenchMesh, type BenchPeer, eventLoopFigure, NAMES, SETTLE_MS } from '../bench-mesh.ts';
import { bounded, type Figure, mebibytes, seconds } from '../figures.ts';
import { assertEqual, makeLargeFile } from '../files.ts';
import { freeBytes } from '../machine.ts';
import { WatchedVerb } from '../our-client.ts';
import type { Part } from '../part.ts';

const CLIENT = 3;
const NAME = 'very-large.bin';
const MEMORY_BYTES_MAX = 200 * 2 ** 20;
/** Of the file: two of it lie there at a time. A peer takes nothing that leaves less than a tenth of the disk free. */
const ROOM = 2.1;

/** A very large file dropped at one peer goes to another, then from the first to a client: the most memory each had. */
export const largeMemory: Part = async (scale) => {
  const bytes = scale.bytes(10 * 2 ** 30);
  const what = `${mebibytes(bytes)} between one pair`;
  const goal = `≤ ${mebibytes(MEMORY_BYTES_MAX)}`;
  const mesh = new BenchMesh('very-large', { cables: true });
  try {
    const free = freeBytes(mesh.ground.folder);
    if (free < ROOM * bytes) return [{ what, figure: `skipped: only ${mebibytes(free)} free on disk`, goal }];
    const [alpha, bravo] = (await mesh.startAll(2)) as [BenchPeer, BenchPeer];
    await Promise.all([alpha.stalls(), bravo.stalls()]);
    const began = performance.now();
    const made = join(mesh.ground.place('made'), NAME);
    await makeLargeFile(made, bytes);
    const written = performance.now();
    renameSync(made, join(alpha.folder, NAME));
    const copiedMs = (await alpha.told(`replicated ${NAME}`, 1)) - written - SETTLE_MS;
    await assertEqual(join(alpha.folder, NAME), join(bravo.folder, NAME));
    const copied = await Promise.all([
      memoryFigure(`${what}, written in ${seconds(written - began)} and copied in ${seconds(copiedMs)}`, alpha),
      memoryFigure(what, bravo),
      eventLoopFigure(what, [alpha, bravo]),
    ]);
    // One holder is left, and room for the client's file.
    await bravo.stop();
    rmSync(bravo.folder, { recursive: true });
    return [...copied, ...(await downloaded(mesh, alpha, what))];
  } finally {
    await mesh.close();
  }
};

async function downloaded(mesh: BenchMesh, alpha: BenchPeer, what: string): Promise<Figure[]> {
  await until('alpha is alone', () => alpha.count('member-lost') > 0);
  const target = join(mesh.ground.place('got'), NAME);
  const verb = new WatchedVerb(mesh.begin(CLIENT, alpha, ['download', NAME, '--to', target]));
  const tookMs = await verb.succeeded();
  await assertEqual(join(alpha.folder, NAME), target);
  const during = `${what}, downloaded by a client in ${seconds(tookMs)}`;
  return [
    figureOf(`${during}: most memory of the client`, verb.memoryBytes),
    memoryFigure(`${what}, downloaded by a client`, alpha),
    await eventLoopFigure(`${what}, downloaded by a client`, [alpha]),
  ];
}

function memoryFigure(during: string, peer: BenchPeer): Figure {
  return figureOf(`${during}: most memory of ${NAMES[peer.host - 1]}`, peer.memory().most);
}

function figureOf(what: string, bytes: number): Figure {
  return bounded(what, bytes, MEMORY_BYTES_MAX, mebibytes);
}
