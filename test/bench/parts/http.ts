import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, until } from '../../faults/process.ts';
import { BenchMesh, type BenchPeer, eventLoopFigure } from '../bench-mesh.ts';
import { type Contender, contest } from '../contest.ts';
import { contestFigures } from '../contest-figures.ts';
import { mebibytes } from '../figures.ts';
import { assertEqual, dropLargeFile } from '../files.ts';
import { endedCpuMs } from '../machine.ts';
import type { Part } from '../part.ts';
import { WebRival } from '../rivals/nginx.ts';
import { openRivals } from '../rivals/open.ts';

const CLIENT = 3;
const FILE = 'large.bin';
const USER = 'anna';
const PASSWORD = 'measured well';

/** curl gets a large file from a peer over HTTPS, by name and password, and from nginx. */
export const http: Part = async (scale) => {
  if (WebRival.missing() !== undefined) return [{ what: 'HTTP', figure: 'curl is not installed', goal: '–' }];
  const bytes = scale.bytes(2 ** 30);
  const port = await freePort();
  const words = (host: number): readonly string[] => ['--http', `${mesh.ground.addressOf(host)}:${port}`];
  const mesh: BenchMesh = new BenchMesh('http', { cables: true, replicas: 1, words });
  try {
    const { ground } = mesh;
    const [alpha] = (await mesh.startAll(2)) as [BenchPeer];
    await dropLargeFile(ground.place('made'), join(alpha.folder, FILE), bytes);
    await alpha.told(`stored ${FILE}`, 1);
    const add = ['sh', '-c', `echo '${PASSWORD}' | exec "$@"`, 'sh', ...mesh.clientWords(alpha), 'user', 'add', USER];
    const { code, error } = await ground.start(CLIENT, add).ended;
    if (code !== 0) throw new Error(`user add ended with ${code}: ${error}`);
    const target = join(ground.place('got'), 'got.bin');
    const url = `https://${ground.addressOf(alpha.host)}:${port}`;
    await until('the page', async () => (await curl(mesh, '-o', '/dev/null', `${url}/healthz`)) === 0);
    const getting: Contender = {
      name: 'filemesh + curl',
      cpuMs: () => alpha.cpuMs() + endedCpuMs(),
      prepare: () => undefined,
      go: async () => {
        const began = performance.now();
        const ended = await curl(mesh, '-u', `${USER}:${PASSWORD}`, '-o', target, `${url}/files/${FILE}`);
        if (ended !== 0) throw new Error(`curl ended with ${ended}`);
        const descriptor = openSync(target, 'r');
        fsyncSync(descriptor);
        closeSync(descriptor);
        return performance.now() - began;
      },
      check: () => checkGot(alpha, target),
    };
    const web = { name: 'nginx + curl', missing: undefined, open: () => gettingFrom(mesh, alpha, target) };
    const { rivals, skipped } = await openRivals(web);
    await alpha.stalls();
    const standings = await contest([getting, ...rivals], {
      ...{ ground, runs: scale.runs(5), memoryBytes: 2 * bytes, wireHost: CLIENT },
    });
    const what = `${mebibytes(bytes)} over HTTPS from a peer`;
    return [...contestFigures({ what, bytes, goals: {} }, standings), ...skipped, await eventLoopFigure(what, [alpha])];
  } finally {
    await mesh.close();
  }
};

async function gettingFrom(mesh: BenchMesh, alpha: BenchPeer, target: string): Promise<Contender> {
  const web = await WebRival.open(mesh.ground, alpha.host, alpha.folder);
  const go = () => web.get(CLIENT, FILE, target);
  return { name: web.name, cpuMs: () => web.cpuMs(), prepare: () => undefined, go, check: () => checkGot(alpha, target) };
}

async function checkGot(alpha: BenchPeer, target: string): Promise<void> {
  await assertEqual(join(alpha.folder, FILE), target);
  rmSync(target);
}

async function curl(mesh: BenchMesh, ...words: string[]): Promise<number | null> {
  const { code } = await mesh.ground.start(CLIENT, ['curl', '-sSfk', '--tlsv1.3', ...words]).ended;
  return code;
}
