import { asMeshError } from '../core/errors.ts';

/** Who is asked for a manifest may have to read the whole content first: the slowest at 100 MB/s. */
const MANIFEST_MS = 5_000;
const HASHED_BYTES_PER_MS_MIN = 100_000;

/** So long one alone is asked, while there are others: it may hang, and the next have it at hand. 1,000…5,000 ms. */
const QUICK_MS = 3_000;

/** How long an answer to `manifest` of a content of `size` bytes may take. In ms. */
export function manifestDeadlineMs(size: number): number {
  return MANIFEST_MS + size / HASHED_BYTES_PER_MS_MIN;
}

/**
 * What the first source gives: one after another, each for a short while, then those that were late all at once, for as long
 * as an answer to `manifest` may take. Rejects with the reason of the last when none gives it.
 */
export async function firstManifest<Source, T>(
  sources: Iterable<Source>,
  size: number,
  ask: (source: Source, deadlineMs: number) => Promise<T>,
): Promise<T> {
  const late: Source[] = [];
  let reason: unknown;
  for (const source of sources) {
    try {
      return await ask(source, QUICK_MS);
    } catch (thrown) {
      reason = thrown;
      if (asMeshError(thrown).code === 'timeout') late.push(source);
    }
  }
  const deadlineMs = manifestDeadlineMs(size);
  return await Promise.any(late.map((source) => ask(source, deadlineMs))).catch(() => {
    throw reason;
  });
}
