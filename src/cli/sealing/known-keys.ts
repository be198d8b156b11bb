import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import { writePrivate } from '../private-file.ts';
import { systemReason } from '../system-reason.ts';

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

  /**
   * Undefined: none of that account was seen here yet. `name`: of an account, so that of a file too. Rejects with `failed` when what
   * was seen cannot be read: taken for none, any other key would be taken from then on.
   */
  async find(name: string): Promise<string | undefined> {
    const file = this.#fileOf(name);
    let text: string;
    try {
      text = (await readFile(file, 'utf8')).trim();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new MeshError('failed', unreadableWords(name, file, systemReason(cause)), { cause });
    }
    if (RECIPIENT.test(text)) return text;
    throw new MeshError('failed', unreadableWords(name, file, 'it has no key in it (age1…)'));
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
        `ask ${name}, for whom "filemesh user list" tells the right one, then "filemesh user trust ${name} FINGERPRINT"`,
      ].join(' '),
    );
  }

  #fileOf(name: string): string {
    return join(this.#folder, `${name}.txt`);
  }
}

function unreadableWords(name: string, file: string, reason: string): string {
  return [
    `the key of ${name} that was seen here before cannot be read from ${quote(file)}: ${reason}. Put that right; or ask ${name} for the`,
    `fingerprint that "filemesh user list" shows there, remove the file, and compare what is told here then`,
  ].join(' ');
}
