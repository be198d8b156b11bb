import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PasswordSecrets } from '../../client/password.ts';
import type { Session } from '../../client/session.ts';
import type { VerbOptions } from '../../client/transfer.ts';
import { changePassword, login, whoAmI } from '../../client/verbs/accounts.ts';
import type { AccountKey } from '../../core/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { checkLogin } from '../check-login.ts';
import { writePrivate } from '../private-file.ts';
import { type KeyPair, newKeyPair, unwrapKeyPair, wrapKeyPair } from './account-key.ts';

const IDENTITY = /^AGE-SECRET-KEY-[0-9A-Z-]+$/;
const RECIPIENT = /^# public key: (age1[0-9a-z]+)$/;

/** The key pair of who is logged in, where only its user may read it: in a file that any age program takes. */
export class OwnKey {
  readonly #file: string | undefined;
  #held: KeyPair | undefined;

  /** `folder`: of the mesh; undefined: it is kept for this run of the program alone. */
  constructor(folder: string | undefined) {
    this.#file = folder === undefined ? undefined : join(folder, 'age-key.txt');
  }

  async read(): Promise<KeyPair | undefined> {
    if (this.#held !== undefined || this.#file === undefined) return this.#held;
    const lines = (await readFile(this.#file, 'utf8').catch(() => '')).split('\n');
    const identity = lines.find((line) => IDENTITY.test(line));
    const recipient = lines.flatMap((line) => RECIPIENT.exec(line)?.[1] ?? [])[0];
    return identity === undefined || recipient === undefined ? undefined : { identity, recipient };
  }

  async keep(pair: KeyPair): Promise<void> {
    this.#held = pair;
    if (this.#file !== undefined) await writePrivate(this.#file, `# public key: ${pair.recipient}\n${pair.identity}\n`);
  }

  async forget(): Promise<void> {
    this.#held = undefined;
    if (this.#file !== undefined) await rm(this.#file, { force: true });
  }
}

/** Who showed a password just now. */
export interface Shown extends PasswordSecrets {
  readonly user: string;
  /** Of the account; undefined: it has none. */
  readonly key?: AccountKey | undefined;
}

/**
 * The pair of who is logged in and shows the present password: as the peers keep it, or as it lies `here`. Undefined: what they keep
 * is wrapped by another password, and none lies here. Rejects with `not-allowed` for a wrong password.
 */
export async function ownPairOf(
  session: Session,
  { user, proof, wrapKey, key }: Shown,
  here: KeyPair | undefined,
  options: Pick<VerbOptions, 'signal'>,
): Promise<KeyPair | undefined> {
  if (key === undefined) return here ?? (await newKeyPair());
  const kept = await unwrapKeyPair(key, wrapKey);
  if (kept !== undefined) return kept;
  // Whether it is the password or the key that is another one the peers tell.
  const answer = await login(session, { user, proof }, options);
  if (answer.kind === 'wrong') throw new MeshError('not-allowed', 'the present password is another one');
  checkLogin(answer);
  return here;
}

/**
 * The key pair of an account whose password was shown; where it has none, as after an admin gave it a password by other means,
 * `here`, or else a new one becomes it. `here`: the pair that account had on this machine. `token`: all earlier logins of that
 * account ended by that, and this one goes on with it.
 */
export async function keyPairOf(
  session: Session,
  { user, proof, wrapKey, key }: Shown,
  here: KeyPair | undefined,
  options: Pick<VerbOptions, 'signal'>,
): Promise<{ pair: KeyPair | undefined; token?: string | undefined }> {
  if (key !== undefined) return { pair: await unwrapKeyPair(key, wrapKey) };
  const made = wrapKeyPair(here ?? (await newKeyPair()), wrapKey);
  const { token } = checkLogin(await changePassword(session, { user, oldProof: proof, proof, key: made }, options));
  // Another machine may have done the same at this moment: what the peers keep is what others seal to.
  const there = (await whoAmI(session, options))?.key ?? made;
  return { pair: await unwrapKeyPair(there, wrapKey), token };
}
