import type { Catalog } from '../catalog/catalog.ts';
import {
  ACCOUNT_NAMES_MAX,
  ACCOUNTS_MAX,
  type AccountFact,
  EVERYONE,
  GRANTS_MAX,
  type GrantFact,
  HOME_GRANTS_MAX,
  HOMES_GRANTS_MAX,
  VERIFIER_NOBODY,
} from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import { type Fact, factKey, presentSessionKey } from '../core/facts.ts';
import { grantsInForce, homeLifeOf, homeOf, livesOf } from '../core/rights.ts';
import type { Clock } from '../platform/clock.ts';
import type { PasswordHasher } from '../platform/hasher.ts';
import type { Log } from '../platform/log.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { MembershipSlice } from './administration.ts';
import { type Attempt, Guessing } from './guessing.ts';
import { Passwords } from './passwords.ts';
import { hostOf, isLoopback } from './remote-host.ts';
import type { Sessions } from './sessions.ts';

/** Bytes of the key that signs tokens. */
const SESSION_KEY_BYTES = 32;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly hasher: PasswordHasher;
  readonly catalog: Catalog;
  readonly sessions: Sessions;
  readonly switchboard: Pick<Switchboard, 'peers' | 'hear'>;
  readonly membership: Pick<MembershipSlice, 'isWhole' | 'renewSecret'>;
}

