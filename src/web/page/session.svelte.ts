import type { AccountKey } from '../../core/accounts.ts';
import { rightAmong } from '../../core/rights.ts';
import { ANSWER_MS, api, ask, type SessionResult } from './api.ts';
import type { PasswordSecrets } from './password.ts';
import { nap } from './patience.ts';

/** Who is at this page, and of which mesh it is. The login itself is a cookie that no script reads, this page neither. */

/** A login that another tab changes is here by then. */
const OTHER_TAB_MS = 3_000;

interface LoginResult {
  /** The key pair of the account, as the peers keep it. */
  readonly key?: AccountKey | null;
}

class Session {
  now = $state<SessionResult | undefined>();
  /** The peer said that nobody is logged in. */
  isStranger = $derived(this.now?.accounts === true && this.now.user === null);
  /** May see the page: is logged in, or need not be. */
  isIn = $derived(this.now !== undefined && !this.isStranger);
  /** May do what only admins may; everybody may before the first account exists. */
  isAdmin = $derived(this.now !== undefined && (!this.now.accounts || this.now.admin));

  /** What gives this page another login ends the one it has, sooner than the new one is here. */
  #change: Promise<unknown> = Promise.resolve();
  #asked = 0;
  #told = 0;

  /** Asked while the login changes, it waits for the new one: by the old one this page would be a stranger's. */
  async load(): Promise<void> {
    await Promise.race([this.#change, nap(ANSWER_MS).over]);
    this.#asked += 1;
    const turn = this.#asked;
    const told = await api.session();
    // Who comes without a login is answered late, perhaps after somebody logged in.
    if (turn < this.#told) return;
    this.#told = turn;
    const isThrownOut = this.now?.user != null && told.accounts && told.user === null;
    this.now = told;
    // Another tab may have changed the login of both, and have its answer in a moment.
    if (isThrownOut) void nap(OTHER_TAB_MS).over.then(() => this.load().catch(() => undefined));
  }

  /** Does what gives this page another login. */
  async change(act: () => Promise<void>): Promise<void> {
    const change = act();
    this.#change = change.catch(() => undefined);
    await change;
  }

  /** The password stays here: a proof of it is sent. */
  async login(user: string, password: string): Promise<void> {
    await this.loginWith(user, await this.secretsOf(user, password));
    await this.load();
  }

  /** The key pair of the account comes along. */
  async loginWith(user: string, { proof }: PasswordSecrets): Promise<AccountKey | undefined> {
    return (await ask<LoginResult>('POST', '/api/v1/login', { body: { user, proof } })).key ?? undefined;
  }

  async secretsOf(user: string, password: string): Promise<PasswordSecrets> {
    const { passwordSecrets } = await import('./password.ts');
    return passwordSecrets(password, this.now?.meshId ?? '', user);
  }

  /** Whether a path is this person's to change. Where nobody says so it may be tried: the peers refuse what is not. */
  async mayWrite(path: string): Promise<boolean> {
    // What lies at the top is shared.
    if (this.isAdmin || path === '') return true;
    const rights = await api.rights(path).catch(() => []);
    return rightAmong(rights, this.now?.user) !== 'read';
  }

  async logout(): Promise<void> {
    await ask('POST', '/api/v1/logout', { body: {} });
    await this.load();
  }
}

export const session = new Session();
