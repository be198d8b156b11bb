/** Writes on their way at once: 4 MiB cover 30 ms of round trip at 1 Gbit/s. Range 2–16. */
const WRITES_MAX = 4;

/** Writes under way, in the order of their beginning. */
export class WriteWindow {
  readonly #underWay: Promise<void>[] = [];

  /** Begins one more once there is room for it. Rejects as an earlier one did. */
  async add(write: () => Promise<void>): Promise<void> {
    if (this.#underWay.length >= WRITES_MAX) await this.#underWay.shift();
    const writing = write();
    // Awaited later: its rejection is not taken for unhandled until then.
    writing.catch(() => undefined);
    this.#underWay.push(writing);
  }

  async end(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
