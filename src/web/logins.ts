import type { FastifyRequest } from 'fastify';
import type { Session } from '../client/session.ts';
import { type LoginResult, login } from '../client/verbs/accounts.ts';
import { parseToken } from '../core/accounts.ts';
import { invariant } from '../core/errors.ts';
import { isBrowser } from './credentials.ts';
import { WebFailure } from './failures.ts';
import { HeldUp, heldUp } from './held-up.ts';
import { addressOf, placeOf } from './owners.ts';
import { LOGIN_MS_MAX } from './time-limits.ts';
import { Turns } from './turns.ts';
import type { WebDuty } from './web-options.ts';

/** Logins under way at once, each with a link and 19 MiB for its password, and those that wait; of one address few. Range 1–8. */
const ENTRIES = { atOnce: 2, ofOne: 1, waiting: 128, waitingOfOne: 4 };
/** So many more of those who are known: who shows a token, or was right at that address before. They do not wait behind guesses. */
const KNOWN_ENTRIES = { atOnce: 4, ofOne: 2, waiting: 128, waitingOfOne: 16 };
/** Tokens that are looked at again, for they may be younger than what this peer knows; of one address few. */
const YOUNG = { atOnce: 32, ofOne: 4, waiting: 0, waitingOfOne: 0 };
const YOUNG_TRIES_MAX = 4;
const YOUNG_PAUSE_MS = 250;

/** A password, or what follows from it. */
export interface Secret {
  readonly proof?: string | undefined;
  readonly password?: string | undefined;
}

export type LoggedIn = Extract<LoginResult, { kind: 'in' }>;
export type Opened = Awaited<ReturnType<WebDuty['openSession']>>;

/** Proves who somebody is, and opens sessions for them. */
export class Logins {
  readonly #duty: Pick<WebDuty, 'peer' | 'openSession'>;
  readonly #entries = new Turns(ENTRIES);
  readonly #knownEntries = new Turns(KNOWN_ENTRIES);
  readonly #young = new Turns(YOUNG);
  readonly #heldUp = new HeldUp();

  constructor(duty: Pick<WebDuty, 'peer' | 'openSession'>) {
    this.#duty = duty;
  }

  /**
   * Whose token it is, as this peer knows by itself. What it does not know may be younger than that: it is looked at again for a
   * moment, whatever is wrong with it, so that the time tells nothing of who has an account. Rejects with 401.
   */
  async prove(token: string, request: FastifyRequest): Promise<string> {
    if (parseToken(token) === undefined) throw notLoggedIn(request);
    const look = (): string | undefined => {
      try {
        return this.#duty.peer.accountOf(token).name;
      } catch {
        return undefined;
      }
    };
    const again = async (): Promise<string | undefined> => {
      for (let tries = 0; tries < YOUNG_TRIES_MAX; tries++) {
        await new Promise((resolve) => setTimeout(resolve, YOUNG_PAUSE_MS));
        const user = look();
        if (user !== undefined) return user;
      }
      return undefined;
    };
    const user = look() ?? (await this.#young.run([placeOf(request)], again).catch(() => undefined));
    if (user === undefined) throw notLoggedIn(request);
    return user;
  }

  /** A session that is logged in with a password. */
  async byPassword(request: FastifyRequest, user: string, secret: Secret): Promise<{ result: LoggedIn; opened: Opened }> {
    const place = placeOf(request);
    this.#heldUp.check(user, place);
    let result: LoggedIn | undefined;
    const entries = this.#heldUp.isWelcome(user, place) ? this.#knownEntries : this.#entries;
    const opened = await this.#opened(entries, request, async ({ session }) => {
      // While it waited for its turn, others of that address may have been told.
      this.#heldUp.check(user, place);
      const proof = await proofOf(session, user, secret);
      const answer = await logIn(session, { user, proof, from: addressOf(request) });
      if (answer.kind === 'wait') this.#heldUp.note(user, place, answer.seconds);
      if (answer.kind === 'in') this.#heldUp.forgive(user, place);
      result = checkLogin(answer);
    });
    invariant(result !== undefined, 'a login came to nothing');
    return { result, opened };
  }

  /** A session for a token that was proved. */
  byToken(request: FastifyRequest, token: string): Promise<Opened> {
    return this.#opened(this.#knownEntries, request, ({ session }) => session.signIn.use(token, addressOf(request)));
  }

  /** A new session that `prepare` was run with; closed when that rejects. */
  #opened(entries: Turns, request: FastifyRequest, prepare: (opened: Opened) => Promise<void>): Promise<Opened> {
    return entries.run([placeOf(request)], async () => {
      const opened = await this.#duty.openSession();
      try {
        await prepare(opened);
        return opened;
      } catch (thrown) {
        await opened.close();
        throw thrown;
      }
    });
  }
}

/** Rejects with 503 where the peers stay busy. */
async function logIn(session: Session, credentials: Parameters<typeof login>[1]): Promise<LoginResult> {
  const signal = AbortSignal.timeout(LOGIN_MS_MAX);
  try {
    return await login(session, credentials, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    throw new WebFailure(503, 'busy', 'too many log in at once; try again in a moment', { 'retry-after': '2' });
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

export function notLoggedIn(request: FastifyRequest): WebFailure {
  // A browser would ask in a window of its own; its page asks better.
  return new WebFailure(401, 'not-logged-in', 'this mesh has accounts: log in first', {
    'www-authenticate': isBrowser(request) ? 'Bearer realm="filemesh"' : 'Basic realm="filemesh", charset="UTF-8"',
  });
}
