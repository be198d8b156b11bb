import { ApiError, api, ask, type SessionResult } from './api.ts';

/** Who is at this page, and of which mesh it is. */

const TOKEN = 'filemesh-token';

interface LoginResult {
  readonly token?: string;
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
    const proof = await this.proofOf(user, password);
    const reply = await ask<LoginResult>('POST', '/api/v1/login', { body: { user, proof } });
    if (reply.token !== undefined) sessionStorage.setItem(TOKEN, reply.token);
    await this.load();
  }

  async proofOf(user: string, password: string): Promise<string> {
    const { passwordSecrets } = await import('./password.ts');
    return (await passwordSecrets(password, this.now?.meshId ?? '', user)).proof;
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

  /** From another peer. */
  takeToken(token: string): void {
    sessionStorage.setItem(TOKEN, token);
  }

  /** A login at one peer counts at all: the token of then opens this one too. */
  async #goOn(): Promise<void> {
    const token = this.token;
    if (token === undefined) return;
    try {
      await ask('POST', '/api/v1/login', { body: { token } });
      this.now = await api.session();
    } catch (thrown) {
      // Void by now, or refused: the person logs in again.
      if (thrown instanceof ApiError && thrown.status !== 0) sessionStorage.removeItem(TOKEN);
    }
  }
}

export const session = new Session();
