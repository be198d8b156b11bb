import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NodeRandom } from '../../src/platform/node/node-random.ts';
import { newSecret } from '../../src/wire/mesh-line.ts';
import { type Outcome, Process } from './process.ts';

const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const script = join(project, 'test', 'lan.sh');
/** The built program; another build may be named. */
const program = process.env.FILEMESH_PROGRAM ?? join(project, 'dist', 'main.js');

/** A test run that is called off leaves nothing behind either. */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** True in `make trial`: the long forms run. */
export const isTrial = process.env.TRIAL !== undefined && process.env.TRIAL !== '';

/** What a one-shot verb with --json came to. */
export interface Answer extends Outcome {
  /** Its JSON value; undefined when it printed none. */
  // biome-ignore lint/suspicious/noExplicitAny: values of many verbs, looked at by tests only
  readonly value: any;
}

/** What `up --json` says. */
export interface Event {
  readonly event: string;
  readonly path?: string;
  readonly version?: string;
  readonly peer?: string;
  readonly reason?: string;
}

/** What a verb finds around it. */
export interface VerbSurroundings {
  readonly input?: string | Buffer | undefined;
  /** Join line; null: none is given. Default: that of the LAN. */
  readonly line?: string | null | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Shell words that are run first, where mounts are seen by this program alone. */
  readonly before?: string | undefined;
}

export interface PeerWish {
  readonly host: number;
  readonly name: string;
  /** More words of the command line. */
  readonly words?: readonly string[];
  /** Join line; default: that of the LAN. */
  readonly line?: string;
}

/** A running peer. Its folder outlives it, so that it can be started again. */
export class PeerProcess {
  readonly name: string;
  readonly host: number;
  readonly folder: string;
  readonly process: Process;
  readonly #wish: PeerWish;
  readonly #lan: Lan;

  constructor(lan: Lan, wish: PeerWish, process: Process, folder: string) {
    this.#lan = lan;
    this.#wish = wish;
    this.name = wish.name;
    this.host = wish.host;
    this.folder = folder;
    this.process = process;
  }

  /** What others dial. */
  get address(): string {
    return `${addressOf(this.host)}:${/"address":"[^"]*:(\d+)"/.exec(this.process.lines[0] ?? '')?.[1] ?? 0}`;
  }

  get events(): readonly Event[] {
    return this.process.lines.map((line) => JSON.parse(line) as Event);
  }

  /** The next event like this one, told already or yet to come. */
  async event(like: Partial<Event>, limitMs?: number): Promise<Event> {
    const fits = (line: string): boolean => {
      const event = JSON.parse(line) as Record<string, unknown>;
      return Object.entries(like).every(([key, value]) => event[key] === value);
    };
    return JSON.parse(await this.process.line(`${JSON.stringify(like)} at ${this.name}`, fits, limitMs)) as Event;
  }

  /** The same peer once more, after it ended. */
  again(words?: readonly string[]): Promise<PeerProcess> {
    return this.#lan.peer(words === undefined ? this.#wish : { ...this.#wish, words });
  }
}

