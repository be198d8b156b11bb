import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { newSecret } from '../../src/wire/mesh-line.ts';
import { type Process, until } from '../faults/process.ts';
import { type Figure, worst } from './figures.ts';
import { Ground } from './ground.ts';
import { cpuMsOf, memoryOf } from './machine.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** The built program; another build may be named. */
export const PROGRAM = process.env.FILEMESH_PROGRAM ?? join(dirname(dirname(here)), 'dist', 'main.js');
/** More words for the node of each peer, to look into a figure: `BENCH_NODE='--cpu-prof --cpu-prof-dir=/tmp/profiles'`. */
const NODE_WORDS = (process.env.BENCH_NODE ?? '').split(' ').filter((word) => word !== '');
/** Settle time of every measured peer: it is taken off where a figure says so. */
export const SETTLE_MS = 300;
export const NAMES = ['alpha', 'bravo', 'charlie'];
/** Peers of one host that start at a time: more would only wait for one another. */
const STARTING_MAX = 5;
/** A peer is at rest when it used less CPU than this in a second, several seconds running; on a busy machine it may never. */
const REST_CPU_MS = 100;
const REST_SECONDS = 4;
const REST_SECONDS_MAX = 60;
/** An event loop may be late by so much, 99 times of 100. */
const DELAY_MS = 50;

/** How long the event loop of a peer was blocked by itself, in ms; and at most together with its wait for a core. */
export interface Stalls {
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly withWaitMs: number;
}

/** A running peer and the events it told, each with the time it was heard. */
export class BenchPeer {
  readonly host: number;
  readonly folder: string;
  readonly process: Process;
  readonly startedMs = performance.now();
  readonly #counts = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  readonly #stallsFile: string;
  #address = '';

