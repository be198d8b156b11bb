import type { Catalog } from '../catalog/catalog.ts';
import {
  ACCOUNT_NAMES_MAX,
  ACCOUNTS_MAX,
  type AccountFact,
  adminRevisionOf,
  callWords,
  LIFE_MAX,
  madeAfter,
  revisionAfter,
  VERIFIER_NOBODY,
} from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import { type Fact, presentSessionKey } from '../core/facts.ts';
import type { RequestId } from '../core/ids.ts';
import { livesOf } from '../core/rights.ts';
import type { Clock } from '../platform/clock.ts';
import type { PasswordHasher } from '../platform/hasher.ts';
import type { Log } from '../platform/log.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Ask, CallName, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { hostOf, isLoopback } from '../wire/remote-host.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import type { MembershipSlice } from './administration.ts';
import { noAccounts } from './granting.ts';
import { type Attempt, Guessing } from './guessing.ts';
import { hasHome } from './homes.ts';
import { OnceEach } from './once-each.ts';
import { Passwords } from './passwords.ts';
import type { Sessions } from './sessions.ts';

/** Bytes of the key that signs tokens. */
const SESSION_KEY_BYTES = 32;
const LOT_BYTES = 16;

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

/** Answers who may log in: `login`, `session`, `logout`, `user-…`, `users`. */
export class Accounts {
  readonly #slice: Slice;
  readonly #guessing: Guessing;
  readonly #passwords: Passwords;
  readonly #renewals = new OnceEach();

  constructor(slice: Slice) {
    this.#slice = slice;
    const { people } = slice.catalog;
    this.#guessing = new Guessing(slice.clock, (user) => people.accountFact(user)?.life ?? 0);
    this.#passwords = new Passwords(slice.hasher, slice.random);
    slice.switchboard.hear('missed', (attempt, from) => {
      if (from.role === 'peer') this.#guessing.missed(attempt);
    });
  }

  /**
   * That very request was carried out, here or at a peer that died before it answered: so what it needs was there, and may be
   * gone by what it did. Whoever drew its id alone knows it.
   */
  isRepeated(name: CallName, ask: object): boolean {
    const { request, ...named } = ask as { request?: RequestId; user?: string; name?: string };
    const made = this.#slice.catalog.people.accountFact(named.user ?? named.name ?? '')?.made ?? [];
    return request !== undefined && made.some(({ words }) => words === callWords(name, request));
  }

