import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../core/errors.ts';
import { asId, type PeerId } from '../../core/ids.ts';

/** Who this end is: a key, and a certificate that carries it into TLS. */
export interface Identity {
  readonly id: PeerId;
  /** PKCS #8. Secret. */
  readonly keyPem: string;
  readonly certificatePem: string;
}

/** The key decides; the certificate can be made again from it at any time, for the pin is the key. */
const KEY_FILE = 'identity.key';
const CERTIFICATE_FILE = 'identity.crt';
/** P-256: what every TLS library takes, and the fastest signature OpenSSL has. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Before any clock that was never set, and the "no well-defined expiration" of RFC 5280 §4.1.2.5. */
const NOT_BEFORE = new Date('1971-01-01T00:00:00Z');
const NOT_AFTER = new Date('9999-12-31T23:59:59Z');

/** The id of a public key: SHA-256 of its DER SPKI. */
export function peerIdOf(key: KeyObject): PeerId {
  const spki = key.export({ type: 'spki', format: 'der' });
  return asId<PeerId>(createHash('sha256').update(spki).digest('hex'), 64);
}

/**
 * The identity kept in `directory`, made there (0600, the directory 0700) on first use. Durable when it resolves.
 * Processes that come first at the same time end with one identity. Rejects with `failed` when the directory cannot be
 * used or the key is damaged: a damaged key is never replaced, for that would be another peer.
 */
export async function loadIdentity(directory: string): Promise<Identity> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const keyPem = (await readText(join(directory, KEY_FILE))) ?? (await firstKey(directory));
    const key = readKey(keyPem, join(directory, KEY_FILE));
    const id = peerIdOf(createPublicKey(key));
    const kept = await readText(join(directory, CERTIFICATE_FILE));
    if (kept !== undefined && isCertificateOf(kept, id)) return { id, keyPem, certificatePem: kept };
    const certificatePem = await makeCertificate(key);
    await putFile(directory, CERTIFICATE_FILE, certificatePem, rename);
    return { id, keyPem, certificatePem };
  } catch (error) {
    if (error instanceof MeshError) throw error;
    throw new MeshError('failed', `the identity in ${directory} cannot be read or made: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Makes a key and puts it there, unless another process was faster: then the key is that one's. */
async function firstKey(directory: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: ALGORITHM.namedCurve });
  const made = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  try {
    // A link, unlike a rename, fails when the name is taken.
    await putFile(directory, KEY_FILE, made, link);
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await readFile(join(directory, KEY_FILE), 'utf8');
  }
}

function readKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Told below, without OpenSSL's words.
  }
  throw new MeshError('failed', `${path} holds no usable key: restore it, or move it away to start anew under another identity`);
}

function isCertificateOf(pem: string, id: PeerId): boolean {
  try {
    return peerIdOf(new X509Certificate(pem).publicKey) === id;
  } catch {
    return false;
  }
}

async function makeCertificate(key: KeyObject): Promise<string> {
  // Only the first start makes one: the library, which takes longer than a whole verb, is not loaded before.
  await import('reflect-metadata');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const { subtle } = webcrypto;
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const privateKey = await subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']);
  const publicKey = await subtle.importKey('spki', spki, ALGORITHM, true, ['verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Nothing here tells machine, user or folder: whoever connects sees it.
    name: 'CN=filemesh',
    serialNumber: '01',
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: ALGORITHM,
    keys: { privateKey, publicKey },
  });
  return `${certificate.toString('pem')}\n`;
}

/** Writes beside, syncs, and lets `place` give it its name: never half a file under that name. */
async function putFile(
  directory: string,
  name: string,
  text: string,
  place: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const beside = join(directory, `.${name}-${randomBytes(8).toString('hex')}`);
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(beside, join(directory, name));
  } finally {
    await rm(beside, { force: true });
  }
  await syncDirectory(directory);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
