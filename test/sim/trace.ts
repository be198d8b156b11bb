import { createHash } from 'node:crypto';

/** Lines kept for a failure message. Range 50–1,000: what a person reads. */
const LINES_KEPT_MAX = 200;
/** Bytes of a content that are mixed into a fingerprint: enough to tell two contents apart, cheap for large ones. */
const FINGERPRINT_BYTES_MAX = 256;

/**
 * What happened, in order. Every line and every event number is mixed into one running hash: two runs of one seed must
 * end with the same. A watcher sees each line as it is written, so that a fault can be tied to what the protocol does.
 */
export class Trace {
  readonly #keepAll: boolean;
  readonly #hash = createHash('sha256');
  readonly #watchers = new Set<(line: string) => void>();
  #mixed = 0x811c9dc5;
  #lines: string[] = [];
  #count = 0;

  constructor(options: { keepAll?: boolean } = {}) {
    this.#keepAll = options.keepAll ?? false;
  }

  /** Lines written so far. */
  get count(): number {
    return this.#count;
  }

  line(timeMs: number, who: string, what: string): void {
    const line = `${timeMs.toFixed(3)} ${who} ${what}`;
    this.#hash.update(line).update('\n');
    this.#count += 1;
    this.#lines.push(line);
    if (!this.#keepAll && this.#lines.length >= 2 * LINES_KEPT_MAX) this.#lines = this.#lines.slice(-LINES_KEPT_MAX);
    for (const watcher of this.#watchers) watcher(line);
  }

  /** Mixes a number into the hash without a line (FNV-1a). */
  mix(value: number): void {
    this.#mixed = Math.imul(this.#mixed ^ (value >>> 0), 0x01000193) >>> 0;
  }

  /** Calls `seen` with each line as it is written; the function returned stops that. */
  watch(seen: (line: string) => void): () => void {
    this.#watchers.add(seen);
    return () => this.#watchers.delete(seen);
  }

  /** The last lines (all, with `keepAll`). */
  lines(): readonly string[] {
    return this.#keepAll ? this.#lines : this.#lines.slice(-LINES_KEPT_MAX);
  }

  /** 16 hex digits over all that happened so far. */
  hash(): string {
    return this.#hash.copy().update(String(this.#mixed)).digest('hex').slice(0, 16);
  }
}

/** Eight hex digits that stand for a content in a trace line. */
export function fingerprint(bytes: Uint8Array): string {
  return fingerprintBits(bytes).toString(16).padStart(8, '0');
}

/** The same as 32 bits, for `mix`: FNV-1a over the length and the first bytes. */
export function fingerprintBits(bytes: Uint8Array): number {
  let hash = (0x811c9dc5 ^ bytes.length) >>> 0;
  const end = Math.min(bytes.length, FINGERPRINT_BYTES_MAX);
  for (let index = 0; index < end; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193) >>> 0;
  return hash;
}
