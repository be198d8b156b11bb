import type { FastifyRequest } from 'fastify';
import type { Session } from '../client/session.ts';
import type { SignedIn, SignIn } from '../client/sign-in.ts';
import { whoAmI } from '../client/verbs/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import { type Credentials, credentialsOf, keyOf } from './credentials.ts';
import { WebFailure } from './failures.ts';
import { type LoggedIn, Logins, notLoggedIn, type Opened, type Secret } from './logins.ts';
import { addressOf, placeOf } from './owners.ts';
import { SESSION_IDLE_MS_MAX } from './time-limits.ts';
import type { WebDuty } from './web-options.ts';

/** Sessions at once, and those of one account: each has links of its own to peers, that let a client in so often. Range 8–128. */
const SESSIONS_MAX = 64;
const SESSIONS_OF_ONE_MAX = 16;
const NO_ACCOUNTS =
  'this mesh has no accounts yet, so nobody is let in from other machines: "filemesh user add NAME" makes the first one';

/** A session with the mesh, and for whom. */
export interface WebSession {
  readonly session: Session;
  /** Undefined: the mesh has no accounts, or nobody is logged in. */
  readonly who: SignedIn | undefined;
}

interface Kept {
  readonly opened: Opened;
  /** Name of its account; empty where there are none. */
  readonly user: string;
  usedMs: number;
  /** Requests under way. */
  users: number;
}

/** The sessions behind the page: one for each login, and one without. Nothing is kept, and nobody else's let go, for what is not proved. */
export class Sessions {
  readonly #duty: WebDuty;
  readonly #isLocal: boolean;
  readonly #kept = new Map<string, Kept>();
  /** Those that are being proved: several requests at once wait for one. */
  readonly #entering = new Map<string, Promise<Kept>>();
  readonly #logins: Logins;
  readonly #sweeping: NodeJS.Timeout;
  #isClosed = false;

  /** `isLocal`: only this machine is let in; others need an account. */
  constructor(duty: WebDuty, isLocal: boolean) {
    this.#duty = duty;
    this.#logins = new Logins(duty);
    this.#isLocal = isLocal;
    this.#sweeping = setInterval(() => this.#sweep(), SESSION_IDLE_MS_MAX / 10);
    this.#sweeping.unref();
  }

  /**
   * Runs `work` with the session of whoever sent this request. Rejects with 401 where the mesh has accounts and the request shows
   * none, 429 while guesses are held up.
   */
  async run<T>(request: FastifyRequest, work: (web: WebSession) => Promise<T>): Promise<T> {
    if (!this.#duty.peer.people.hasAccounts()) {
      if (!this.#isLocal) throw new WebFailure(403, 'not-allowed', NO_ACCOUNTS);
      const entered = this.#entered('', '', this.#duty.openSession);
      return await this.#with(entered, (session) => work({ session, who: undefined }));
    }
    const credentials = credentialsOf(request);
    if (credentials === undefined) throw notLoggedIn(request);
    const key = keyOf(credentials, placeOf(request));
    const entered = this.#kept.get(key) ?? this.#enter(key, credentials, request);
    return await this.#with(entered, async (session) => {
      // What a peer said of a login long ago is not believed against what this one knows by now.
      if (this.#isDoubtful(session.signIn)) await session.signIn.use(session.signIn.token, addressOf(request));
      const who = session.signIn.who ?? (await whoAmI(session, {}));
      try {
        if (who !== undefined) return await work({ session, who });
      } catch (thrown) {
        // Void since: an account was changed or removed.
        if (asMeshError(thrown).code !== 'not-allowed' || session.signIn.who !== undefined) throw thrown;
      }
      void this.#forget(key);
      throw notLoggedIn(request);
    });
  }

  /** A password was changed over the session of this request: it goes on under its new token, and under nothing it was known by before. */
  renew(request: FastifyRequest, token: string): void {
    const credentials = credentialsOf(request);
    if (credentials === undefined) return;
    const key = keyOf(credentials, placeOf(request));
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#kept.set(keyOf({ kind: 'token', token }, placeOf(request)), kept);
  }

