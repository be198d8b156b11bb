import type { FilePath } from '../core/ids.ts';

/** What others deleted, or replaced, within this time counts together. Range 1–60 min. */
export const MASS_WINDOW_MS = 600_000;

/** Files that other peers deleted, or replaced, lately; and whether all that was set aside of such is held for a person to speak. */
export class MassBrake {
  /** Of the row of the store that is there while it holds. */
  readonly key: string;
  readonly #words: string;
  readonly #paths = new Set<FilePath>();
  #sinceMs = Number.NEGATIVE_INFINITY;
  /** Wall ms when it began to hold. */
  heldSinceMs: number | undefined;

  /** @param words what happened, and what is kept. */
  constructor(key: string, words: string) {
    this.key = key;
    this.#words = words;
  }

  get isHolding(): boolean {
    return this.heldSinceMs !== undefined;
  }

  /** A sentence for a person while it holds. */
  get warning(): string | undefined {
    return this.isHolding ? `${this.#words} until you type \`filemesh resume --deleted\` or \`--restore\`` : undefined;
  }

  /** Gives how many files that are, with this one. */
  note(path: FilePath, nowMs: number): number {
    if (nowMs - this.#sinceMs > MASS_WINDOW_MS) {
      this.#sinceMs = nowMs;
      this.#paths.clear();
    }
    this.#paths.add(path);
    return this.#paths.size;
  }

  release(): void {
    this.heldSinceMs = undefined;
    this.#paths.clear();
  }
}
