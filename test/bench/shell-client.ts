import { type ChildProcess, spawn } from 'node:child_process';
import type { BenchMesh, BenchPeer } from './bench-mesh.ts';

/** A client shell that is fed one line at a time: one session, as a person has it. */
export class ShellClient {
  readonly #child: ChildProcess;
  #output = '';
  #heard: () => void = () => {};

  constructor(mesh: BenchMesh, host: number, peer: BenchPeer) {
    const { ground } = mesh;
    const [program = '', ...words] = ground.commandOn(host, [...mesh.clientWords(peer), '--timeout', '30']);
    const options = { env: ground.environment(host), cwd: ground.folder, stdio: 'pipe' } as const;
    const child = spawn(program, words, options);
    this.#child = child;
    child.stdin.on('error', () => undefined);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#heard();
      });
    }
    child.on('close', () => this.#heard());
  }

  /** Resolves with the ms until the answer to `line` contains `wanted`. Rejects when the shell ends before. */
  async ask(line: string, wanted: string): Promise<number> {
    this.#output = '';
    const began = performance.now();
    this.#child.stdin?.write(`${line}\n`);
    while (!this.#output.includes(wanted)) {
      if (this.#child.exitCode !== null) throw new Error(`the client ended: ${this.#output}`);
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
    return performance.now() - began;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
