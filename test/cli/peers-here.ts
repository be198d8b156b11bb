import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Outcome, Process } from '../faults/process.ts';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const program = process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js');

/** How one command is run. */
export interface Surroundings {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Real peers on the loopback of this machine in a temporary folder, and the built program as their client. */
export class PeersHere {
  readonly place = mkdtempSync(join(tmpdir(), 'filemesh-verbs-'));
  readonly #peers = new Map<string, Process>();
  readonly #addresses = new Map<string, string>();
  /** Of the mesh the first peer makes: one of its own, for other tests run on this machine at the same time. */
  #join: string | undefined;

  /** Puts a file into a peer's folder, which is made when it is not there. */
  drop(peer: string, path: string, text: string | Uint8Array): void {
    const file = join(this.place, peer, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Starts a peer on the folder of its name, and waits until it listens; resolves with what it says then. */
  async up(name: string, ...words: string[]): Promise<Record<string, unknown>> {
    const calls = [...this.#addresses.values()].flatMap((address) => ['--peer', address]);
    const common = ['--name', name, '--port', '0', '--settle', '0.1', '--json'];
    const mesh = this.#join === undefined ? ['--mesh', 'home'] : ['--join', this.#join];
    const peer = this.#start(['up', name, ...common, ...mesh, ...calls, ...words], {});
    this.#peers.set(name, peer);
    const line = await peer.line(`${name} ready`, (text) => text.includes('"ready"'));
    const ready = JSON.parse(line) as Record<string, unknown>;
    this.#addresses.set(name, String(ready.address));
    this.#join ??= String(ready.join);
    return ready;
  }

  peer(name: string): Process {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new Error(`no peer ${name} was started`);
    return peer;
  }

  /** Runs one command to its end. */
  filemesh(words: readonly string[], surroundings: Surroundings = {}): Promise<Outcome> {
    return this.#start(words, surroundings).ended;
  }

  /** The same, while it runs. */
  begin(words: readonly string[], surroundings: Surroundings = {}): Process {
    return this.#start(words, surroundings);
  }

  /** Runs one verb with `--json` and gives its value. Rejects when its exit code is another. */
  async value(code: number, words: readonly string[], surroundings: Surroundings = {}): Promise<unknown> {
    const outcome = await this.filemesh([...words, '--json'], surroundings);
    if (outcome.code !== code) throw new Error(`${words.join(' ')}: exit ${outcome.code}: ${outcome.output}${outcome.error}`);
    return JSON.parse(outcome.output) as unknown;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.kill()));
    rmSync(this.place, { recursive: true, force: true });
  }

  #start(words: readonly string[], { input, env }: Surroundings): Process {
    const home = join(this.place, 'home');
    const all = { ...process.env, FILEMESH_HOME: home, FILEMESH_INTERFACE: '127.0.0.1', ...env };
    const given = input === undefined ? {} : { input };
    return new Process([process.execPath, program, ...words], { env: all, cwd: this.place, ...given });
  }
}
