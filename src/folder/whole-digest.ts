import { chunkContent, manifestDigest } from '../core/chunking.ts';
import type { ContentHash } from '../core/ids.ts';
import type { Digest, Hasher } from '../platform/hasher.ts';

/** The digest of a small content that is in memory. Most have one chunk, whose hash is that of the whole. */
export function digestOfWhole(hasher: Hasher, bytes: Uint8Array): Digest {
  let whole: ContentHash | undefined;
  const rows = chunkContent(bytes, (piece) => {
    const hash = hasher.hash(piece);
    if (piece.length === bytes.length) whole = hash;
    return Buffer.from(hash, 'hex');
  });
  const manifest = manifestDigest(rows, (encoded) => hasher.hash(encoded));
  return { hash: whole ?? hasher.hash(bytes), size: bytes.length, manifest };
}