  async login(ask: Ask<'login'>, link: Link): Promise<Reply<'login'>> {
    const { people } = this.#slice.catalog;
    if (!people.hasAccounts()) throw noAccounts();
    const entered = await this.#enter(ask, link, ask.from);
    if ('wait' in entered) return entered;
    const { account, token } = entered;
    return { token, admin: people.accounts().get(account.name)?.admin === true, ...keyOf(account) };
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
    if (this.isRepeated('user-add', ask)) return { first: this.#isFirst(ask.name) };
    if (people.accounts().has(ask.name)) throw new MeshError('exists', `there is an account ${ask.name}`);
    if (people.accounts().size >= ACCOUNTS_MAX)
      throw new MeshError('full', `${ACCOUNTS_MAX} accounts are as many as there can be`);
    const { size } = livesOf(catalog.facts());
    if (size >= ACCOUNT_NAMES_MAX || people.accountFact(ask.name)?.life === LIFE_MAX)
      throw new MeshError('full', 'too many names were accounts, or this one too often');
    this.#mustKnowOfAccounts();
    const lifeOfNew = () => livesOf(catalog.facts()).get(ask.name) ?? 0;
    // What was anybody's before there were accounts is another matter: the first one of a name gets it.
    if (lifeOfNew() > 0 && ask.keepHome !== true && (await hasHome(this.#slice, ask.name)))
      throw new MeshError('conflict', `something lies, or lay, in the home that ${ask.name} had`);
    const verifier = await this.#passwords.verifier(ask.proof);
    // While that was hashed another may have become the first.
    this.#mustKnowOfAccounts();
    const first = !people.hasAccounts();
    if (!first) this.#mustBeAdmin(link);
    if (people.accounts().has(ask.name)) throw new MeshError('exists', `there is an account ${ask.name}`);
    const account: AccountFact = {
      ...{ kind: 'account', name: ask.name, admin: !first && ask.admin, verifier, removed: false },
      ...{ life: lifeOfNew(), revision: 1, adminRevision: 0 },
      ...ask.key,
      ...this.#madeAfter('user-add', ask.name, ask.request),
    };
    const facts: Fact[] = [account];
    if (first) facts.push({ kind: 'founding', name: ask.name, lot: randomHex(random, LOT_BYTES) });
    if (presentSessionKey(catalog.facts()) === undefined) {
      const excludes = catalog.facts().flatMap((fact) => (fact.kind === 'removal' ? [fact.id] : []));
      facts.push({ kind: 'session-key', generation: 1, key: randomHex(random, SESSION_KEY_BYTES), excludes });
    }
    await catalog.adopt(facts);
    log.info('an account was added', { name: ask.name, admin: first || ask.admin });
    // Another may have been made at another peer meanwhile.
    return { first: this.#isFirst(ask.name) };
  }

  async passwd(ask: Ask<'user-passwd'>, link: Link): Promise<Reply<'user-passwd'>> {
    const { catalog, sessions, log } = this.#slice;
    const person = sessions.personOf(link);
    if (this.isRepeated('user-passwd', ask)) return await this.#passwdAgain(ask, link);
    const isOwn = person?.name === ask.user;
    // Where the login came from: over the page's own link all of them would be of this machine.
    const host = sessions.hostOf(link);
    if (!isOwn) this.#mustBeAdmin(link);
    const account = this.#account(ask.user);
    if (isOwn) {
      const attempt = attemptOf(ask.user, link, host === hostOf(link.remoteAddress) ? undefined : host);
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
    const changed: AccountFact = {
      ...kept,
      verifier,
      revision: revisionAfter(account.revision),
      adminRevision: adminRevisionOf(account),
      ...ask.key,
      ...this.#madeAfter('user-passwd', name, ask.request),
    };
    await catalog.adopt([changed]);
    log.info('a password was changed', { name, by: person?.name });
    return isOwn ? { token: sessions.begin(changed, link, host) } : {};
  }

  async remove(ask: Ask<'user-remove'>): Promise<Reply<'user-remove'>> {
    const { catalog, log, membership } = this.#slice;
    if (!catalog.people.hasAccounts()) throw noAccounts();
    if (!this.isRepeated('user-remove', ask)) await this.#end(this.#account(ask.user), ask.request);
    // They may have the line, and with it run a peer: it admits nobody any more. Who died at the first try may have left it so; but
    // whoever asks again and again, which takes no login, uses up no generations.
    await this.#renewals.run(ask.request, () => membership.renewSecret());
    log.info('an account was removed', { name: ask.user });
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
    const revision = revisionAfter(account?.revision ?? 0);
    const adminRevision = revisionAfter(account === undefined ? 0 : adminRevisionOf(account));
    const made = this.#madeAfter('user-passwd', name, undefined);
    await catalog.adopt([
      { kind: 'account', name, life, revision, adminRevision, admin: true, verifier, removed: false, ...made },
    ]);
    log.warn('an account was made an admin by who runs this peer', { name });
  }

  async users(): Promise<Reply<'users'>> {
    const accounts = [...this.#slice.catalog.people.accounts().values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const users = accounts.map(({ name, admin, recipient }) => ({ name, admin, ...(recipient !== undefined && { recipient }) }));
    return { users: users.slice(0, 2 * ACCOUNTS_MAX) };
  }

  /** A session for who shows what the password of an account gives. */
  async #enter(
    { user, proof }: { readonly user: string; readonly proof: string },
    link: Link,
    from: string | undefined,
  ): Promise<{ account: AccountFact; token: string } | { wait: number }> {
    const { catalog, sessions } = this.#slice;
    const attempt = attemptOf(user, link, from);
    const wait = this.#guessing.waitOf(attempt);
    if (wait > 0) return { wait };
    const account = catalog.people.accountFact(user);
    const present = account?.removed === false ? account : undefined;
    // It may be another's by now.
    const isRight = (await this.#isRight(attempt, present, proof)) && catalog.people.accountFact(user) === present;
    if (present === undefined || !isRight) throw wrongPassword();
    return { account: present, token: sessions.begin(present, link, attempt.host) };
  }

  /** It ended the login that it came by: the new password, which is shown with it, is as good. */
  async #passwdAgain(ask: Ask<'user-passwd'>, link: Link): Promise<Reply<'user-passwd'>> {
    // An admin did that, and is still logged in.
    if (ask.oldProof === undefined) return {};
    const entered = await this.#enter(ask, link, undefined);
    return 'wait' in entered ? entered : { token: entered.token };
  }

  /** What was granted to it, and by it in its home, ends with its life. */
  async #end({ kind, name, life, revision }: AccountFact, request: RequestId | undefined): Promise<void> {
    const { catalog } = this.#slice;
    const others = [...catalog.people.accounts().values()].filter((one) => one.name !== name);
    if (!others.some((one) => one.admin))
      throw new MeshError('usage', 'the last admin stays: somebody must be able to add others');
    const gone: AccountFact = {
      ...{ kind, name, life, admin: false, verifier: VERIFIER_NOBODY, removed: true, revision: revisionAfter(revision) },
      ...this.#madeAfter('user-remove', name, request),
    };
    await catalog.adopt([gone]);
  }

  async #isRight(attempt: Attempt, account: AccountFact | undefined, proof: string): Promise<boolean> {
    const isUrgent = this.#guessing.isKnown(attempt);
    const right = await this.#guessing.judge(attempt, () => this.#passwords.isRight(account?.verifier, proof, isUrgent));
    if (!right) for (const link of this.#slice.switchboard.peers()) link.note('missed', attempt);
    return right;
  }

  /** As it is told, which says nothing of who was the first: what follows from it must not do so either. */
  #account(name: string): AccountFact {
    const account = this.#slice.catalog.people.accountFact(name);
    if (account?.removed !== false) throw new MeshError('not-found', `there is no account ${name}`);
    return account;
  }

  /** What the next fact of that name remembers: of earlier lives too. */
  #madeAfter(call: CallName, name: string, request: RequestId | undefined): Pick<AccountFact, 'made'> {
    const words = request === undefined ? undefined : callWords(call, request);
    return madeAfter(this.#slice.catalog.people.accountFact(name), words);
  }

  #isFirst(name: string): boolean {
    const { people } = this.#slice.catalog;
    return people.founder()?.name === name && people.accountFact(name)?.life === 0;
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

/** Through a program that speaks for others its key says nothing of who they are. */
function attemptOf(user: string, link: Link, from: string | undefined): Attempt {
  const host = hostOf(link.remoteAddress);
  if (from === undefined || !isLoopback(host)) return { user, identity: link.peer, host };
  return { user, host: hostOf(from) };
}

function keyOf({ recipient, wrapped }: AccountFact): Pick<Reply<'session'>, 'key'> {
  return recipient === undefined || wrapped === undefined ? {} : { key: { recipient, wrapped } };
}

function wrongPassword(): MeshError {
  return new MeshError('not-allowed', 'the name or the password is wrong');
}
