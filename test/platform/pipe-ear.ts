import type { Pipe, PipeEvents } from '../../src/platform/network.ts';

/** Listens to one pipe and keeps all it hears, so that a test can await it. */
export class PipeEar implements PipeEvents {
  readonly parts: Uint8Array[] = [];
  readonly reasons: string[] = [];
  bytes = 0;
  drains = 0;
  readonly #pipe: Pipe;
  #waiting: { holds: () => boolean; resolve: () => void }[] = [];

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
    pipe.open(this);
  }

  get pipe(): Pipe {
    return this.#pipe;
  }

  data(bytes: Uint8Array): void {
    this.parts.push(bytes.slice());
    this.bytes += bytes.length;
    this.#look();
  }

  drain(): void {
    this.drains++;
    this.#look();
  }

  closed(reason: string): void {
    this.reasons.push(reason);
    this.#look();
  }

  /** Everything heard, as one array. */
  heard(): Uint8Array {
    return Buffer.concat(this.parts);
  }

  /** Resolves once `holds` is true, looked at after every event. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  /** Resolves when `bytes` bytes were heard in all. */
  untilBytes(bytes: number): Promise<void> {
    return this.until(() => this.bytes >= bytes);
  }

  untilClosed(): Promise<void> {
    return this.until(() => this.reasons.length > 0);
  }

  #look(): void {
    const met = this.#waiting.filter((one) => one.holds());
    this.#waiting = this.#waiting.filter((one) => !met.includes(one));
    for (const one of met) one.resolve();
  }
}