/** Hosts with their cables, the peers and clients on them, and a folder for all of it. Close it, whatever happened. */
export class Lan {
  readonly folder: string;
  /** The join line all share who are not told another. */
  readonly line: string;
  readonly #prefix: string;
  readonly #processes = new Set<Process>();
  readonly #end = (): void => this.#takeDown();
  readonly #interrupted = (): void => {
    this.#takeDown();
    process.exit(1);
  };

  /** Makes a LAN of so many hosts; `label` tells trials of one process apart. */
  constructor(label: string, hosts: number) {
    this.#prefix = `${label}${process.pid.toString(36)}x`;
    this.folder = mkdtempSync(join(tmpdir(), `filemesh-lan-${label}-`));
    this.line = `trial/${newSecret(new NodeRandom())}`;
    process.on('exit', this.#end);
    for (const signal of INTERRUPTS) process.on(signal, this.#interrupted);
    this.#script('up', hosts);
  }

  /** Starts a peer; resolves when it is ready. */
  async peer(wish: PeerWish): Promise<PeerProcess> {
    const folder = join(this.folder, wish.name);
    const words = ['--name', wish.name, '--join', wish.line ?? this.line, ...(wish.words ?? ['--settle', '0.3'])];
    const started = this.start(wish.host, [process.execPath, program, 'up', folder, ...words, '--json']);
    const peer = new PeerProcess(this, wish, started, folder);
    await peer.event({ event: 'ready' });
    return peer;
  }

  /** Starts several peers at the same moment. */
  peers(...wishes: PeerWish[]): Promise<PeerProcess[]> {
    return Promise.all(wishes.map((wish) => this.peer(wish)));
  }

  /** Runs one verb with --json on a host to its end; it knows the mesh by its join line. */
  async verb(host: number, words: readonly string[], options: VerbSurroundings = {}): Promise<Answer> {
    return answerOf(await this.begin(host, words, options).ended);
  }

  /** Begins one verb on a host. */
  begin(host: number, words: readonly string[], options: VerbSurroundings = {}): Process {
    const { line = this.line, ...rest } = options;
    const [verb = '', ...others] = words;
    const join = line === null ? [] : ['--join', line];
    return this.start(host, [process.execPath, program, verb, ...join, '--json', ...others], rest);
  }

  /** Opens the shell on a host with these lines as its input; `words`: its options. */
  shell(host: number, lines: string, words: readonly string[] = []): Process {
    return this.start(host, [process.execPath, program, '--join', this.line, ...words], { input: lines });
  }

  /** Starts any program on a host. */
  start(host: number, command: readonly string[], options: Omit<VerbSurroundings, 'line'> = {}): Process {
    const home = join(this.folder, `home-${host}`);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const { input, env: more, before } = options;
    const all = before === undefined ? command : ['unshare', '-m', 'sh', '-c', `${before} && exec "$@"`, 'sh', ...command];
    return this.#start(`${host}`, all, { ...process.env, FILEMESH_HOME: home, ...more }, input);
  }

  /** Starts a program where all cables meet. */
  startAtSwitch(command: readonly string[]): Process {
    return this.#start('sw', command, process.env, undefined);
  }

  #start(place: string, command: readonly string[], env: NodeJS.ProcessEnv, input: string | Buffer | undefined): Process {
    // `ip netns exec` becomes the program: its process id is the program's.
    const all = ['ip', 'netns', 'exec', `${this.#prefix}${place}`, ...command];
    const started = new Process(all, { env, cwd: this.folder, ...(input === undefined ? {} : { input }) });
    this.#processes.add(started);
    started.ended.then(
      () => this.#processes.delete(started),
      () => this.#processes.delete(started),
    );
    return started;
  }

  /** Pulls a host's cable, at the switch. */
  cut(host: number): void {
    this.#script('cut', host);
  }

  mend(host: number): void {
    this.#script('mend', host);
  }

  /** Lets a host send at most so fast. False where this kernel cannot. */
  shape(host: number, rate: string): boolean {
    return spawnSync(script, ['shape', `${host}`, rate], { env: this.#environment() }).status === 0;
  }

  /** A folder of its own for what a test saves. */
  place(name: string): string {
    const place = join(this.folder, name);
    mkdirSync(place, { recursive: true });
    return place;
  }

  /** Ends every process of this LAN, takes it down, and removes its folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((one) => one.kill().catch(() => undefined)));
    this.#takeDown();
  }

  #takeDown(): void {
    process.off('exit', this.#end);
    for (const signal of INTERRUPTS) process.off(signal, this.#interrupted);
    for (const one of this.#processes) one.signal('SIGKILL');
    const down = spawnSync(script, ['down'], { env: this.#environment(), encoding: 'utf8' });
    if (down.status !== 0) console.error(`the LAN ${this.#prefix} could not be taken down: ${down.stderr}`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #script(...words: (string | number)[]): void {
    const result = spawnSync(script, words.map(String), { env: this.#environment(), encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`lan.sh ${words.join(' ')}: ${result.stderr || String(result.error)}`);
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, LAN: this.#prefix };
  }
}

/** The address of a host on its LAN. */
export function addressOf(host: number): string {
  return `10.83.0.${host}`;
}

/** What a verb with --json came to, once it ended. */
export function answerOf(outcome: Outcome): Answer {
  const text = outcome.output.trim();
  return { ...outcome, value: text === '' ? undefined : JSON.parse(text) };
}

/** Why no LAN can be made here; undefined where it can. */
export function lanMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const env = { ...process.env, LAN: `probe${process.pid.toString(36)}x` };
  const up = spawnSync(script, ['up', '1'], { env, encoding: 'utf8' });
  spawnSync(script, ['down'], { env });
  return up.status === 0 ? undefined : `no network namespaces: ${(up.stderr || String(up.error)).trim().split('\n')[0]}`;
}

/** Says aloud what is not tried here, and why. */
export function skipAloud(what: string, why: string | undefined): boolean {
  if (why !== undefined) console.warn(`SKIPPED: ${what}: ${why}`);
  return why !== undefined;
}
