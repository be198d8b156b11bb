import type { AccountKey } from '../../core/accounts.ts';
import { ApiError, api, ask, type SessionResult } from './api.ts';
import type { PasswordSecrets } from './password.ts';

/** Who is at this page, and of which mesh it is. */

const TOKEN = 'filemesh-token';

interface LoginResult {
  readonly token?: string;
  /** The key pair of the account, as the peers keep it. */
  readonly key?: AccountKey | null;
}

class Session {
  now = $state<SessionResult | undefined>();
  /** The peer said that nobody is logged in. */
  isStranger = $derived(this.now?.accounts === true && this.now.user === null);
  /** May do what only admins may; everybody may before the first account exists. */
  isAdmin = $derived(this.now !== undefined && (!this.now.accounts || this.now.admin));

  async load(): Promise<void> {
    this.now = await api.session();
    if (this.isStranger) await this.#goOn();
  }

  /** The password stays here: a proof of it is sent. */
  async login(user: string, password: string): Promise<void> {
    await this.loginWith(user, await this.secretsOf(user, password));
    await this.load();
  }

  /** The key pair of the account comes along. */
  async loginWith(user: string, { proof }: PasswordSecrets): Promise<AccountKey | undefined> {
    const reply = await ask<LoginResult>('POST', '/api/v1/login', { body: { user, proof } });
    if (reply.token !== undefined) this.takeToken(reply.token);
    return reply.key ?? undefined;
  }

  async secretsOf(user: string, password: string): Promise<PasswordSecrets> {
    const { passwordSecrets } = await import('./password.ts');
    return passwordSecrets(password, this.now?.meshId ?? '', user);
  }

  async logout(): Promise<void> {
    sessionStorage.removeItem(TOKEN);
    await ask('POST', '/api/v1/logout', { body: {} });
    await this.load();
  }

  /** For going on at another peer. */
  get token(): string | undefined {
    return sessionStorage.getItem(TOKEN) ?? undefined;
  }

  /** From another peer, or a new one for this login. */
  takeToken(token: string): void {
    sessionStorage.setItem(TOKEN, token);
  }

  /** A login at one peer counts at all: the token of then opens this one too. */
  async #goOn(): Promise<void> {
    const token = this.token;
    if (token === undefined) return;
    try {
      await ask('POST', '/api/v1/session', { headers: { authorization: `Bearer ${token}` } });
      this.now = await api.session();
    } catch (thrown) {
      // Void by now, or refused: the person logs in again.
      if (thrown instanceof ApiError && thrown.status !== 0) sessionStorage.removeItem(TOKEN);
    }
  }
}

export const session = new Session();
