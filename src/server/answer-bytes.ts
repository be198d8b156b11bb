import { encodedBytes } from '../wire/codec.ts';

/** Bytes of the lists in one answer: well below what a message's head may be, whatever stands beside them. */
export const LIST_BYTES_MAX = 160 * 1024;

/** The first of `items` that together take at most `bytesMax` encoded: one message must hold them. */
export function firstWithin<Item>(items: readonly Item[], bytesMax = LIST_BYTES_MAX): Item[] {
  let bytes = 0;
  const end = items.findIndex((item) => {
    bytes += encodedBytes(item);
    return bytes > bytesMax;
  });
  return end < 0 ? [...items] : items.slice(0, end);
}
