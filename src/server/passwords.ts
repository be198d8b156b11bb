import { timingSafeEqual } from 'node:crypto';
import { VERIFIER_PATTERN, verifierOf } from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import type { PasswordHasher } from '../platform/hasher.ts';
import type { Random } from '../platform/random.ts';

/** Passwords hashed at once: each takes 19 MiB and a core. Range 1–4. */
export const HASHES_AT_ONCE = 2;
/** Those that wait for their turn: above, whoever asks comes again later. Range 8–256. */
const WAITING_MAX = 32;
const SALT_BYTES = 16;

/** One that waits for its turn. */
interface Waiting {
  readonly isUrgent: boolean;
  go(): void;
  refuse(why: MeshError): void;
}

/** Hashes passwords, a few at a time, and holds them against what is kept of them. */
export class Passwords {
  readonly #hasher: PasswordHasher;
  readonly #random: Random;
  /** In turn: urgent ones first. */
  readonly #waiting: Waiting[] = [];
  #running = 0;
  /** Of nobody: an unknown user costs as much as a known one, and is wrong. */
  readonly #nobody: string;

  constructor(hasher: PasswordHasher, random: Random) {
    this.#hasher = hasher;
    this.#random = random;
    this.#nobody = verifierOf(base64(random.bytes(SALT_BYTES)), base64(random.bytes(32)));
  }

  /** What is to be kept of a proof. Rejects with `busy`. */
  async verifier(proof: string): Promise<string> {
    const salt = this.#random.bytes(SALT_BYTES);
    return verifierOf(base64(salt), base64(await this.#hash(proof, salt, true)));
  }

  /** Undefined for an unknown user. `isUrgent`: before strangers that wait, the last of whom makes room. Rejects with `busy`. */
  async isRight(verifier: string | undefined, proof: string, isUrgent: boolean): Promise<boolean> {
    const [, salt = '', hash = ''] = VERIFIER_PATTERN.exec(verifier ?? this.#nobody) ?? [];
    const key = await this.#hash(proof, Buffer.from(salt, 'base64'), isUrgent);
    return timingSafeEqual(Buffer.from(hash, 'base64'), key) && verifier !== undefined;
  }

  async #hash(proof: string, salt: Uint8Array, isUrgent: boolean): Promise<Uint8Array> {
    if (this.#running >= HASHES_AT_ONCE) await this.#turn(isUrgent);
    else this.#running++;
    try {
      return await this.#hasher.passwordKey(proof, salt);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next.go();
    }
  }

  #turn(isUrgent: boolean): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) {
      const last = this.#waiting.at(-1);
      if (!isUrgent || last === undefined || last.isUrgent) throw tooMany();
      this.#waiting.pop();
      last.refuse(tooMany());
    }
    return new Promise((resolve, reject) => {
      const after = isUrgent ? this.#waiting.findIndex((one) => !one.isUrgent) : -1;
      this.#waiting.splice(after < 0 ? this.#waiting.length : after, 0, { isUrgent, go: resolve, refuse: reject });
    });
  }
}

function tooMany(): MeshError {
  return new MeshError('busy', 'too many log in at once: try again');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
