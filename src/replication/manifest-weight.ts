import { chunkBounds, MANIFEST_ROW_BYTES } from '../core/chunking.ts';

/** Bytes of a manifest that weigh one: that of a content below 100 GiB has a tenth of them. */
const BYTES_A_WEIGHT = 4 * 1024 * 1024;
/** Manifests of contents on their way here, in all: each is in memory until its content is here. 64 MiB, some more with their lists. */
export const MANIFESTS_WEIGHT_MAX = 16;

/** What the manifest of a content of `size` bytes weighs, at least 1: its average one, for it is not here yet. */
export function manifestWeight(size: number): number {
  const bytes = (size / chunkBounds(size).average) * MANIFEST_ROW_BYTES;
  return Math.max(1, Math.ceil(bytes / BYTES_A_WEIGHT));
}
