import type { AccountKey } from '../core/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Hasher, PasswordHasher } from '../platform/hasher.ts';
import type { Address } from '../platform/network.ts';
import type { Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import { type PasswordSecrets, passwordSecrets } from './password.ts';
import { pause } from './waiting.ts';

/** A peer that has not heard of a login yet is asked again so often, after so long. */
const YOUNG_TRIES_MAX = 8;
const YOUNG_PAUSE_MS = 250;
/** How long a peer may take to look at a token. */
const SESSION_MS = 3_000;

export interface SignInOptions {
  readonly clock: Clock;
  readonly hasher: Hasher & PasswordHasher;
  /** First 16 hex digits of the mesh id. */
  readonly meshIdPrefix: string;
  /** The links that are up. */
  links(): readonly Link[];
  /** A link that was up before is somebody's now: it answers what it refused to nobody. */
  arrived(link: Link): void;
}

/** Who a session is for. */
export interface SignedIn {
  readonly user: string;
  readonly admin: boolean;
  readonly key?: AccountKey;
}

/** The login of one session: every link is introduced with its token before anything else is asked over it. */
export class SignIn {
  readonly #options: SignInOptions;
  #token: string | undefined;
  #from: Address | undefined;
  #who: SignedIn | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /** What shows the login to every peer; undefined: nobody is logged in. */
  get token(): string | undefined {
    return this.#token;
  }

  /** As the last peer that was shown the token said; undefined before, and when it is void. */
  get who(): SignedIn | undefined {
    return this.#who;
  }

  /** What follows from a password in this mesh. */
  secretsOf(user: string, password: string): Promise<PasswordSecrets> {
    const { hasher, meshIdPrefix } = this.#options;
    return passwordSecrets(hasher, meshIdPrefix, user, password);
  }

  /**
   * Goes on with that token, on all links that are there and those to come. Whether it is void shows when a peer sees it.
   * `from`: where the person is, when this program speaks for somebody elsewhere; absent: as before.
   */
  async use(token: string | undefined, from = this.#from): Promise<void> {
    this.#token = token;
    this.#from = from;
    this.#who = undefined;
    const { links, arrived } = this.#options;
    const tell = async (link: Link): Promise<void> => {
      if (token === undefined) await link.call('logout', {});
      else await this.introduce(link);
      arrived(link);
    };
    // One that cannot be told is not gone on with: it would be asked as nobody.
    await Promise.all(links().map((link) => tell(link).catch(() => link.close('it cannot be told who asks'))));
  }

  /** Tells a peer whose link it is. Rejects when it cannot be told; a token that is void leaves it nobody's. */
  async introduce(link: Link): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    const from = this.#from === undefined ? {} : { from: this.#from };
    for (let tries = 1; ; tries++) {
      try {
        const { reply } = await link.call('session', { token, ...from }, { deadlineMs: SESSION_MS });
        if (token === this.#token) this.#who = whoOf(reply);
        return;
      } catch (thrown) {
        const error = asMeshError(thrown);
        if (error.code === 'not-allowed') return;
        if (error.code !== 'busy' || tries >= YOUNG_TRIES_MAX) throw error;
      }
      await pause(this.#options.clock, YOUNG_PAUSE_MS);
    }
  }

  /** What a refusal means for who asked, and what to do next; other errors as they are. */
  async explained(error: MeshError, link: Link): Promise<MeshError> {
    if (error.code !== 'not-allowed') return error;
    const cause = { cause: error };
    if (this.#token === undefined)
      return new MeshError('not-allowed', 'this mesh has accounts: log in with "filemesh login NAME"', cause);
    this.#who = undefined;
    await this.introduce(link).catch(() => undefined);
    // Not as a property read: the compiler believes it unchanged since.
    const who = this.who as SignedIn | undefined;
    if (who === undefined)
      return new MeshError('not-allowed', 'the login is over: log in again with "filemesh login NAME"', cause);
    return new MeshError(
      'not-allowed',
      `${who.user} may not do that: "filemesh rights NAME" tells who may change a file or folder, and accounts and peers are for admins`,
      cause,
    );
  }
}

function whoOf({ user, admin, key }: Reply<'session'>): SignedIn {
  return { user, admin, ...(key !== undefined && { key }) };
}
