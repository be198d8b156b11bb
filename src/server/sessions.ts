import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { type AccountFact, parseToken, TOKEN_MS, type TokenFacts, tokenBody } from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import type { RequestId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Link } from '../wire/link.ts';
import { hostOf } from '../wire/remote-host.ts';

interface Slice {
  readonly clock: Clock;
  readonly random: Random;
  readonly catalog: Catalog;
}

/** Whose link it is, and from where they come. */
interface Session {
  readonly account: AccountFact;
  /** What signed the token. */
  readonly key: string;
  readonly expiresMs: number;
  readonly host: string;
}

/** What somebody may see. */
export interface Sight {
  /** Nothing is hidden from them, what the peer says of its folder neither. */
  readonly all: boolean;
  /** Whose it is: the account and its life, for who has the name later is another one. Empty where nobody need be told apart. */
  readonly name: string;
  sees(path: string): boolean;
  /** A folder that is hidden with all below it, around `path`: see `Rights`. */
  hiddenFolderOf(path: string): string | undefined;
}

export const ALL_SEEN: Sight = { all: true, name: '', sees: () => true, hiddenFolderOf: () => undefined };
const NOTHING: Sight = { all: false, name: '', sees: () => false, hiddenFolderOf: () => undefined };

/** Who speaks over which link of a client, and the tokens that show it to every peer. */
export class Sessions {
  readonly #slice: Slice;
  readonly #sessions = new WeakMap<Link, Session>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** A token for that account, and the link is theirs from now on. */
  begin(account: AccountFact, link: Link, host: string): string {
    const { random, clock, catalog } = this.#slice;
    const key = catalog.people.sessionKey();
    if (key === undefined) throw new MeshError('busy', 'the key that signs tokens has not come here yet');
    const { name, life, revision, verifier } = account;
    const facts: TokenFacts = {
      ...{ user: name, life, revision, generation: key.generation },
      expiresMs: Math.floor(clock.wall()) + TOKEN_MS,
      nonce: randomHex(random, 16),
    };
    this.#sessions.set(link, { account, key: key.key, expiresMs: facts.expiresMs, host });
    const body = tokenBody(facts);
    return [body, markOf(key.key, body), signatureOf(key.key, body, verifier)].join('.');
  }

  /** The link is that of who has the token. Throws as `check` does: then it is nobody's. */
  resume(token: string, link: Link, host: string): AccountFact {
    this.#sessions.delete(link);
    const { account, key, expiresMs } = this.#proved(token);
    this.#sessions.set(link, { account, key, expiresMs, host });
    return account;
  }

  /** Whose a token is. Throws `busy` for one that may be younger than what is known here, `not-allowed` for one that is void. */
  check(token: string): AccountFact {
    return this.#proved(token).account;
  }

  #proved(token: string): Omit<Session, 'host'> {
    const { clock, catalog } = this.#slice;
    const parsed = parseToken(token);
    if (parsed === undefined) throw voidToken();
    const { facts, body, mark, signature } = parsed;
    const key = catalog.people.sessionKey();
    if (key === undefined || facts.generation > key.generation) throw tooYoung();
    // No peer made it. Said before anything is looked up: nobody learns which accounts there are, and how often they changed.
    if (!isSame(markOf(key.key, body), mark)) throw voidToken();
    const account = this.#known(facts.user);
    if (account === undefined || isYounger(facts, account)) throw tooYoung();
    const isOf = !account.removed && account.life === facts.life && account.revision === facts.revision;
    const isSigned = isSame(signatureOf(key.key, body, account.verifier), signature);
    if (!(isOf && isSigned && facts.expiresMs > clock.wall())) throw voidToken();
    return { account, key: key.key, expiresMs: facts.expiresMs };
  }

  /** A removed one too; undefined: not heard of yet. */
  #known(name: string): AccountFact | undefined {
    const { people } = this.#slice.catalog;
    return people.accounts().get(name) ?? people.accountFact(name);
  }

  end(link: Link): void {
    this.#sessions.delete(link);
  }

  /** Who speaks over a link; undefined: nobody, or their login is void by now. */
  personOf(link: Link): AccountFact | undefined {
    const session = this.#sessions.get(link);
    if (session === undefined) return undefined;
    const { catalog, clock } = this.#slice;
    const account = catalog.people.accounts().get(session.account.name);
    // Whoever knows the key that was renewed may have made the token.
    if (account === undefined || !isSameLogin(account, session.account)) return undefined;
    if (catalog.people.sessionKey()?.key !== session.key || session.expiresMs <= clock.wall()) return undefined;
    return account;
  }

  /** Where whoever speaks over a link is. */
  hostOf(link: Link): string {
    return this.#sessions.get(link)?.host ?? hostOf(link.remoteAddress);
  }

  /** What whoever asks over that link may see: everything while there are no accounts, and for a peer. */
  sightOf(link: Link): Sight {
    const { people } = this.#slice.catalog;
    if (link.role === 'peer' || !people.hasAccounts()) return ALL_SEEN;
    return this.#sightOf(this.personOf(link));
  }

  /** What that account may see now. */
  sightOfAccount(name: string): Sight {
    return this.#sightOf(this.#slice.catalog.people.accounts().get(name));
  }

  /** The same of whoever a `Sight` was named after, as far as this peer has heard of them. */
  sightNamed(name: string): Sight {
    const account = this.#slice.catalog.people.accounts().get(name.split('.')[0] ?? '');
    return account === undefined || lifeNameOf(account) !== name ? { ...NOTHING, name } : this.#sightOf(account);
  }

  /**
   * The name under which an upload of theirs is known: what others begin has another, whatever id they give it. As it is while
   * there are no accounts, and for admins, who may have everything.
   */
  ownUpload(upload: RequestId, link: Link): RequestId {
    const { all, name } = this.sightOf(link);
    if (all) return upload;
    const digest = createHash('sha256').update(`filemesh upload\0${name}\0${upload}`).digest('hex');
    return digest.slice(0, upload.length) as RequestId;
  }

  #sightOf(account: AccountFact | undefined): Sight {
    if (account === undefined) return NOTHING;
    if (account.admin) return ALL_SEEN;
    const rights = this.#slice.catalog.people.rights();
    return {
      all: false,
      name: lifeNameOf(account),
      sees: (path) => rights.mayRead(account, path),
      hiddenFolderOf: (path) => rights.hiddenFolderOf(account, path),
    };
  }
}

/** No account has a name with a dot. */
function lifeNameOf({ name, life }: AccountFact): string {
  return `${name}.${life}`;
}

/** 32 hex digits. */
function markOf(key: string, body: string): string {
  return createHmac('sha256', Buffer.from(key, 'hex')).update(`filemesh mark\0${body}`).digest('hex').slice(0, 32);
}

function signatureOf(key: string, body: string, verifier: string): string {
  return createHmac('sha256', Buffer.from(key, 'hex')).update(`filemesh token\0${body}\0${verifier}`).digest('hex');
}

/** The token may be of a change of the account that has not come here yet. */
function isYounger(facts: TokenFacts, account: AccountFact): boolean {
  if (facts.life !== account.life) return facts.life > account.life;
  return !account.removed && facts.revision > account.revision;
}

/** Nothing ended the logins of that account: neither another password nor another life. */
function isSameLogin(a: AccountFact, b: AccountFact): boolean {
  return a.life === b.life && a.revision === b.revision && a.verifier === b.verifier;
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

function voidToken(): MeshError {
  return new MeshError('not-allowed', 'this login is void');
}

function tooYoung(): MeshError {
  return new MeshError('busy', 'this login is younger than what is known here');
}
