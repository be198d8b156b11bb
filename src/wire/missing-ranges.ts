import type { Range } from '../core/range.ts';

/** What of a content nobody was asked for yet: ranges that do not touch, in order. Taken from the front. */
export class MissingRanges {
  #ranges: Range[] = [];

  /** `ranges`: in order, and none touches another. */
  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges.filter(({ length }) => length > 0);
  }

  get empty(): boolean {
    return this.#ranges.length === 0;
  }

  /** The first missing offset. */
  get first(): number | undefined {
    return this.#ranges[0]?.offset;
  }

  /** Takes at most `lengthMax` ≥ 1 bytes from the front. */
  take(lengthMax: number): Range | undefined {
    const first = this.#ranges[0];
    if (first === undefined) return undefined;
    if (first.length <= lengthMax) return this.#ranges.shift();
    this.#ranges[0] = { offset: first.offset + lengthMax, length: first.length - lengthMax };
    return { offset: first.offset, length: lengthMax };
  }

  /** Puts back a range that was taken. */
  giveBack(range: Range): void {
    const sorted = [...this.#ranges, range].sort((a, b) => a.offset - b.offset);
    this.#ranges = [];
    for (const { offset, length } of sorted) {
      const last = this.#ranges.at(-1);
      if (last !== undefined && last.offset + last.length === offset) {
        this.#ranges[this.#ranges.length - 1] = { offset: last.offset, length: last.length + length };
      } else this.#ranges.push({ offset, length });
    }
  }
}
