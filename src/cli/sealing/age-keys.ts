import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  scrypt,
} from 'node:crypto';
import { bech32 } from '@scure/base';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import { base64, type HeaderStanza } from './age-header.ts';

/** Ways to a file key: to somebody's key (X25519), or by a passphrase (scrypt). */

const X25519_LABEL = 'age-encryption.org/v1/X25519';
const SCRYPT_LABEL = 'age-encryption.org/v1/scrypt';
/** log2 of the work a passphrase costs, as age chooses it: 256 MiB and about a second. */
const WORK_LOG = 18;
/** More is not done for a file that came from elsewhere: 1 GiB of memory, and some seconds. */
export const WORK_LOG_MAX = 20;
const SALT_BYTES = 16;
const WRAPPED_BYTES = 32;
const TAG_BYTES = 16;

/** The file key for whoever has the private half of `recipient` (`age1…`). Rejects with `usage` what is none. */
export function stanzaFor(recipient: string, fileKey: Uint8Array): HeaderStanza {
  const theirs = publicKeyOf(recipient);
  const own = generateKeyPairSync('x25519');
  const share = Buffer.from(own.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const publicKey = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(theirs).toString('base64url') },
  });
  const shared = diffieHellman({ privateKey: own.privateKey, publicKey });
  const key = hkdfSync('sha256', shared, Buffer.concat([share, theirs]), X25519_LABEL, 32);
  return { args: ['X25519', base64(share)], body: wrap(new Uint8Array(key), fileKey) };
}

/** The file key for whoever knows the passphrase; age wants it alone in its header. */
export async function stanzaByPassphrase(passphrase: string, fileKey: Uint8Array): Promise<HeaderStanza> {
  const salt = randomBytes(SALT_BYTES);
  const key = await passphraseKey(passphrase, salt, WORK_LOG);
  return { args: ['scrypt', base64(salt), `${WORK_LOG}`], body: wrap(key, fileKey) };
}

/** log2 of the work that a header by passphrase says it takes; undefined: it is none. Whoever made it says what they like. */
export function workOf(stanzas: readonly HeaderStanza[]): number | undefined {
  const work = stanzas.find(({ args }) => args[0] === 'scrypt')?.args[2] ?? '';
  return /^[1-9][0-9]?$/.test(work) ? Number(work) : undefined;
}

/**
 * An identity for the library: its own one would stop this thread for the second that the work takes. Of several files one is
 * worked at: each may take a GiB.
 */
export class PassphraseIdentity {
  readonly #passphrase: string;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  async unwrapFileKey(stanzas: readonly HeaderStanza[]): Promise<Uint8Array | null> {
    const only = stanzas[0];
    if (only?.args[0] !== 'scrypt') return null;
    const [, salt = '', work = ''] = only.args;
    const bytes = Buffer.from(salt, 'base64');
    if (stanzas.length !== 1 || only.args.length !== 3 || bytes.length !== SALT_BYTES || only.body.length !== WRAPPED_BYTES)
      throw new Error('a header by passphrase that age does not write');
    const workLog = workOf(stanzas);
    if (workLog === undefined || workLog > WORK_LOG_MAX)
      throw new Error(`its passphrase takes more work (2^${work}) than filemesh does for one`);
    const turn = this.#turn.then(() => passphraseKey(this.#passphrase, bytes, workLog));
    this.#turn = turn.catch(() => undefined);
    return unwrap(await turn, only.body);
  }
}

/** Seals a few bytes with a key that is used once: 16 bytes more. */
export function wrap(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const cipher = createCipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

/** What `wrap` sealed; null when the key is another. */
export function unwrap(key: Uint8Array, wrapped: Uint8Array): Uint8Array | null {
  const end = wrapped.length - TAG_BYTES;
  if (end < 0) return null;
  const decipher = createDecipheriv('chacha20-poly1305', key, Buffer.alloc(12), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(wrapped.subarray(end));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(0, end)), decipher.final()]);
  } catch {
    return null;
  }
}

/** The 32 bytes of an `age1…`. Throws `usage`. */
function publicKeyOf(recipient: string): Uint8Array {
  try {
    const { prefix, bytes } = bech32.decodeToBytes(recipient);
    if (prefix === 'age' && bytes.length === 32) return bytes;
  } catch {
    // Told below.
  }
  throw new MeshError('usage', `${quote(recipient)} is no key that a file can be sealed to (age1…)`);
}

function passphraseKey(passphrase: string, salt: Uint8Array, workLog: number): Promise<Uint8Array> {
  const cost = 2 ** workLog;
  const settings = { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, Buffer.concat([Buffer.from(SCRYPT_LABEL), salt]), 32, settings, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
