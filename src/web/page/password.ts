import { argon2idAsync } from '@noble/hashes/argon2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** Proves a password without telling it: what is sent is derived from it here. Loaded when somebody logs in. */

/** As at every client of the mesh: KiB, passes. */
const ARGON2_MEMORY_KIB = 19_456;
const ARGON2_PASSES = 2;
const SALT_BYTES = 16;
/** Milliseconds at a stretch: the page stays alive. */
const STRETCH_MS = 30;

/** What a peer is told in place of the password: 64 hex digits. */
export async function passwordProof(password: string, meshPrefix: string, name: string): Promise<string> {
  const separator = new Uint8Array(1);
  const named = [utf8ToBytes('filemesh account'), separator, utf8ToBytes(meshPrefix), separator, utf8ToBytes(name)];
  const salt = blake3(concatBytes(...named)).slice(0, SALT_BYTES);
  const cost = { t: ARGON2_PASSES, m: ARGON2_MEMORY_KIB, p: 1, dkLen: 32, asyncTick: STRETCH_MS };
  const key = await argon2idAsync(utf8ToBytes(password.normalize('NFC')), salt, cost);
  return bytesToHex(hkdf(sha256, key, undefined, utf8ToBytes('filemesh login'), 32));
}
