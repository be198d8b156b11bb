import { asMeshError, MeshError } from '../../core/errors.ts';
import { NONCE_BYTES, plainBytes } from './age-body.ts';
import { endOfHeader } from './age-header.ts';
import type { PassphraseIdentity } from './age-keys.ts';
import type { Seal } from './sealed-source.ts';

/** What somebody can open sealed files with. */
export interface Keys {
  /** `AGE-SECRET-KEY-…`. */
  readonly identities: readonly string[];
  /** One for all files that are opened: they wait for each other. */
  readonly passphrase?: PassphraseIdentity;
}

/** The beginning of a sealed file, opened: with it its bytes can be opened, and made again from the plain ones. */
export interface Opened extends Seal {
  /** Bytes of the plain content. */
  readonly size: number;
}

/** How long a header may be is known once it is there: reads until it is. `read`: up to so many bytes from an offset. */
export async function headOf(
  size: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<{ header: Uint8Array; nonce: Uint8Array } | undefined> {
  const pieceBytes = 8 * 1024;
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const end = endOfHeader(bytes);
    if (end === undefined || (end === 'more' && bytes.length >= size)) return undefined;
    if (end !== 'more' && bytes.length >= end + NONCE_BYTES)
      return { header: bytes.slice(0, end), nonce: bytes.slice(end, end + NONCE_BYTES) };
    const more = await read(bytes.length, pieceBytes);
    if (more.length === 0) return undefined;
    bytes = Buffer.concat([bytes, more]);
  }
}

/**
 * Opens the head of a sealed file of `size` bytes in all; undefined: these keys do not open it. Rejects with `corrupt` when
 * somebody changed it, or no age file can have that size.
 */
export async function open(
  { header, nonce }: Pick<Seal, 'header' | 'nonce'>,
  size: number,
  keys: Keys,
): Promise<Opened | undefined> {
  const fileKey = await fileKeyOf(header, keys);
  return fileKey && { header, nonce, fileKey, size: plainBytes(size - header.length - nonce.length) };
}

async function fileKeyOf(header: Uint8Array, keys: Keys): Promise<Uint8Array | undefined> {
  // Loaded when it is needed: it takes longer than most verbs.
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  let isOpened = true;
  for (const identity of keys.identities) decrypter.addIdentity(identity);
  if (keys.passphrase !== undefined) decrypter.addIdentity(keys.passphrase);
  decrypter.addIdentity({
    // Asked last, of a header that none of the others opens.
    unwrapFileKey: () => {
      isOpened = false;
      return null;
    },
  });
  try {
    return await decrypter.decryptHeader(header);
  } catch (thrown) {
    if (!isOpened) return undefined;
    if (thrown instanceof MeshError) throw thrown;
    throw new MeshError('corrupt', `the head of a sealed file is not as it was made: ${asMeshError(thrown).message}`, {
      cause: thrown,
    });
  }
}
