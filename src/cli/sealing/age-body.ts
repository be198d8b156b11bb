import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { MeshError } from '../../core/errors.ts';

/** The body of an age file (age-encryption.org/v1, "Payload"): STREAM, chunks of ChaCha20-Poly1305, each for itself. */

/** Plain bytes of every chunk but the last. */
export const PLAIN_CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
/** The same chunk sealed. */
export const SEALED_CHUNK_BYTES = PLAIN_CHUNK_BYTES + TAG_BYTES;
/** What stands between header and chunks. */
export const NONCE_BYTES = 16;
const CIPHER = 'chacha20-poly1305';

/** The key of a body: 32 bytes. `fileKey`: 16 bytes, of the header; `nonce`: NONCE_BYTES. */
export function bodyKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', 32));
}

/** Bytes that so many plain ones take when sealed: without header and nonce. An empty content has one, empty chunk. */
export function sealedBytes(plainBytes: number): number {
  return plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / PLAIN_CHUNK_BYTES));
}

/** The plain bytes of a body of that size. Throws `corrupt` for a size no body has. */
export function plainBytes(bodyBytes: number): number {
  const count = Math.ceil(bodyBytes / SEALED_CHUNK_BYTES);
  const last = bodyBytes - (count - 1) * SEALED_CHUNK_BYTES;
  // Only the one chunk of an empty content is empty.
  if (count < 1 || last < TAG_BYTES || (last === TAG_BYTES && count > 1))
    throw new MeshError('corrupt', 'a sealed file is cut off, or no sealed file');
  return bodyBytes - count * TAG_BYTES;
}

/** Seals one chunk into `out` at `at`. `plain`: PLAIN_CHUNK_BYTES, of the last chunk fewer. */
export function sealChunk(
  key: Uint8Array,
  { index, isLast }: { readonly index: number; readonly isLast: boolean },
  plain: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  const cipher = createCipheriv(CIPHER, key, nonceOf(index, isLast), { authTagLength: TAG_BYTES });
  out.set(cipher.update(plain), at);
  cipher.final();
  out.set(cipher.getAuthTag(), at + plain.length);
}

/** Opens one chunk into `out` at `at`; false when it is not what was sealed at that place. */
export function openChunk(
  key: Uint8Array,
  { index, isLast }: { readonly index: number; readonly isLast: boolean },
  sealed: Uint8Array,
  out: Uint8Array,
  at: number,
): boolean {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, nonceOf(index, isLast), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(end));
  out.set(decipher.update(sealed.subarray(0, end)), at);
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/** 11 bytes of a counter, big-endian, and one that tells the last chunk. */
function nonceOf(index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  // 2^48 chunks are 16 EiB.
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}
