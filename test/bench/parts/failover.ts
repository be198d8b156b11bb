import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../faults/process.ts';
import { BenchMesh, type BenchPeer } from '../bench-mesh.ts';
import { bounded, type Figure, median, percentile, seconds, worst } from '../figures.ts';
import type { Part } from '../part.ts';
import { ShellClient } from '../shell-client.ts';

const CLIENT = 4;
const PROBE = 'probe.txt';

interface Fate {
  readonly what: string;
  readonly p99MsMax: number;
  readonly needsCable?: true;
  strike(mesh: BenchMesh, victim: BenchPeer): void;
  /** The peer running again, or a new one in its place. */
  mend(mesh: BenchMesh, victim: BenchPeer): Promise<BenchPeer>;
}

const FATES: readonly Fate[] = [
  {
    what: 'is killed with -9',
    p99MsMax: 500,
    strike: (_, victim) => victim.process.signal('SIGKILL'),
    mend: async (mesh, victim) => {
      await victim.process.ended;
      return mesh.start(victim.host);
    },
  },
  {
    what: 'stands still',
    p99MsMax: 3000,
    strike: (_, victim) => victim.process.signal('SIGSTOP'),
    mend: async (_, victim) => {
      victim.process.signal('SIGCONT');
      return victim;
    },
  },
  {
    what: 'loses its cable',
    p99MsMax: 3000,
    needsCable: true,
    strike: (mesh, victim) => mesh.ground.cut(victim.host),
    mend: async (mesh, victim) => {
      mesh.ground.mend(victim.host);
      return victim;
    },
  },
];

/** The peer a client talks to goes away without a word: until the client's next request, made at that moment, is answered. */
export const failover: Part = async (scale) => {
  const mesh = new BenchMesh('failover', { hosts: CLIENT, cables: true });
  try {
    const figures: Figure[] = [];
    let peers = await mesh.startAll(3);
    const [alpha] = peers;
    writeFileSync(join((alpha as BenchPeer).folder, PROBE), 'probe');
    await alpha?.told(`replicated ${PROBE}`, 1);
    for (const fate of FATES) {
      const what = `the client's peer ${fate.what}: next request answered`;
      if (fate.needsCable && !mesh.ground.hasCables) {
        figures.push({ what, figure: 'not measured: needs root', goal: `≤ ${seconds(fate.p99MsMax)}` });
        continue;
      }
      const times: number[] = [];
      for (let run = 0; run < scale.runs(20); run++) {
        const victim = peers[run % peers.length] as BenchPeer;
        times.push(await timeOf(mesh, fate, victim));
        const back = await fate.mend(mesh, victim);
        peers = peers.map((peer) => (peer === victim ? back : peer));
        await allAlive(mesh, peers);
      }
      const [half, most] = [median(times), percentile(times, 0.99)].map(seconds);
      const figure = `${half} median, ${most} p99, ${seconds(worst(times))} worst of ${times.length}`;
      figures.push(bounded(`${what}, p99`, percentile(times, 0.99), fate.p99MsMax, seconds, figure));
    }
    return figures;
  } finally {
    await mesh.close();
  }
};

async function timeOf(mesh: BenchMesh, fate: Fate, victim: BenchPeer): Promise<number> {
  const client = new ShellClient(mesh, CLIENT, victim);
  try {
    await client.ask(`show ${PROBE}`, '1 file');
    fate.strike(mesh, victim);
    return await client.ask(`show ${PROBE}`, '1 file');
  } finally {
    await client.end();
  }
}

/** Resolves when every peer sees every other. */
async function allAlive(mesh: BenchMesh, peers: readonly BenchPeer[]): Promise<void> {
  await until(
    'all peers alive',
    async () => {
      const looks = peers.map(async (peer) => {
        if (peer.address === '') return false;
        const { code, output } = await mesh.ground.start(CLIENT, [...mesh.clientWords(peer), 'peers', '--json']).ended;
        const seen = code === 0 ? (JSON.parse(output) as { alive: boolean }[]) : [];
        return seen.length === peers.length && seen.every((one) => one.alive);
      });
      return (await Promise.all(looks)).every((sees) => sees);
    },
    60_000,
  );
}