/** Answers who may log in and do what: `login`, `session`, `logout`, `user-…`, `users`, `grant`, `rights`. */
export class Accounts {
  readonly #slice: Slice;
  readonly #guessing: Guessing;
  readonly #passwords: Passwords;

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#guessing = new Guessing(slice.clock);
    this.#passwords = new Passwords(slice.hasher, slice.random);
    slice.switchboard.hear('missed', (attempt, from) => {
      if (from.role === 'peer') this.#guessing.missed(attempt);
    });
  }

  async login(ask: Ask<'login'>, link: Link): Promise<Reply<'login'>> {
    const { catalog, sessions } = this.#slice;
    if (!catalog.people.hasAccounts()) throw noAccounts();
    const attempt = attemptOf(ask.user, link, ask.from);
    const wait = this.#guessing.waitOf(attempt);
    if (wait > 0) return { wait };
    const account = catalog.people.accounts().get(ask.user);
    if (!(await this.#isRight(attempt, account, ask.proof))) throw wrongPassword();
    // It may be another's by now.
    if (account === undefined || catalog.people.accounts().get(ask.user) !== account) throw wrongPassword();
    return { token: sessions.begin(account, link, attempt.host), admin: account.admin, ...keyOf(account) };
  }

  async session(ask: Ask<'session'>, link: Link): Promise<Reply<'session'>> {
    const account = this.#slice.sessions.resume(ask.token, link, attemptOf('', link, ask.from).host);
    return { user: account.name, admin: account.admin, ...keyOf(account) };
  }

  async logout(link: Link): Promise<Reply<'logout'>> {
    this.#slice.sessions.end(link);
    return {};
  }

  async add(ask: Ask<'user-add'>, link: Link): Promise<Reply<'user-add'>> {
    const { catalog, log, random } = this.#slice;
    const { people } = catalog;
    if (people.accounts().has(ask.name)) throw new MeshError('exists', `there is an account ${ask.name}`);
    if (people.accounts().size >= ACCOUNTS_MAX)
      throw new MeshError('full', `${ACCOUNTS_MAX} accounts are as many as there can be`);
    if (livesOf(catalog.facts()).size >= ACCOUNT_NAMES_MAX) throw new MeshError('full', 'too many names were accounts');
    this.#mustKnowOfAccounts();
    const verifier = await this.#passwords.verifier(ask.proof);
    // While that was hashed another may have become the first.
    this.#mustKnowOfAccounts();
    const first = !people.hasAccounts();
    if (!first) this.#mustBeAdmin(link);
    if (people.accounts().has(ask.name)) throw new MeshError('exists', `there is an account ${ask.name}`);
    const account: AccountFact = {
      ...{ kind: 'account', name: ask.name, admin: first || ask.admin, verifier, removed: false },
      ...{ life: livesOf(catalog.facts()).get(ask.name) ?? 0, revision: 1 },
      ...ask.key,
    };
    const facts: Fact[] = [account];
    if (presentSessionKey(catalog.facts()) === undefined) {
      const excludes = catalog.facts().flatMap((fact) => (fact.kind === 'removal' ? [fact.id] : []));
      facts.push({ kind: 'session-key', generation: 1, key: randomHex(random, SESSION_KEY_BYTES), excludes });
    }
    await catalog.adopt(facts);
    log.info('an account was added', { name: account.name, admin: account.admin });
    return { first };
  }

  async passwd(ask: Ask<'user-passwd'>, link: Link): Promise<Reply<'user-passwd'>> {
    const { catalog, sessions, log } = this.#slice;
    const person = sessions.personOf(link);
    const isOwn = person?.name === ask.user;
    if (!isOwn) this.#mustBeAdmin(link);
    const account = this.#account(ask.user);
    if (isOwn) {
      const attempt = attemptOf(ask.user, link, undefined);
      const wait = this.#guessing.waitOf(attempt);
      if (wait > 0) return { wait };
      if (!(await this.#isRight(attempt, account, ask.oldProof ?? ''))) throw wrongPassword();
      // Nobody could open it again.
      if (account.recipient !== undefined && ask.key === undefined)
        throw new MeshError('usage', 'the key of the account is to be wrapped by the new password');
    }
    const verifier = await this.#passwords.verifier(ask.proof);
    if (this.#account(ask.user) !== account) throw new MeshError('busy', 'the account was changed meanwhile');
    const { name } = account;
    const { recipient: _recipient, wrapped: _wrapped, ...kept } = account;
    const changed: AccountFact = { ...kept, verifier, revision: account.revision + 1, ...ask.key };
    await catalog.adopt([changed]);
    log.info('a password was changed', { name, by: person?.name });
    return isOwn ? { token: sessions.begin(changed, link, hostOf(link.remoteAddress)) } : {};
  }

  async remove({ user }: Ask<'user-remove'>): Promise<Reply<'user-remove'>> {
    const { catalog, log, membership } = this.#slice;
    if (!catalog.people.hasAccounts()) throw noAccounts();
    const account = this.#account(user);
    const others = [...catalog.people.accounts().values()].filter((one) => one !== account);
    if (!others.some((one) => one.admin))
      throw new MeshError('usage', 'the last admin stays: somebody must be able to add others');
    const { kind, name, life, admin, revision } = account;
    // What was granted to it, and by it in its home, ends with its life.
    const gone: AccountFact = { kind, name, life, admin, verifier: VERIFIER_NOBODY, removed: true, revision: revision + 1 };
    await catalog.adopt([gone]);
    // They may have the line, and with it run a peer: it admits nobody any more.
    await membership.renewSecret();
    log.info('an account was removed', { name });
    return {};
  }

  /**
   * Makes that name an admin with that password, whoever it was: for whoever runs this peer, which is trusted with all anyway. A
   * key that another password wraps is gone. `usage`: there are no accounts.
   */
  async recover(name: string, proof: string): Promise<void> {
    const { catalog, log } = this.#slice;
    if (!catalog.people.hasAccounts()) throw noAccounts();
    const verifier = await this.#passwords.verifier(proof);
    const account = catalog.people.accounts().get(name);
    const life = livesOf(catalog.facts()).get(name) ?? 0;
    const revision = (account?.revision ?? 0) + 1;
    await catalog.adopt([{ kind: 'account', name, life, revision, admin: true, verifier, removed: false }]);
    log.warn('an account was made an admin by who runs this peer', { name });
  }

  async users(): Promise<Reply<'users'>> {
    const accounts = [...this.#slice.catalog.people.accounts().values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const users = accounts.map(({ name, admin, recipient }) => ({ name, admin, ...(recipient !== undefined && { recipient }) }));
    return { users: users.slice(0, 2 * ACCOUNTS_MAX) };
  }

  async grant({ path, who, right }: Ask<'grant'>, link: Link): Promise<Reply<'grant'>> {
    const { catalog, sessions, log } = this.#slice;
    const { people } = catalog;
    if (!people.hasAccounts()) throw noAccounts();
    const person = sessions.personOf(link);
    if (person === undefined || !people.rights().mayGrant(person, path))
      throw new MeshError('not-allowed', 'the rights of that path are for an admin to give');
    if (who !== EVERYONE) this.#account(who);
    const lives = livesOf(catalog.facts());
    const [life, homeLife] = [lives.get(who) ?? 0, homeLifeOf(lives, path)];
    const wish: GrantFact = { kind: 'grant', path, who, life, homeLife, right, revision: 0 };
    const known = catalog.facts().find((one) => factKey(one) === factKey(wish)) as GrantFact | undefined;
    if (known === undefined) checkRoomForGrant(catalog.facts(), wish, person.admin);
    await catalog.adopt([{ ...wish, revision: (known?.revision ?? -1) + 1 }]);
    log.info('a right was given', { path, who, right, by: person.name });
    return {};
  }

  async rights({ path }: Ask<'rights'>): Promise<Reply<'rights'>> {
    const { people } = this.#slice.catalog;
    if (!people.hasAccounts()) throw noAccounts();
    const rights = people.rights();
    const everyone = rights.of({ name: EVERYONE, admin: false }, path);
    const accounts = [...people.accounts().values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = accounts.map((account) => ({ who: account.name, ...rights.of(account, path) }));
    const others = rows.filter(({ right }) => right !== everyone.right);
    return { rights: [{ who: EVERYONE, ...everyone }, ...others].slice(0, 2 * ACCOUNTS_MAX) };
  }

  async #isRight(attempt: Attempt, account: AccountFact | undefined, proof: string): Promise<boolean> {
    const isUrgent = this.#guessing.isKnown(attempt);
    const right = await this.#guessing.judge(attempt, () => this.#passwords.isRight(account?.verifier, proof, isUrgent));
    if (!right) for (const link of this.#slice.switchboard.peers()) link.note('missed', attempt);
    return right;
  }

  #account(name: string): AccountFact {
    const account = this.#slice.catalog.people.accounts().get(name);
    if (account === undefined) throw new MeshError('not-found', `there is no account ${name}`);
    return account;
  }

  /** While some peer is away there may be accounts that were not heard of here, and a second first one would be an admin of all. */
  #mustKnowOfAccounts(): void {
    const { catalog, membership } = this.#slice;
    if (!catalog.people.hasAccounts() && !membership.isWhole())
      throw new MeshError('unavailable', 'the first account is made while all peers are here');
  }

  #mustBeAdmin(link: Link): void {
    if (!this.#slice.catalog.people.hasAccounts()) throw noAccounts();
    if (this.#slice.sessions.personOf(link)?.admin !== true) throw new MeshError('not-allowed', 'that is for an admin');
  }
}

/** Throws `full`. Void ones are remembered, and take no room but that of all facts. */
function checkRoomForGrant(facts: readonly Fact[], { path }: GrantFact, byAdmin: boolean): void {
  const home = homeOf(path);
  const grants = grantsInForce(facts);
  const inHomes = grants.filter((grant) => homeOf(grant.path) !== undefined);
  const inThis = inHomes.filter((grant) => homeOf(grant.path) === home).length;
  const isHomeFull = home !== undefined && (inThis >= HOME_GRANTS_MAX || inHomes.length >= HOMES_GRANTS_MAX);
  if ((isHomeFull && !byAdmin) || grants.length >= GRANTS_MAX)
    throw new MeshError('full', 'more grants than there can be: give rights to folders');
}

/** Through a program that speaks for others its key says nothing of who they are. */
function attemptOf(user: string, link: Link, from: string | undefined): Attempt {
  const host = hostOf(link.remoteAddress);
  if (from === undefined || !isLoopback(host)) return { user, identity: link.peer, host };
  return { user, host: hostOf(from) };
}

function keyOf({ recipient, wrapped }: AccountFact): Pick<Reply<'session'>, 'key'> {
  return recipient === undefined || wrapped === undefined ? {} : { key: { recipient, wrapped } };
}

function noAccounts(): MeshError {
  return new MeshError('usage', 'this mesh has no accounts');
}

function wrongPassword(): MeshError {
  return new MeshError('not-allowed', 'the name or the password is wrong');
}
