import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, randomBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { base64, bech32 } from '@scure/base';
import type { AccountKey } from '../../../core/accounts.ts';

/**
 * The key pair of an account, for sealed files: made in the browser of the person, its private half wrapped by the password.
 * As the program makes it: an identity of age (age-encryption.org/v1).
 */

const LABEL = 'filemesh account key';
const SALT_BYTES = 16;
/** Each wrapping has a key of its own, used once. */
const NONCE = new Uint8Array(12);

/** A new pair. `wrapKey`: follows from the password, and is never sent. */
export function newAccountKey(wrapKey: Uint8Array): AccountKey {
  const secret = randomBytes(32);
  const identity = bech32.encodeFromBytes('AGE-SECRET-KEY-', secret).toUpperCase();
  const recipient = bech32.encodeFromBytes('age', x25519.getPublicKey(secret));
  return { recipient, wrapped: wrapped(utf8ToBytes(identity), wrapKey) };
}

/** The same pair under another password; undefined when it was wrapped by yet another one. */
export function rewrappedKey(key: AccountKey, before: Uint8Array, after: Uint8Array): AccountKey | undefined {
  const bytes = base64.decode(key.wrapped);
  const [salt, sealed] = [bytes.subarray(0, SALT_BYTES), bytes.subarray(SALT_BYTES)];
  try {
    const identity = chacha20poly1305(keyOf(before, salt), NONCE).decrypt(sealed);
    // The peers' word for the public half might be somebody else's key.
    const { bytes: secret } = bech32.decodeToBytes(new TextDecoder().decode(identity).toLowerCase());
    return { recipient: bech32.encodeFromBytes('age', x25519.getPublicKey(secret)), wrapped: wrapped(identity, after) };
  } catch {
    return undefined;
  }
}

function wrapped(identity: Uint8Array, wrapKey: Uint8Array): string {
  const salt = randomBytes(SALT_BYTES);
  return base64.encode(concatBytes(salt, chacha20poly1305(keyOf(wrapKey, salt), NONCE).encrypt(identity)));
}

function keyOf(wrapKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return hkdf(sha256, wrapKey, salt, utf8ToBytes(LABEL), 32);
}