  /** Who sent this request; undefined: nobody that is logged in. */
  async whoIs(request: FastifyRequest): Promise<SignedIn | undefined> {
    if (!this.#duty.peer.people.hasAccounts()) return undefined;
    try {
      return await this.run(request, async ({ who }) => who);
    } catch (thrown) {
      if (thrown instanceof WebFailure && thrown.status === 401) return undefined;
      throw thrown;
    }
  }

  /** Logs in, and keeps the session for the token that comes of it. Rejects with 401 and 429. */
  async login(request: FastifyRequest, user: string, secret: Secret): Promise<LoggedIn> {
    const { result, opened } = await this.#logins.byPassword(request, user, secret);
    await this.#keep(keyOf({ kind: 'token', token: result.token }, placeOf(request)), user, opened);
    return result;
  }

  /** One that is still being opened is closed once it is: a mesh that does not answer keeps no peer from stopping in order. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeping);
    await Promise.all([...this.#kept.keys()].map((key) => this.#forget(key)));
  }

  async #enter(key: string, credentials: Credentials, request: FastifyRequest): Promise<Kept> {
    if (credentials.kind === 'password') {
      const { user, password } = credentials;
      const open = async () => (await this.#logins.byPassword(request, user, { password })).opened;
      return await this.#entered(key, user, open);
    }
    const { token } = credentials;
    const user = await this.#logins.prove(token, request);
    return await this.#entered(key, user, () => this.#logins.byToken(request, token));
  }

  /** The session kept under that key; `open` makes it, and proves whose it is. */
  #entered(key: string, user: string, open: () => Promise<Opened>): Promise<Kept> {
    if (this.#isClosed) return Promise.reject(new MeshError('closed', 'the peer stops'));
    const kept = this.#kept.get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    const under = this.#entering.get(key);
    if (under !== undefined) return under;
    const entering = open()
      .then((opened) => this.#keep(key, user, opened))
      .finally(() => this.#entering.delete(key));
    this.#entering.set(key, entering);
    return entering;
  }

  async #with<T>(entered: Kept | Promise<Kept>, work: (session: Session) => Promise<T>): Promise<T> {
    const kept = await entered;
    kept.users++;
    try {
      return await work(kept.opened.session);
    } finally {
      kept.users--;
      kept.usedMs = performance.now();
    }
  }

  /** True of a login that is over, as far as this peer knows. */
  #isDoubtful({ token, who }: SignIn): boolean {
    if (token === undefined) return false;
    try {
      // Who is no admin any more, for another's account was the first, has a login all the same.
      return this.#duty.peer.accountOf(token).admin !== (who?.admin ?? false);
    } catch {
      return true;
    }
  }

  async #keep(key: string, user: string, opened: Opened): Promise<Kept> {
    try {
      if (this.#isClosed) throw new MeshError('closed', 'the peer stops');
      this.#makeRoom(user);
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
    const kept = { opened, user, usedMs: performance.now(), users: 0 };
    this.#kept.set(key, kept);
    return kept;
  }

  /** Who has many lets one of their own go; else the one that was not used for longest goes. */
  #makeRoom(user: string): void {
    const all = [...this.#kept].sort(([, a], [, b]) => a.usedMs - b.usedMs);
    const own = all.filter(([, kept]) => kept.user === user);
    if (own.length < SESSIONS_OF_ONE_MAX && all.length < SESSIONS_MAX) return;
    const idle = (own.length < SESSIONS_OF_ONE_MAX ? all : own).find(([, { users }]) => users === 0);
    if (idle === undefined) throw new WebFailure(503, 'busy', 'too many people use this peer at once; try again in a moment');
    void this.#forget(idle[0]);
  }

  async #forget(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    await kept?.opened.close().catch(() => undefined);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, { users, usedMs }] of this.#kept)
      if (users === 0 && nowMs - usedMs > SESSION_IDLE_MS_MAX) void this.#forget(key);
  }
}
