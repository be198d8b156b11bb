/** Who is asked for a manifest may have to read the whole content first: the slowest at 100 MB/s. */
const MANIFEST_MS = 5_000;
const HASHED_BYTES_PER_MS_MIN = 100_000;

/** How long an answer to `manifest` of a content of `size` bytes may take. In ms. */
export function manifestDeadlineMs(size: number): number {
  return MANIFEST_MS + size / HASHED_BYTES_PER_MS_MIN;
}
