import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { RunningHash } from '../client/transfer.ts';
import type { ContentHash } from '../core/ids.ts';

/** BLAKE3 as the bytes come: some 5 GB/s on this thread, so no other is needed for what a wire brings. */
export function newRunningHash(): RunningHash {
  const hasher = new Blake3Hasher();
  return {
    update: (bytes) => void hasher.update(bytes),
    hex: () => hasher.digestBuffer().toString('hex') as ContentHash,
  };
}
