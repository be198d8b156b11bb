import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** The longest a test waits for what it expects: on a busy machine a thing comes later, not otherwise. Below the time of a test. */
export const WAIT_MS_MAX = 60_000;

/** Processes of this test run that may still live: ended when it ends, however that comes. */
const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** How a program ended. */
export interface Outcome {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number;
  readonly output: string;
  /** Standard error. */
  readonly error: string;
  /** From its start. */
  readonly tookMs: number;
}

/** One program under the hands of a test. Signals go to its own process id and to nobody else. */
export class Process {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  readonly #errors: string[] = [];
  /** Resolves when it has ended and all it said was read. */
  readonly ended: Promise<Outcome>;

  /** `input`: its standard input; without it that is empty. */
  constructor(command: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string; input?: string | Buffer }) {
    const began = performance.now();
    const [program = '', ...words] = command;
    const child = spawn(program, words, { env: options.env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    living.add(child);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#errors.push(text));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const listener of this.#listeners) listener(line);
    });
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        living.delete(child);
        const output = this.#lines.join('\n');
        resolve({ code: code ?? -1, output, error: this.error, tookMs: performance.now() - began });
      });
    });
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get error(): string {
    return this.#errors.join('');
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Tells every line of its output from now on. */
  onLine(listener: (line: string) => void): void {
    this.#listeners.add(listener);
  }

  /** The first line of its output that `fits`, said already or yet to come. Rejects when it ends before, or after `limitMs`. */
  line(what: string, fits: (line: string) => boolean, limitMs = WAIT_MS_MAX): Promise<string> {
    const said = this.#lines.find(fits);
    if (said !== undefined) return Promise.resolve(said);
    return new Promise((resolve, reject) => {
      const over = (settle: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const look = (line: string): void => {
        if (fits(line)) over(() => resolve(line));
      };
      const fail = (why: string) =>
        over(() =>
          reject(new Error(`waited for ${what}: ${why}\n${this.#lines.slice(-5).join('\n')}\n${this.error.slice(-3000)}`)),
        );
      const timer = setTimeout(() => fail(`not within ${limitMs} ms`), limitMs);
      this.#listeners.add(look);
      this.ended.then(
        () => fail('the process ended'),
        () => fail('the process did not start'),
      );
    });
  }

  /** kill -9, also of a stopped process; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}

/** Looks until `look` gives something else than undefined or false; the longest a trial waits for what it expects. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = WAIT_MS_MAX,
): Promise<Exclude<T, undefined | false>> {
  const began = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
      last = found;
    } catch (thrown) {
      last = thrown;
    }
    if (performance.now() - began > limitMs) throw new Error(`waited ${limitMs} ms for ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A TCP port of loopback that nobody listens at now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
