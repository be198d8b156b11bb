import type { FastifyRequest } from 'fastify';
import type { Session } from '../client/session.ts';
import type { SignedIn } from '../client/sign-in.ts';
import { type LoginResult, login, whoAmI } from '../client/verbs/accounts.ts';
import { parseToken } from '../core/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import { type Credentials, credentialsOf, keyOf } from './credentials.ts';
import { WebFailure } from './failures.ts';
import { Turns } from './turns.ts';
import type { WebDuty } from './web-options.ts';

/** Sessions at once: each has links of its own to peers, that let a client in so often. Range 8–128. */
const SESSIONS_MAX = 64;
/** One that was not used for so long is closed, and opened anew when it is. */
const IDLE_MS_MAX = 600_000;
/** Logins under way at once, each with a link and 19 MiB for its password, and those that wait. Range 1–8. */
const ENTRIES_MAX = 2;
const ENTRIES_WAITING_MAX = 32;
const NO_ACCOUNTS =
  'this mesh has no accounts yet, so nobody is let in from other machines: "filemesh user add NAME" makes the first one';

/** A session with the mesh, and for whom. */
export interface WebSession {
  readonly session: Session;
  /** Undefined: the mesh has no accounts, or nobody is logged in. */
  readonly who: SignedIn | undefined;
}

/** A password, or what follows from it. */
export interface Secret {
  readonly proof?: string | undefined;
  readonly password?: string | undefined;
}

type LoggedIn = Extract<LoginResult, { kind: 'in' }>;
type Opened = Awaited<ReturnType<WebDuty['openSession']>>;

interface Kept {
  readonly opened: Promise<Opened>;
  usedMs: number;
  /** Requests under way. */
  users: number;
}

/** The sessions behind the page: one for each login, and one without. */
export class Sessions {
  readonly #duty: WebDuty;
  readonly #isLocal: boolean;
  /** Least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #entries = new Turns(ENTRIES_MAX, ENTRIES_WAITING_MAX);
  readonly #sweeping: NodeJS.Timeout;
  #isClosed = false;

  /** `isLocal`: only this machine is let in; others need an account. */
  constructor(duty: WebDuty, isLocal: boolean) {
    this.#duty = duty;
    this.#isLocal = isLocal;
    this.#sweeping = setInterval(() => this.#sweep(), IDLE_MS_MAX / 10);
    this.#sweeping.unref();
  }

