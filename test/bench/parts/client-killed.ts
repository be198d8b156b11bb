import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WINDOW_BYTES_MAX } from '../../../src/wire/fetch-limits.ts';
import { Progress } from '../../faults/gap.ts';
import { BenchMesh, type BenchPeer, eventLoopFigure } from '../bench-mesh.ts';
import { type Figure, mebibytes, median, worst } from '../figures.ts';
import { assertEqual, makeLargeFile } from '../files.ts';
import { WatchedVerb } from '../our-client.ts';
import type { Part } from '../part.ts';

const CLIENT = 4;

/** Bytes the client's cable took: of an upload that is killed at half, and of the same begun again. */
interface Sent {
  readonly killed: number;
  readonly again: number;
}

/** A client uploads a file; it is killed when half is sent, and started again. */
export const clientKilled: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const mesh = new BenchMesh('resumed', { hosts: CLIENT, cables: true });
  try {
    const peers = await mesh.startAll(3);
    const sent: Sent[] = [];
    await Promise.all(peers.map((peer) => peer.stalls()));
    for (let run = 0; run < scale.runs(5); run++) {
      const source = join(mesh.ground.place('made'), 'source.bin');
      await makeLargeFile(source, bytes);
      const name = `resumed-${run}.bin`;
      const words = ['upload', source, '--to', name];
      const killed = await sentBytes(mesh, peers, words, bytes / 2);
      if (peers.some(({ folder }) => existsSync(join(folder, name)))) throw new Error('the upload was over before it was killed');
      const again = await sentBytes(mesh, peers, words, Number.POSITIVE_INFINITY);
      const holders = peers.map(({ folder }) => join(folder, name)).filter((file) => existsSync(file));
      if (holders.length < 2) throw new Error(`${holders.length} copies of ${name}`);
      for (const file of holders) await assertEqual(source, file);
      sent.push({ killed, again });
    }
    return [...figuresOf(bytes, sent), await eventLoopFigure('a client killed during an upload', peers)];
  } finally {
    await mesh.close();
  }
};

/** Runs a verb, or kills it when it has sent so much. */
async function sentBytes(mesh: BenchMesh, peers: readonly BenchPeer[], words: string[], killAt: number): Promise<number> {
  const before = mesh.ground.wire(CLIENT).sent;
  const verb = new WatchedVerb(mesh.begin(CLIENT, peers[0] as BenchPeer, words));
  if (Number.isFinite(killAt)) {
    const progress = new Progress(() => verb.writtenBytes());
    await Promise.race([progress.reached(killAt), verb.process.ended]);
    progress.end();
    await verb.process.kill();
  } else await verb.succeeded();
  return mesh.ground.wire(CLIENT).sent - before;
}

function figuresOf(bytes: number, sent: readonly Sent[]): Figure[] {
  const what = `a client uploads ${mebibytes(bytes)}, is killed at half and started again`;
  const [killed, again] = [sent.map((one) => one.killed), sent.map((one) => one.again)];
  // With what the wire itself adds.
  const more = sent.map((one) => one.killed + one.again - bytes);
  const goal = `only what is missing: ≤ ${mebibytes(WINDOW_BYTES_MAX)}`;
  if (Number.isNaN(median(again))) return [{ what, figure: 'whole and right; bytes not measured: no cables', goal }];
  return [
    {
      what: `${what}: sent before, sent after`,
      figure: [killed, again].map((all) => mebibytes(median(all))).join(', '),
      goal: '–',
    },
    {
      what: `${what}: sent beyond the size of the file`,
      figure: `${mebibytes(median(more))} (worst ${mebibytes(worst(more))} of ${sent.length})`,
      goal,
      isMissed: worst(more) > WINDOW_BYTES_MAX,
    },
  ];
}
