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

  /** The first missing offset that lies in `within`, which is in order; undefined: anywhere. */
  firstIn(within: readonly Range[] | undefined): number | undefined {
    return within === undefined ? this.first : this.#find(within)?.offset;
  }

  /** Takes at most `lengthMax` ≥ 1 bytes from the front of what lies in `within`. */
  take(lengthMax: number, within?: readonly Range[]): Range | undefined {
    const found = within === undefined ? this.#ranges[0] : this.#find(within);
    if (found === undefined) return undefined;
    const taken = { offset: found.offset, length: Math.min(found.length, lengthMax) };
    const at = this.#ranges.findIndex((range) => range.offset + range.length > taken.offset);
    const { offset, length } = this.#ranges[at] as Range;
    const end = taken.offset + taken.length;
    const rest = [
      { offset, length: taken.offset - offset },
      { offset: end, length: offset + length - end },
    ];
    this.#ranges.splice(at, 1, ...rest.filter((range) => range.length > 0));
    return taken;
  }

  #find(within: readonly Range[]): Range | undefined {
    for (const { offset, length } of this.#ranges) {
      for (const one of within) {
        const from = Math.max(offset, one.offset);
        const end = Math.min(offset + length, one.offset + one.length);
        if (end > from) return { offset: from, length: end - from };
      }
    }
    return undefined;
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

/** True when all of one range lies in one of `ranges`; undefined are all there are. */
export function covers(ranges: readonly Range[] | undefined, { offset, length }: Range): boolean {
  return ranges?.some((range) => range.offset <= offset && range.offset + range.length >= offset + length) !== false;
}