  /**
   * Runs `work` with the session of whoever sent this request. Rejects with 401 where the mesh has accounts and the request shows
   * none, 429 while guesses are held up.
   */
  async run<T>(request: FastifyRequest, work: (web: WebSession) => Promise<T>): Promise<T> {
    if (!this.#duty.peer.people.hasAccounts()) {
      if (!this.#isLocal) throw new WebFailure(403, 'not-allowed', NO_ACCOUNTS);
      return await this.#with('', this.#duty.openSession, (session) => work({ session, who: undefined }));
    }
    const credentials = credentialsOf(request.headers.authorization, request.headers.cookie);
    if (credentials === undefined) throw notLoggedIn(request);
    const key = keyOf(credentials, request.socket.remoteAddress ?? '');
    const open = () => this.#entries.run(() => this.#openAs(credentials, addressOf(request)));
    return await this.#with(key, open, async (session) => {
      // What a peer said of a login long ago is not believed against what this one knows by now.
      if (this.#isDoubtful(session.signIn.token)) await session.signIn.use(session.signIn.token, addressOf(request));
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
    const credentials = credentialsOf(request.headers.authorization, request.headers.cookie);
    if (credentials === undefined) return;
    const address = request.socket.remoteAddress ?? '';
    const key = keyOf(credentials, address);
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#kept.set(keyOf({ kind: 'token', token }, address), kept);
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
    const address = request.socket.remoteAddress ?? '';
    return await this.#entries.run(async () => {
      const opened = await this.#duty.openSession();
      try {
        const proof = await proofOf(opened.session, user, secret);
        const result = checkLogin(await login(opened.session, { user, proof, from: addressOf(request) }, {}));
        const key = keyOf({ kind: 'token', token: result.token }, address);
        this.#makeRoom();
        this.#kept.set(key, { opened: Promise.resolve(opened), usedMs: performance.now(), users: 0 });
        return result;
      } catch (thrown) {
        await opened.close();
        throw thrown;
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeping);
    await Promise.all([...this.#kept.keys()].map((key) => this.#forget(key)));
  }

  async #openAs(credentials: Credentials, from: string): Promise<Opened> {
    const opened = await this.#duty.openSession();
    const { session } = opened;
    try {
      if (credentials.kind === 'token') await session.signIn.use(credentials.token, from);
      else {
        const { user, password } = credentials;
        checkLogin(await login(session, { user, proof: await proofOf(session, user, { password }), from }, {}));
      }
      return opened;
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
  }

  async #with<T>(key: string, open: () => Promise<Opened>, work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new MeshError('closed', 'the peer stops');
    const kept = this.#kept.get(key) ?? this.#keep(open);
    // The last one used is the last to go.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    kept.users++;
    try {
      return await work((await kept.opened).session);
    } catch (thrown) {
      // One that could not be opened is opened anew by whoever comes next.
      const isOpen = await kept.opened.then(
        () => true,
        () => false,
      );
      if (!isOpen && this.#kept.get(key) === kept) this.#kept.delete(key);
      throw thrown;
    } finally {
      kept.users--;
      kept.usedMs = performance.now();
    }
  }

  /** True of a login that is over, as far as this peer knows. */
  #isDoubtful(token: string | undefined): boolean {
    const facts = token === undefined ? undefined : parseToken(token)?.facts;
    if (facts === undefined) return false;
    const { people } = this.#duty.peer;
    const account = people.accounts().get(facts.user);
    const isSame = account?.life === facts.life && account.revision === facts.revision;
    return !isSame || people.sessionKey()?.generation !== facts.generation || facts.expiresMs <= Date.now();
  }

  #keep(open: () => Promise<Opened>): Kept {
    this.#makeRoom();
    return { opened: open(), usedMs: performance.now(), users: 0 };
  }

  #makeRoom(): void {
    if (this.#kept.size < SESSIONS_MAX) return;
    const idle = [...this.#kept].find(([, { users }]) => users === 0);
    if (idle === undefined) throw new WebFailure(503, 'busy', 'too many people use this peer at once; try again in a moment');
    void this.#forget(idle[0]);
  }

  #forget(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    return kept === undefined ? Promise.resolve() : kept.opened.then((opened) => opened.close()).catch(() => undefined);
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [key, { users, usedMs }] of this.#kept) if (users === 0 && nowMs - usedMs > IDLE_MS_MAX) void this.#forget(key);
  }
}

/** What the peers take for a password. */
export async function proofOf(session: Session, user: string, { proof, password }: Secret): Promise<string> {
  if (proof !== undefined) return proof;
  if (password === undefined) throw new WebFailure(400, 'usage', 'a "password" is needed, or the "proof" that follows from it');
  return (await session.signIn.secretsOf(user, password)).proof;
}

/** Throws 401 for a wrong password, 429 while it is not looked at. */
function checkLogin(result: LoginResult): LoggedIn {
  if (result.kind === 'in') return result;
  if (result.kind === 'wrong') throw new WebFailure(401, 'not-allowed', 'this is not the name and password of an account');
  throw heldUp(result.seconds);
}

export function heldUp(seconds: number): WebFailure {
  const message = `there were too many wrong passwords; try again in ${seconds} s`;
  return new WebFailure(429, 'busy', message, { 'retry-after': String(seconds) });
}

/** Where whoever asks is, as peers take it. */
function addressOf({ socket }: Pick<FastifyRequest, 'socket'>): string {
  const { remoteAddress = '0.0.0.0', remotePort = 0 } = socket;
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
}

function notLoggedIn(request: FastifyRequest): WebFailure {
  // A browser would ask in a window of its own; its page asks better.
  const isBrowser = request.headers['sec-fetch-site'] !== undefined;
  return new WebFailure(401, 'not-logged-in', 'this mesh has accounts: log in first', {
    'www-authenticate': isBrowser ? 'Bearer realm="filemesh"' : 'Basic realm="filemesh", charset="UTF-8"',
  });
}
