/** The rate is that of so long: what was before says little about what is to come. */
const WINDOW_MS = 10_000;
/** A sample is taken so often at most. */
const SAMPLE_MS = 250;

/** How fast bytes move, and how long the rest will take, by what moved lately. */
export class ProgressRate {
  readonly #samples: { readonly ms: number; readonly bytes: number }[] = [];

  /** `moved`: bytes that moved so far. Fewer than before, after a failover: it begins anew. */
  add(ms: number, moved: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && moved < last.bytes) this.#samples.length = 0;
    else if (last !== undefined && ms - last.ms < SAMPLE_MS) return;
    this.#samples.push({ ms, bytes: moved });
    while ((this.#samples[1]?.ms ?? ms) < ms - WINDOW_MS) this.#samples.shift();
  }

  /** Undefined until some moved. */
  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.bytes <= first.bytes) return undefined;
    return ((last.bytes - first.bytes) * 1_000) / (last.ms - first.ms);
  }

  /** Undefined while nobody can tell. */
  secondsFor(bytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    return rate === undefined ? undefined : Math.ceil(bytes / rate);
  }
}
