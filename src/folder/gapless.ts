import { MeshError } from '../core/errors.ts';

/** Pieces written ahead of the first gap; holders deliver a few chunks ahead of each other. 16…4,096. */
const PIECES_MAX = 1_024;

/** How far a file is written without a gap from its start, whatever the order of the writes. */
export class Gapless {
  #have: number;
  /** Beyond the first gap: from → to, exclusive. */
  readonly #pieces = new Map<number, number>();

  constructor(have: number) {
    this.#have = have;
  }

  get have(): number {
    return this.#have;
  }

  add(offset: number, length: number): void {
    const to = offset + length;
    if (offset > this.#have) {
      if (this.#pieces.size >= PIECES_MAX) throw new MeshError('failed', 'too many pieces were written ahead of a gap');
      this.#pieces.set(offset, Math.max(to, this.#pieces.get(offset) ?? 0));
      return;
    }
    this.#have = Math.max(this.#have, to);
    this.#swallow();
  }

  #swallow(): void {
    for (let isGrown = this.#pieces.size > 0; isGrown; ) {
      isGrown = false;
      for (const [from, to] of this.#pieces) {
        if (from > this.#have) continue;
        this.#pieces.delete(from);
        this.#have = Math.max(this.#have, to);
        isGrown = true;
      }
    }
  }
}
