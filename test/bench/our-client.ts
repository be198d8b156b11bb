import { readFileSync } from 'node:fs';
import type { Process } from '../faults/process.ts';
import { memoryOf } from './machine.ts';

const LOOK_MS = 20;

/** A verb of a client under way, watched from outside: what it has written, and the most memory it had. */
export class WatchedVerb {
  readonly process: Process;
  readonly #timer: NodeJS.Timeout;
  #memoryBytes = 0;
  #writtenBytes = 0;

  constructor(process: Process) {
    this.process = process;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    process.ended.finally(() => clearInterval(this.#timer)).catch(() => undefined);
  }

  /** The most memory it had until now, in bytes. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Bytes of files it has written so far, and what it said to its peers. Linux only. */
  writtenBytes(): number {
    try {
      const text = readFileSync(`/proc/${this.process.pid}/io`, 'utf8');
      this.#writtenBytes = Number(/wchar: (\d+)/.exec(text)?.[1] ?? 0);
    } catch {
      // It is over.
    }
    return this.#writtenBytes;
  }

  /** Resolves when it is over; rejects when it did not succeed. */
  async succeeded(): Promise<number> {
    const { code, error, tookMs } = await this.process.ended;
    if (code !== 0) throw new Error(`the client ended with ${code}: ${error}`);
    return tookMs;
  }

  #look(): void {
    try {
      const { most } = memoryOf(this.process.pid);
      if (!Number.isNaN(most)) this.#memoryBytes = most;
    } catch {
      // It is over.
    }
  }
}
