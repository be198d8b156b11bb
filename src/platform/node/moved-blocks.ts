/**
 * The memory of the bytes that some of these have (what is to be staged, what was read), each block once: handed over to another
 * thread with them it is not copied.
 */
export function blocksOf(items: readonly unknown[]): ArrayBuffer[] {
  const blocks = new Set<ArrayBuffer>();
  for (const item of items) {
    const { bytes } = item as { readonly bytes?: Uint8Array<ArrayBuffer> };
    if (bytes !== undefined) blocks.add(bytes.buffer);
  }
  return [...blocks];
}
