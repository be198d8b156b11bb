import { hkdfSync } from 'node:crypto';
import { PASSWORD_SALT_LABEL, PROOF_LABEL, WRAP_LABEL } from '../core/accounts.ts';
import type { Hasher, PasswordHasher } from '../platform/hasher.ts';

const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** What follows from a password; the password itself goes nowhere. */
export interface PasswordSecrets {
  /** What the peers take for the password: 64 hex digits. */
  readonly proof: string;
  /** Wraps the private key of the account, and is never sent: 32 bytes. */
  readonly wrapKey: Uint8Array;
}

/**
 * Derives both from a password, in 10 to 50 ms off the main thread. So a peer that hears a login cannot open a key.
 *
 * @param meshIdPrefix the first 16 hex digits of the mesh id: one password in two meshes gives two proofs.
 */
export async function passwordSecrets(
  hasher: Hasher & PasswordHasher,
  meshIdPrefix: string,
  user: string,
  password: string,
): Promise<PasswordSecrets> {
  const salted = [PASSWORD_SALT_LABEL, meshIdPrefix, user].join('\0');
  const salt = Buffer.from(hasher.hash(Buffer.from(salted)), 'hex').subarray(0, SALT_BYTES);
  // However it was typed, it is the same text.
  const key = await hasher.passwordKey(password.normalize('NFC'), salt);
  const derived = (label: string) => new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), label, KEY_BYTES));
  return { proof: Buffer.from(derived(PROOF_LABEL)).toString('hex'), wrapKey: derived(WRAP_LABEL) };
}
