import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { WINDOW_BYTES_MAX } from '../../../src/wire/fetch-limits.ts';
import { Progress } from '../../faults/gap.ts';
import { until } from '../../faults/process.ts';
import { BenchMesh, type BenchPeer, eventLoopFigure } from '../bench-mesh.ts';
import { bounded, type Figure, mebibytes, median, seconds, spread, worst } from '../figures.ts';
import { assertEqual, dropLargeFile } from '../files.ts';
import { WatchedVerb } from '../our-client.ts';
import type { Part } from '../part.ts';

const CLIENT = 4;
const NAME = 'wanted.bin';
const GAP_MS_MAX = 1000;
const STEP_BYTES = 64 * 1024;

interface Fetched {
  /** Bytes the client's cable brought. */
  readonly receivedBytes: number;
  readonly gapMs: number;
}

/** A client downloads a file of two holders; the one it talks to is killed when half is there. */
export const holderKilled: Part = async (scale) => {
  const bytes = scale.bytes(2 ** 30);
  const mesh = new BenchMesh('killed', { hosts: CLIENT, cables: true });
  try {
    const peers = await mesh.startAll(3);
    let [victim, ...others] = peers as [BenchPeer, ...BenchPeer[]];
    await dropLargeFile(mesh.ground.place('made'), join(victim.folder, NAME), bytes);
    await victim.told(`replicated ${NAME}`, 1);
    await Promise.all(peers.map((peer) => peer.stalls()));
    const [quiet, struck]: [Fetched[], Fetched[]] = [[], []];
    for (let run = 0; run < scale.runs(5); run++) {
      quiet.push(await fetched(mesh, victim, Number.POSITIVE_INFINITY));
      struck.push(await fetched(mesh, victim, bytes / 2));
      await victim.process.ended;
      victim = mesh.start(victim.host);
      await victim.told('member-joined', 2);
      await until('the holder is one again', async () => (await copiesAt(mesh, victim)) >= 2, 60_000);
    }
    // Of the one that is killed again and again only what it went through since its last start.
    return [...figuresOf(bytes, quiet, struck), await eventLoopFigure('a peer killed during a download', [victim, ...others])];
  } finally {
    await mesh.close();
  }
};

/** Live copies of the file, as this peer knows them. */
async function copiesAt(mesh: BenchMesh, peer: BenchPeer): Promise<number> {
  const { code, output } = await mesh.begin(CLIENT, peer, ['show', NAME]).ended;
  return code === 0 ? ((JSON.parse(output) as { copies: number }[])[0]?.copies ?? 0) : 0;
}

/** Downloads, and kills the peer it talks to when so much is there; the file is whole and right, or this throws. */
async function fetched(mesh: BenchMesh, victim: BenchPeer, killAtBytes: number): Promise<Fetched> {
  const target = join(mesh.ground.place('got'), NAME);
  const before = mesh.ground.wire(CLIENT).received;
  const verb = new WatchedVerb(mesh.begin(CLIENT, victim, ['download', NAME, '--to', target]));
  // What it only says to its peers is no progress.
  const progress = new Progress(() => Math.floor(verb.writtenBytes() / STEP_BYTES) * STEP_BYTES);
  const killed = progress.reached(killAtBytes).then(() => {
    victim.process.signal('SIGKILL');
    progress.fault();
  });
  await verb.succeeded();
  const gapMs = progress.end();
  if (Number.isFinite(killAtBytes)) await killed;
  const receivedBytes = mesh.ground.wire(CLIENT).received - before;
  await assertEqual(join(victim.folder, NAME), target);
  rmSync(target);
  return { receivedBytes, gapMs };
}

function figuresOf(bytes: number, quiet: readonly Fetched[], struck: readonly Fetched[]): Figure[] {
  const what = `a client downloads ${mebibytes(bytes)}, the peer it talks to is killed at half`;
  const gaps = struck.map(({ gapMs }) => gapMs);
  // With what the wire itself adds.
  const [usual, more] = [quiet, struck].map((all) => all.map(({ receivedBytes }) => receivedBytes - bytes)) as [
    number[],
    number[],
  ];
  const shown = `${mebibytes(median(more))} (worst ${mebibytes(worst(more))}; without a kill ${mebibytes(median(usual))})`;
  const goal = `≤ ${mebibytes(WINDOW_BYTES_MAX)}, one window`;
  const wire = { what: `${what}: received beyond the size of the file`, goal };
  return [
    { what: `${what}: whole and right`, figure: `${struck.length} of ${struck.length}`, goal: 'all' },
    bounded(`${what}: longest time without progress`, worst(gaps), GAP_MS_MAX, seconds, spread(gaps)),
    Number.isNaN(median(more))
      ? { ...wire, figure: 'not measured: no cables' }
      : { ...wire, figure: shown, isMissed: worst(more) > WINDOW_BYTES_MAX },
  ];
}
