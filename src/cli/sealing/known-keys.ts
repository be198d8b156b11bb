import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../core/errors.ts';
import { writePrivate } from '../private-file.ts';

const RECIPIENT = /^age1[0-9a-z]+$/;
/** Groups of four hex digits in a fingerprint: 80 bits, so nobody makes a key with that of another. */
const FINGERPRINT_GROUPS = 5;

/** A key, short enough to be read out: two that differ in it are two. `recipient`: `age1…`. */
export function fingerprintOf(recipient: string): string {
  const digits = createHash('sha256').update(recipient).digest('hex');
  return Array.from({ length: FINGERPRINT_GROUPS }, (_, index) => digits.slice(4 * index, 4 * index + 4)).join('-');
}

/**
 * The sealing keys of other accounts as they were when they were first told here, a file each: peers tell of keys, and one that lies
 * could have files sealed to itself. A key that changed is not taken before a person says so.
 */
export class KnownKeys {
  readonly #folder: string;

  /** `meshFolder`: where this user's programs keep what they know of the mesh. */
  constructor(meshFolder: string) {
    this.#folder = join(meshFolder, 'keys');
  }

  /** Undefined: none of that account was seen here yet. `name`: of an account, so that of a file too. */
  async find(name: string): Promise<string | undefined> {
    const text = (await readFile(this.#fileOf(name), 'utf8').catch(() => '')).trim();
    return RECIPIENT.test(text) ? text : undefined;
  }

  async keep(name: string, recipient: string): Promise<void> {
    await writePrivate(this.#fileOf(name), `${recipient}\n`);
  }

  /** Resolves with true when it was seen before. Rejects with `not-allowed` when that was another one. */
  async check(name: string, recipient: string): Promise<boolean> {
    const known = await this.find(name);
    if (known === undefined || known === recipient) return known !== undefined;
    throw new MeshError(
      'not-allowed',
      [
        `the key of ${name} is another one than before: ${fingerprintOf(recipient)}, and it was ${fingerprintOf(known)}. So it is when`,
        `an admin set a password for ${name}, or removed ${name} and added the name again; else a peer lies. Nothing was sealed:`,
        `ask ${name}, for whom "filemesh user list" tells the right one, then "filemesh user trust ${name}"`,
      ].join(' '),
    );
  }

  #fileOf(name: string): string {
    return join(this.#folder, `${name}.txt`);
  }
}