  constructor(host: number, folder: string, start: (stallsFile: string) => Process) {
    this.host = host;
    this.folder = folder;
    this.#stallsFile = join(dirname(folder), `stalls-${host}`);
    this.process = start(this.#stallsFile);
    this.process.onLine((line) => this.#hear(line));
  }

  get address(): string {
    return this.#address;
  }

  count(event: string): number {
    return this.#counts.get(event) ?? 0;
  }

  /**
   * Resolves with the time it was heard when this peer has told `event` so often: `replicated`; `replicated a/path`; or
   * `replicated a/*`, which counts each path below `a` once.
   */
  async told(event: string, times: number, limitMs = 600_000): Promise<number> {
    const limit = setTimeout(() => this.process.signal('SIGKILL'), limitMs);
    try {
      while (this.count(event) < times) {
        await Promise.race([new Promise<void>((resolve) => this.#waiters.add(resolve)), this.process.ended]);
        if (!this.process.runs)
          throw new Error(
            `${this.folder} ended at ${this.count(event)} of ${times} ${event}\n${this.process.error.slice(-2000)}`,
          );
      }
      return performance.now();
    } finally {
      clearTimeout(limit);
    }
  }

  memory() {
    return memoryOf(this.process.pid);
  }

  cpuMs(): number {
    return cpuMsOf(this.process.pid);
  }

  /** Resolves when the peer does nothing any more. */
  rested(): Promise<void> {
    return rested(this.process.pid);
  }

  /** What the event loop went through since the start, or since this was asked last. */
  async stalls(): Promise<Stalls> {
    rmSync(this.#stallsFile, { force: true });
    this.process.signal('SIGUSR2');
    await until('the stalls', () => existsSync(this.#stallsFile) && readFileSync(this.#stallsFile, 'utf8').endsWith('}'));
    return JSON.parse(readFileSync(this.#stallsFile, 'utf8')) as Stalls;
  }

  async stop(): Promise<void> {
    this.process.signal('SIGTERM');
    await this.process.ended;
  }

  #hear(line: string): void {
    const { event = '', path, peer, address } = JSON.parse(line) as Record<string, string>;
    if (event === 'ready') this.#address = address ?? '';
    const about = path ?? peer ?? '';
    if (about.includes('/') && this.count(`${event} ${about}`) === 0) this.#add(`${event} ${about.split('/')[0]}/*`);
    this.#add(event);
    this.#add(`${event} ${about}`);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  #add(key: string): void {
    this.#counts.set(key, this.count(key) + 1);
  }
}

/** What the event loops of these peers went through since they were asked last, as a line of the table. */
export async function eventLoopFigure(during: string, peers: readonly BenchPeer[]): Promise<Figure> {
  const stalls = await Promise.all(peers.map((peer) => peer.stalls()));
  const [p99Ms, maxMs] = [worst(stalls.map((one) => one.p99Ms)), worst(stalls.map((one) => one.maxMs))];
  const figure = `p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(0)} ms`;
  return { what: `${during}: event loop delay of a peer`, figure, goal: `p99 ≤ ${DELAY_MS} ms`, isMissed: p99Ms > DELAY_MS };
}

export interface MeshOptions {
  readonly hosts?: number;
  readonly cables?: boolean;
  readonly replicas?: number;
  /** More words for `up` on a host. */
  readonly words?: (host: number) => readonly string[];
}

/** Peers of one mesh on a ground. */
export class BenchMesh {
  readonly ground: Ground;
  readonly #line = `bench/${newSecret(new NodeRandom())}`;
  readonly #options: MeshOptions;

  constructor(label: string, options: MeshOptions = {}) {
    this.#options = options;
    this.ground = new Ground(label, options.hosts ?? 3, options.cables);
  }

  folderOf(host: number): string {
    return this.ground.place(nameOf(host));
  }

  /** Starts a peer, `ready` or not. */
  start(host: number): BenchPeer {
    const more = this.#options.words?.(host) ?? [];
    const command = ['-r', join(here, 'preload.cjs'), PROGRAM, ...this.#wordsOf(nameOf(host)), ...more];
    const start = (stallsFile: string) => this.#start(host, command, { BENCH_STALLS: stallsFile });
    return new BenchPeer(host, this.folderOf(host), start);
  }

  /** Starts so many peers on the loopback of the first host, some at a time; resolves when the first sees all others. */
  async startOnLoopback(count: number): Promise<BenchPeer[]> {
    const peers: BenchPeer[] = [];
    while (peers.length < count) {
      const some = Array.from({ length: Math.min(STARTING_MAX, count - peers.length) }, (_, index) => {
        const name = `peer-${peers.length + index + 1}`;
        const start = () => this.#start(1, [PROGRAM, ...this.#wordsOf(name)], { FILEMESH_INTERFACE: '127.0.0.1' });
        return new BenchPeer(1, this.ground.place(name), start);
      });
      peers.push(...some);
      await Promise.all(some.map((peer) => peer.told('ready', 1, 60_000)));
    }
    await peers[0]?.told('member-joined', count - 1, 120_000);
    return peers;
  }

  #start(host: number, words: readonly string[], env: Readonly<Record<string, string>>): Process {
    return this.ground.start(host, [process.execPath, ...NODE_WORDS, ...words], env);
  }

  #wordsOf(name: string): string[] {
    const { replicas } = this.#options;
    const copies = replicas === undefined ? [] : ['--replicas', `${replicas}`];
    const words = ['--name', name, '--join', this.#line, '--settle', `${SETTLE_MS}ms`];
    return ['up', this.ground.place(name), ...words, ...copies, '--json'];
  }

  /** Starts peers on hosts 1…N at the same moment; resolves when all see each other. */
  async startAll(hosts: number): Promise<BenchPeer[]> {
    const peers = Array.from({ length: hosts }, (_, index) => this.start(index + 1));
    await Promise.all(peers.map((peer) => peer.told('member-joined', hosts - 1, 60_000)));
    return peers;
  }

  /** The words that run the program as a client on a host: through this peer first. */
  clientWords(peer: BenchPeer): string[] {
    return [process.execPath, PROGRAM, '--join', this.#line, '--peer', peer.address];
  }

  /** Begins a verb of a client on a host, through this peer first. */
  begin(host: number, peer: BenchPeer, words: readonly string[]): Process {
    return this.ground.start(host, [...this.clientWords(peer), ...words, '--json']);
  }

  close(): Promise<void> {
    return this.ground.close();
  }
}

/** Resolves when a process does nothing any more, or after a minute. */
export async function rested(pid: number): Promise<void> {
  let quiet = 0;
  let before = cpuMsOf(pid);
  for (let second = 0; quiet < REST_SECONDS && second < REST_SECONDS_MAX; second++) {
    await sleep(1000);
    const now = cpuMsOf(pid);
    quiet = now - before < REST_CPU_MS ? quiet + 1 : 0;
    before = now;
  }
}

function nameOf(host: number): string {
  return NAMES[host - 1] ?? `host-${host}`;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
