import { argon2idAsync } from '@noble/hashes/argon2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { PASSWORD_SALT_LABEL, PROOF_LABEL, WRAP_LABEL } from '../../core/accounts.ts';

/** What follows from a password, worked out in the page: the password itself goes nowhere. Loaded when somebody logs in. */

/** As at every client of the mesh: KiB, passes. */
const ARGON2_MEMORY_KIB = 19_456;
const ARGON2_PASSES = 2;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** Milliseconds at a stretch: the page stays alive. */
const STRETCH_MS = 30;

export interface PasswordSecrets {
  /** What a peer is told in place of the password: 64 hex digits. */
  readonly proof: string;
  /** Wraps the private key of the account, and is never sent. */
  readonly wrapKey: Uint8Array;
}

/** `meshId`: the first 16 hex digits of the mesh's id. */
export async function passwordSecrets(password: string, meshId: string, user: string): Promise<PasswordSecrets> {
  const salt = blake3(utf8ToBytes([PASSWORD_SALT_LABEL, meshId, user].join('\0'))).slice(0, SALT_BYTES);
  const cost = { t: ARGON2_PASSES, m: ARGON2_MEMORY_KIB, p: 1, dkLen: KEY_BYTES, asyncTick: STRETCH_MS };
  const key = await argon2idAsync(utf8ToBytes(password.normalize('NFC')), salt, cost);
  const derived = (label: string) => hkdf(sha256, key, undefined, utf8ToBytes(label), KEY_BYTES);
  return { proof: bytesToHex(derived(PROOF_LABEL)), wrapKey: derived(WRAP_LABEL) };
}
