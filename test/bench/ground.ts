import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process } from '../faults/process.ts';

const script = join(dirname(dirname(fileURLToPath(import.meta.url))), 'lan.sh');

const DOWN_TRIES_MAX = 5;

/** Where the processes of a measurement run: hosts 1…N, and a folder for all they leave. Close it, whatever happened. */
export class Ground {
  readonly folder: string;
  /** True: each host is a network namespace with a cable. False: all are this machine, on its loopback. */
  readonly hasCables: boolean;
  readonly #prefix: string;
  readonly #processes = new Set<Process>();
  /** One process of each host that stays: through it /proc shows the host's cable without a program started each time. */
  readonly #anchors = new Map<number, Process>();
  readonly #end = (): void => this.#takeDown();

  constructor(label: string, hosts: number, wantsCables = false) {
    this.folder = mkdtempSync(join(tmpdir(), `filemesh-bench-${label}-`));
    this.#prefix = `b${process.pid.toString(36)}x`;
    this.hasCables = wantsCables && process.getuid?.() === 0 && this.#areHostsMade(hosts);
    process.on('exit', this.#end);
    if (!this.hasCables) return;
    for (let host = 1; host <= hosts; host++) this.#anchors.set(host, this.start(host, ['sleep', 'infinity']));
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

  /** The processes that run on the hosts, whoever started them; none where there are no cables. */
  pids(): number[] {
    return this.hasCables ? this.#script('pids').output.split(/\s+/).filter(Boolean).map(Number) : [];
  }

  cut(host: number): void {
    this.#script('cut', host);
  }

  mend(host: number): void {
    this.#script('mend', host);
  }

  /** What a program on another host calls this one. */
  addressOf(host: number): string {
    return this.hasCables ? `10.83.0.${host}` : '127.0.0.1';
  }

  /** Bytes that went through a host's cable so far, both ways; NaN where there are no cables. */
  wireBytes(host: number): number {
    const { received, sent } = this.wire(host);
    return received + sent;
  }

  /** Bytes a host got and sent so far through its cable, or through its loopback. NaN where there are no cables. */
  wire(host: number, device: 'eth0' | 'lo' = 'eth0'): { received: number; sent: number } {
    const anchor = this.#anchors.get(host);
    if (anchor === undefined) return { received: Number.NaN, sent: Number.NaN };
    const line = readFileSync(`/proc/${anchor.pid}/net/dev`, 'utf8').split(`${device}:`)[1] ?? '';
    const fields = line.trim().split(/\s+/).map(Number);
    return { received: fields[0] ?? Number.NaN, sent: fields[8] ?? Number.NaN };
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
    if (this.hasCables) {
      // Others start processes of their own, which nobody else would end.
      for (const pid of this.pids()) endNow(pid);
      // Who was in the middle of a write to a busy disk ends only after it.
      for (let tries = 0; tries < DOWN_TRIES_MAX && !this.#script('down').isDone; tries++);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Where it cannot be done, what was begun goes. */
  #areHostsMade(hosts: number): boolean {
    const { isDone } = this.#script('up', hosts);
    if (!isDone) this.#script('down');
    return isDone;
  }

  #script(...words: (string | number)[]): { isDone: boolean; output: string } {
    const result = spawnSync(script, words.map(String), { env: { ...process.env, LAN: this.#prefix }, encoding: 'utf8' });
    if (result.status !== 0) console.warn(`lan.sh ${words.join(' ')}: ${result.stderr.trim().split('\n')[0]}`);
    return { isDone: result.status === 0, output: result.stdout };
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
