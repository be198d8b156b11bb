import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { newSecret } from '../../src/wire/mesh-line.ts';
import { freePort, type Outcome, Process, until } from './process.ts';

const here = dirname(fileURLToPath(import.meta.url));
const program = process.env.FILEMESH_PROGRAM ?? join(dirname(dirname(here)), 'dist', 'main.js');
/** Peers that start at a time: more would only wait for one another. */
const STARTING_MAX = 5;
const READY_MS_MAX = 60_000;
const MET_MS_MAX = 120_000;

/** One peer of the crowd. */
export interface CrowdPeer {
  readonly name: string;
  readonly address: string;
  process: Process;
}

/** Many peers of one mesh on the loopback of this machine, as the demonstration has them. Close it, whatever happened. */
export class Crowd {
  readonly place = mkdtempSync(join(tmpdir(), 'filemesh-crowd-'));
  readonly peers: CrowdPeer[] = [];
  readonly #line = `crowd/${newSecret(new NodeRandom())}`;
  readonly #replicas: number;

  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  /** Starts so many; resolves when they have met. */
  async start(count: number): Promise<void> {
    while (this.peers.length < count) {
      const numbers = Array.from(
        { length: Math.min(STARTING_MAX, count - this.peers.length) },
        (_, i) => this.peers.length + i + 1,
      );
      const some = await Promise.all(
        numbers.map(async (number) => this.#peer(`peer-${number}`, `127.0.0.1:${await freePort()}`)),
      );
      this.peers.push(...some);
      await Promise.all(some.map(ready));
    }
    await this.met();
  }

  /** Resolves when the first peer that runs sees all that run, and no others. */
  async met(): Promise<void> {
    const [first, ...others] = this.peers.filter((peer) => peer.process.runs);
    await until(
      'they have met',
      async () => {
        const peers = await this.value<{ alive: boolean }[]>(['peers', '--peer', first?.address ?? '']);
        const alive = peers.filter((peer) => peer.alive).length;
        return alive === others.length + 1 || Promise.reject(new Error(`${alive} of ${others.length + 1}`));
      },
      MET_MS_MAX,
    );
  }

  /** Starts a peer that was killed again, on its folder and port; resolves when it is ready. */
  async again(peer: CrowdPeer): Promise<void> {
    await peer.process.ended;
    peer.process = this.#peer(peer.name, peer.address).process;
    await ready(peer);
  }

  /** Begins one command of a client. */
  client(words: readonly string[]): Process {
    return this.#run([...words.slice(0, 1), '--join', this.#line, ...words.slice(1)]);
  }

  /** The value of one verb. Rejects when it fails. */
  async value<T>(words: readonly string[]): Promise<T> {
    const { code, output, error }: Outcome = await this.client([...words, '--json']).ended;
    if (code !== 0) throw new Error(`${words.join(' ')}: exit ${code}: ${output}${error}`);
    return JSON.parse(output) as T;
  }

  async close(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.process.kill()));
    rmSync(this.place, { recursive: true, force: true });
  }

  #peer(name: string, address: string): CrowdPeer {
    const [, port = ''] = address.split(':');
    // Somebody to ask, beside multicast: the first few.
    const asked = this.peers.slice(0, STARTING_MAX).flatMap((peer) => ['--peer', peer.address]);
    const words = ['--name', name, '--port', port, '--settle', '0.3', '--replicas', `${this.#replicas}`, ...asked];
    return { name, address, process: this.#run(['up', join(this.place, name), '--join', this.#line, ...words, '--json']) };
  }

  #run(words: readonly string[]): Process {
    const home = join(this.place, 'home');
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const env = { ...process.env, FILEMESH_HOME: home, FILEMESH_INTERFACE: '127.0.0.1' };
    return new Process([process.execPath, program, ...words], { env, cwd: this.place });
  }
}

async function ready(peer: CrowdPeer): Promise<void> {
  await peer.process.line(`${peer.name} ready`, (line) => line.includes('"event":"ready"'), READY_MS_MAX);
}
