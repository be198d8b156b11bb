import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PasswordSecrets } from '../../client/password.ts';
import type { Session } from '../../client/session.ts';
import type { VerbOptions } from '../../client/transfer.ts';
import { changePassword, login, whoAmI } from '../../client/verbs/accounts.ts';
import type { AccountKey } from '../../core/accounts.ts';
import { MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import { checkLogin } from '../check-login.ts';
import { withFileLock } from '../file-lock.ts';
import { writePrivate } from '../private-file.ts';
import { systemReason } from '../system-reason.ts';
import { type KeyPair, newKeyPair, unwrapKeyPair, wrapKeyPair } from './account-key.ts';

const IDENTITY = /^AGE-SECRET-KEY-[0-9A-Z-]+$/;
const COMMENT = /^# (user|public key|wrapped): (\S+)$/;

/** A line of a key file that is no comment, with what the comments before it say. */
interface KeptLine {
  readonly identity: string;
  readonly recipient?: string | undefined;
  /** Whose it is; undefined: earlier versions did not say. */
  readonly user?: string | undefined;
  /** SHA-256 of what the peers kept of it when it was last wrapped or unwrapped here. */
  readonly wrapped?: string | undefined;
}

/**
 * The private keys of who logs in here, where only their system user may read them: in a file that any age program takes. The latest
 * is the first; earlier ones, and those of others who did not log out, stay behind it: each may be the only copy there is. Several
 * programs may change it at once.
 */
export class OwnKey {
  /** Undefined: none is. */
  readonly file: string | undefined;
  readonly #asideFile: string | undefined;
  #held: readonly KeptLine[] = [];

  /** `folder`: of the mesh; undefined: they are kept for this run of the program alone. */
  constructor(folder: string | undefined) {
    this.file = folder === undefined ? undefined : join(folder, 'age-key.txt');
    this.#asideFile = folder === undefined ? undefined : join(folder, 'age-keys-aside.txt');
  }

  /** The latest of that user; of nobody by name the latest of all. */
  async read(user: string | undefined): Promise<KeyPair | undefined> {
    for (const { identity, recipient, user: owner } of await this.#lines())
      if (IDENTITY.test(identity) && recipient !== undefined && (user === undefined || owner === user))
        return { identity, recipient };
    return undefined;
  }

  /** All that open something for that user: those of nobody by name too. */
  async identities(user: string | undefined): Promise<string[]> {
    const isTheirs = (owner: string | undefined) => user === undefined || owner === undefined || owner === user;
    return (await this.#lines()).filter((one) => IDENTITY.test(one.identity) && isTheirs(one.user)).map((one) => one.identity);
  }

  /** Whose the first one is, as far as it says so; undefined: there is none. */
  async first(): Promise<{ readonly user?: string | undefined } | undefined> {
    return (await this.#lines())[0];
  }

  /** From now on this is that user's; what was there stays behind it. `key`: what the peers keep of it, wrapped by their password. */
  async keep(user: string, pair: KeyPair, key: AccountKey): Promise<void> {
    const withIt = (lines: readonly KeptLine[]) => [
      { ...pair, user, wrapped: digestOf(key) },
      ...lines.filter((one) => one.identity !== pair.identity),
    ];
    const { file } = this;
    if (file === undefined) this.#held = withIt(this.#held);
    else await withFileLock(file, async () => await writePrivate(file, textOf(withIt(await linesIn(file)))));
  }

  /**
   * Takes all from here. `key`: what the peers keep for that user now, if that is known: a login gets it again from there. Any other
   * may be the only copy: those are moved to the file that it resolves with; undefined: there was none.
   */
  async forget(user: string | undefined, key: AccountKey | undefined): Promise<string | undefined> {
    const isAtPeers = (one: KeptLine) =>
      key !== undefined && one.user === user && one.recipient === key.recipient && one.wrapped === digestOf(key);
    this.#held = [];
    const [file, asideFile] = [this.file, this.#asideFile];
    if (file === undefined || asideFile === undefined || !existsSync(file)) return undefined;
    return await withFileLock(file, async () => {
      const only = (await linesIn(file)).filter((one) => !isAtPeers(one));
      if (only.length > 0) {
        const earlier = await linesIn(asideFile);
        const fresh = only.filter((one) => !earlier.some(({ identity }) => identity === one.identity));
        await writePrivate(asideFile, textOf([...fresh, ...earlier]));
      }
      await rm(file, { force: true });
      return only.length > 0 ? asideFile : undefined;
    });
  }

  async #lines(): Promise<readonly KeptLine[]> {
    return this.file === undefined ? this.#held : await linesIn(this.file);
  }
}

/** Rejects when the file is there and cannot be read: taken for none, it would be written over. */
async function linesIn(file: string): Promise<KeptLine[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const words = `the sealing keys in ${quote(file)} cannot be read: ${systemReason(cause)}; put that right, or move it away`;
    throw new MeshError('failed', words, { cause });
  }
  const lines: KeptLine[] = [];
  let told: Record<string, string> = {};
  for (const line of text.split('\n').map((one) => one.trim())) {
    const [, what, value] = COMMENT.exec(line) ?? [];
    if (what !== undefined && value !== undefined) told[what] = value;
    if (line === '' || line.startsWith('#')) continue;
    lines.push({ identity: line, recipient: told['public key'], user: told.user, wrapped: told.wrapped });
    told = {};
  }
  return lines;
}

function textOf(lines: readonly KeptLine[]): string {
  const comment = (what: string, value: string | undefined) => (value === undefined ? '' : `# ${what}: ${value}\n`);
  return lines
    .map(
      ({ identity, recipient, user, wrapped }) =>
        `${comment('user', user)}${comment('wrapped', wrapped)}${comment('public key', recipient)}${identity}\n`,
    )
    .join('');
}

function digestOf({ wrapped }: AccountKey): string {
  return createHash('sha256').update(wrapped).digest('hex');
}

/** Who showed a password just now. */
export interface Shown extends PasswordSecrets {
  readonly user: string;
  /** Of the account; undefined: it has none. */
  readonly key?: AccountKey | undefined;
}

/**
 * The pair of who is logged in and shows the present password: as the peers keep it, or as it lies `here`. Undefined: what they keep
 * is wrapped by another password, or they tell of none, and none lies here. Rejects with `not-allowed` for a wrong password.
 */
export async function ownPairOf(
  session: Session,
  { user, proof, wrapKey, key }: Shown,
  here: KeyPair | undefined,
  options: Pick<VerbOptions, 'signal'>,
): Promise<KeyPair | undefined> {
  const kept = key && (await unwrapKeyPair(key, wrapKey));
  if (kept !== undefined) return kept;
  // Whether it is the password or the key that is another one the peers tell.
  const answer = await login(session, { user, proof }, options);
  if (answer.kind === 'wrong') throw new MeshError('not-allowed', 'the present password is another one');
  checkLogin(answer);
  return here;
}

/** The pair of an account, with what the peers keep of it. `token`: all earlier logins of it ended, and this one goes on with that. */
export interface EnteredPair {
  readonly own?: { readonly pair: KeyPair; readonly key: AccountKey };
  readonly token?: string | undefined;
}

/**
 * The key pair of an account whose password was shown; where the peers tell of none, as after it was made by other means, the one that
 * lies here becomes it, or else a new one, if `mayBegin` says so.
 */
export async function keyPairOf(
  session: Session,
  { user, proof, wrapKey, key }: Shown,
  here: { readonly pair: KeyPair | undefined; mayBegin(): Promise<boolean>; keep(pair: KeyPair, key: AccountKey): Promise<void> },
  options: Pick<VerbOptions, 'signal'>,
): Promise<EnteredPair> {
  if (key !== undefined) return await unwrapped(key, wrapKey);
  if (here.pair === undefined && !(await here.mayBegin())) return {};
  const pair = here.pair ?? (await newKeyPair());
  const made = wrapKeyPair(pair, wrapKey);
  // Before anybody can seal for it: another one may take its place at the peers at once.
  await here.keep(pair, made);
  const { token } = checkLogin(await changePassword(session, { user, oldProof: proof, proof, key: made }, options));
  // Another machine may have done the same at this moment: what the peers keep is what others seal to.
  const there = (await whoAmI(session, options))?.key ?? made;
  return { ...(await unwrapped(there, wrapKey)), token };
}

async function unwrapped(key: AccountKey, wrapKey: Uint8Array): Promise<EnteredPair> {
  const pair = await unwrapKeyPair(key, wrapKey);
  return pair === undefined ? {} : { own: { pair, key } };
}
