import { hkdfSync, randomBytes } from 'node:crypto';
import type { AccountKey } from '../../core/accounts.ts';
import { unwrap, wrap } from './age-keys.ts';

const SALT_BYTES = 16;
/** A key pair of one person, as age has it. */
export interface KeyPair {
  /** The private half: `AGE-SECRET-KEY-1…`. */
  readonly identity: string;
  /** The public half: `age1…`. */
  readonly recipient: string;
}

/** A pair that nobody had before. */
export async function newKeyPair(): Promise<KeyPair> {
  // Loaded when it is needed: it takes longer than most verbs.
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** What the peers keep of a pair. `wrapKey`: follows from the password, and is never sent. */
export function wrapKeyPair({ identity, recipient }: KeyPair, wrapKey: Uint8Array): AccountKey {
  const salt = randomBytes(SALT_BYTES);
  const wrapped = Buffer.concat([salt, wrap(keyOf(wrapKey, salt), Buffer.from(identity))]);
  return { recipient, wrapped: wrapped.toString('base64') };
}

/**
 * The pair again; undefined when it was wrapped by another password. Its public half follows from the private one: the peers'
 * word for it might be somebody else's key, and all that its owner seals would be for that one.
 */
export async function unwrapKeyPair({ wrapped }: AccountKey, wrapKey: Uint8Array): Promise<KeyPair | undefined> {
  const bytes = Buffer.from(wrapped, 'base64');
  const unwrapped = unwrap(keyOf(wrapKey, bytes.subarray(0, SALT_BYTES)), bytes.subarray(SALT_BYTES));
  if (unwrapped === null) return undefined;
  const identity = Buffer.from(unwrapped).toString('utf8');
  const { identityToRecipient } = await import('age-encryption');
  return { identity, recipient: await identityToRecipient(identity) };
}

/** A password may wrap more than once: each time with a key of its own. */
function keyOf(wrapKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', wrapKey, salt, 'filemesh account key', 32));
}
