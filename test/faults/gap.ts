/** How often progress is looked at: well below any gap worth measuring. */
const LOOK_MS = 5;

/**
 * Watches a number that grows while work goes on. The gap of a fault is the longest time without growth between the fault
 * and the last growth: what a user waits because of it. What comes after the last byte, fault or not, is no part of it.
 */
export class Progress {
  #look: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #waiters: { level: number; resolve: () => void }[] = [];
  #level = 0;
  #grewMs = performance.now();
  #faultMs = Number.POSITIVE_INFINITY;
  #gapMs = 0;

  constructor(look: () => number) {
    this.#look = look;
    this.#timer = setInterval(() => this.#step(), LOOK_MS).unref();
  }

  /** Resolves when the number has reached `level`. */
  reached(level: number): Promise<void> {
    return new Promise((resolve) => this.#waiters.push({ level, resolve }));
  }

  /** To be called at the moment of the fault. `look`: what grows from then on, when that is something else. */
  fault(look: () => number = this.#look): void {
    this.#step();
    this.#look = look;
    this.#level = look();
    this.#faultMs = performance.now();
  }

  /** Ends the watch: the work is done. The gap in ms. */
  end(): number {
    this.#step();
    clearInterval(this.#timer);
    return this.#gapMs;
  }

  #step(): void {
    const level = this.#look();
    if (level <= this.#level) return;
    this.#level = level;
    const now = performance.now();
    this.#close(now);
    this.#grewMs = now;
    for (const waiter of this.#waiters.filter((one) => one.level <= level)) waiter.resolve();
  }

  #close(nowMs: number): void {
    if (nowMs > this.#faultMs) this.#gapMs = Math.max(this.#gapMs, nowMs - Math.max(this.#grewMs, this.#faultMs - LOOK_MS));
  }
}

/** Median and worst of some gaps, as a line for people. */
export function gapLine(what: string, gapsMs: readonly number[]): string {
  const sorted = [...gapsMs].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const worst = sorted.at(-1) ?? Number.NaN;
  const all = sorted.map((gap) => gap.toFixed(0)).join(' ');
  return `gap ${what}: median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms of ${sorted.length} (${all})`;
}
