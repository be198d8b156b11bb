/** Bytes `offset` … `offset + length` − 1 of a content. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}
