import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process } from '../faults/process.ts';

const script = join(dirname(dirname(fileURLToPath(import.meta.url))), 'lan.sh');

/** Where the processes of a measurement run: hosts 1…N, and a folder for all they leave. Close it, whatever happened. */
export class Ground {
  readonly folder: string;
  /** True: each host is a network namespace with a cable. False: all are this machine, on its loopback. */
  readonly hasCables: boolean;
  readonly #prefix: string;
  readonly #processes = new Set<Process>();
  readonly #end = (): void => this.#takeDown();

  constructor(label: string, hosts: number, wantsCables = false) {
    this.folder = mkdtempSync(join(tmpdir(), `filemesh-bench-${label}-`));
    this.#prefix = `b${process.pid.toString(36)}`;
    this.hasCables = wantsCables && process.getuid?.() === 0 && this.#script('up', hosts);
    process.on('exit', this.#end);
  }

  /** Starts a program on a host. */
  start(host: number, command: readonly string[], env: Readonly<Record<string, string>> = {}): Process {
    const surroundings = { env: { ...this.environment(host), ...env }, cwd: this.folder };
    const started = new Process(this.commandOn(host, command), surroundings);
    this.#processes.add(started);
    return started;
  }

  /** The command that runs on a host what is `command` here. */
  commandOn(host: number, command: readonly string[]): string[] {
    return [...(this.hasCables ? ['ip', 'netns', 'exec', `${this.#prefix}${host}`] : []), ...command];
  }

  /** What a program on a host finds in its environment: a home of its own; and without cables nothing leaves the machine. */
  environment(host: number): NodeJS.ProcessEnv {
    const home = { ...process.env, FILEMESH_HOME: this.place(`home-${host}`) };
    return this.hasCables ? home : { ...home, FILEMESH_INTERFACE: '127.0.0.1' };
  }

  cut(host: number): void {
    this.#script('cut', host);
  }

  mend(host: number): void {
    this.#script('mend', host);
  }

  /** Bytes that went through a host's cable so far, both ways. */
  wireBytes(host: number): number {
    return this.#statistics(host, ['eth0/statistics/rx_bytes', 'eth0/statistics/tx_bytes']);
  }

  /** Bytes that the programs of a host sent to one another so far. */
  loopbackBytes(host: number): number {
    return this.#statistics(host, ['lo/statistics/tx_bytes']);
  }

  #statistics(host: number, names: readonly string[]): number {
    const files = names.map((name) => `/sys/class/net/${name}`);
    const read = spawnSync('ip', ['netns', 'exec', `${this.#prefix}${host}`, 'cat', ...files], { encoding: 'utf8' });
    return read.stdout.split('\n').reduce((sum, line) => sum + Number(line), 0);
  }

  /** A folder of this measurement's own. */
  place(name: string): string {
    const place = join(this.folder, name);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    return place;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].filter((one) => one.runs).map((one) => one.kill().catch(() => undefined)));
    process.off('exit', this.#end);
    this.#takeDown();
  }

  #takeDown(): void {
    for (const one of this.#processes) if (one.runs) one.signal('SIGKILL');
    if (this.hasCables) this.#script('down');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #script(...words: (string | number)[]): boolean {
    const result = spawnSync(script, words.map(String), { env: { ...process.env, LAN: this.#prefix }, encoding: 'utf8' });
    if (result.status !== 0) console.warn(`lan.sh ${words.join(' ')}: ${result.stderr.trim().split('\n')[0]}`);
    return result.status === 0;
  }
}
