/** Bytes `offset` … `offset + length` − 1 of a content. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** True when some bytes are in both. */
export function overlaps(one: Range, other: Range): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}
