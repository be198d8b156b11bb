import { byCodeUnits, type PeerId, type RequestId } from './ids.ts';
import { faultOfPath } from './path.ts';

/** What one may do with a path: `none` hides it. */
export type Right = 'none' | 'read' | 'write';

/** The sealing key of an account: the public half, and the private one wrapped by its password. Never opened by a peer. */
export interface AccountKey {
  /** `age1…` */
  readonly recipient: string;
  /** Base64. */
  readonly wrapped: string;
}

/** Somebody who may log in. */
export interface AccountFact {
  readonly kind: 'account';
  readonly name: string;
  /** Counts how often the name was given anew: what was given to, or by, an earlier one of that name is void. */
  readonly life: number;
  /** Counts the changes of this life: a token made under another one is void. */
  readonly revision: number;
  readonly admin: boolean;
  /** What the peers keep of the password: an argon2id hash in PHC form, of what the client derived from it. */
  readonly verifier: string;
  readonly recipient?: string;
  readonly wrapped?: string;
  /** It is gone; kept so that no other fact of this life brings it back. */
  readonly removed: boolean;
  /** What made this fact: whoever asks for that again is told that it is done. Absent: nobody asks again. */
  readonly request?: RequestId;
  /** What made those before it, newest first, each with its call: at most EARLIER_REQUESTS_MAX. */
  readonly earlier?: readonly string[];
}

/** Whose account was the first: in its first life it is an admin's. Of two that were made at once, at two peers, one is. */
export interface FoundingFact {
  readonly kind: 'founding';
  readonly name: string;
  /** 32 hex digits, drawn by the peer that made the account; the lower one counts. No clock can tell who was first. */
  readonly lot: string;
}

/** What one account, or everyone, may do with a path and all below it. */
export interface GrantFact {
  readonly kind: 'grant';
  readonly path: string;
  /** The name of an account, or EVERYONE. */
  readonly who: string;
  /** Of the account, when this was said; of EVERYONE 0. Of another life it is void. */
  readonly life: number;
  /** The same of whose home the path lies in; elsewhere 0. */
  readonly homeLife: number;
  readonly right: Right;
  readonly revision: number;
  /** As of an account. */
  readonly request?: RequestId;
  /** As of an account, without calls: there is one. */
  readonly earlier?: readonly RequestId[];
}

/** A secret of the peers alone: it signs the tokens of those who logged in. The highest generation counts. */
export interface SessionKeyFact {
  readonly kind: 'session-key';
  readonly generation: number;
  /** 64 hex digits. */
  readonly key: string;
  /** Every identity whose removal its maker knew: nobody else may be trusted not to know it. */
  readonly excludes: readonly PeerId[];
}

/** The word of a grant that means all accounts. */
export const EVERYONE = 'everyone';
/** Accounts of one mesh, removed ones not counted. Range 100–10,000: what a list of them fits in one answer. */
export const ACCOUNTS_MAX = 1_000;
/** Names that ever were one's: those of removed accounts are remembered for ever. Range 2,000–50,000. */
export const ACCOUNT_NAMES_MAX = 10_000;
/** Grants of one mesh. Range 1,000–100,000: every peer keeps all of them in memory. */
export const GRANTS_MAX = 10_000;
/** Of these in one home: nobody uses up those of all. Range 20–1,000. */
export const HOME_GRANTS_MAX = 200;
/** Of all in homes: there is always room for those of admins. */
export const HOMES_GRANTS_MAX = GRANTS_MAX / 2;
/** Characters of an account's name: it is a folder below HOMES. */
const ACCOUNT_NAME_LENGTH_MAX = 32;
/** Requests a fact remembers beside its own, as a version does: more changes than anybody makes while a client tries again. Range 5–50. */
export const EARLIER_REQUESTS_MAX = 15;
/** The folder whose folders belong each to the account of its name. */
export const HOMES = 'home';

/** How long a login lasts: 30 days. Range 1–365 days. */
export const TOKEN_MS = 30 * 86_400_000;

/** What a client derives from a password, and how; `docs/protocol.md` has the whole of it. */
export const PASSWORD_SALT_LABEL = 'filemesh account';
export const PROOF_LABEL = 'filemesh login';
export const WRAP_LABEL = 'filemesh wrap';

const NAME = /^[a-z0-9][a-z0-9_-]*$/;
export const ACCOUNT_NAME_WORDS = `1 to ${ACCOUNT_NAME_LENGTH_MAX} of a-z, 0-9, "-" and "_", beginning with a letter or a digit`;

/** True for what may name an account: the same on every disk, and one name however it is written. */
export function isAccountName(text: string): boolean {
  return text.length <= ACCOUNT_NAME_LENGTH_MAX && NAME.test(text) && text !== EVERYONE && faultOfPath(text) === undefined;
}

/** Merges two facts of one account: commutative, associative, idempotent. */
export function laterAccount(a: AccountFact, b: AccountFact): AccountFact {
  if (a.life !== b.life) return a.life > b.life ? a : b;
  // Whatever the removed one changes elsewhere meanwhile.
  if (a.removed !== b.removed) return a.removed ? a : b;
  if (a.revision !== b.revision) return a.revision > b.revision ? a : b;
  return byCodeUnits(accountOrder(a), accountOrder(b)) >= 0 ? a : b;
}

/** Merges two grants of one path and account. Of concurrent ones the stricter counts. */
export function laterGrant(a: GrantFact, b: GrantFact): GrantFact {
  const older = a.homeLife - b.homeLife || a.life - b.life;
  if (older !== 0) return older > 0 ? a : b;
  if (a.revision !== b.revision) return a.revision > b.revision ? a : b;
  if (a.right !== b.right) return STRICTNESS.indexOf(a.right) < STRICTNESS.indexOf(b.right) ? a : b;
  const order = byCodeUnits(a.path, b.path) || byCodeUnits(a.request ?? '', b.request ?? '');
  return (order || byCodeUnits(wordsOf(a.earlier), wordsOf(b.earlier))) <= 0 ? a : b;
}

/** Merges two foundings: every peer ends with the same one, whatever came first there. */
export function laterFounding(a: FoundingFact, b: FoundingFact): FoundingFact {
  return (byCodeUnits(a.lot, b.lot) || byCodeUnits(a.name, b.name)) <= 0 ? a : b;
}

/** Merges two session keys: every peer ends with the same one. */
export function laterSessionKey(a: SessionKeyFact, b: SessionKeyFact): SessionKeyFact {
  const order = a.generation - b.generation || byCodeUnits(a.key, b.key);
  const excludes = [...(order < 0 ? [] : a.excludes), ...(order > 0 ? [] : b.excludes)];
  // In one order, whichever of them it is.
  return { ...(order >= 0 ? a : b), excludes: [...new Set(excludes)].sort(byCodeUnits) };
}

const STRICTNESS: readonly GrantFact['right'][] = ['none', 'read', 'write'];

function accountOrder({ admin, verifier, recipient = '', wrapped = '', request, earlier }: AccountFact): string {
  // Of two changes at once the one that takes rights away is believed: so `admin` comes last.
  return [admin ? '0' : '1', verifier, recipient, wrapped, request ?? '', wordsOf(earlier)].join('/');
}

function wordsOf(requests: readonly string[] = []): string {
  return requests.join();
}

/** A request as an account remembers it: no request stands for another call. */
export function callWords(call: string, request: RequestId): string {
  return `${call} ${request}`;
}

/** What was carried out to make this account what it is, as far as it is remembered, newest first. */
export function requestsOf({ request, removed, revision, earlier = [] }: AccountFact): readonly string[] {
  if (request === undefined) return earlier;
  const call = removed ? 'user-remove' : revision === 1 ? 'user-add' : 'user-passwd';
  return [callWords(call, request), ...earlier];
}

/** What a fact that follows one with these requests remembers of them. */
export function asEarlier<Request extends string>(requests: readonly Request[]): { earlier?: readonly Request[] } {
  return requests.length === 0 ? {} : { earlier: requests.slice(0, EARLIER_REQUESTS_MAX) };
}

/** What a login gives, as it stands in its token. */
export interface TokenFacts {
  readonly user: string;
  /** Of the account, when it logged in; so the revision. */
  readonly life: number;
  readonly revision: number;
  /** Of the session key that signed it. */
  readonly generation: number;
  readonly expiresMs: number;
  /** 32 hex digits. */
  readonly nonce: string;
}

/**
 * What a token begins with; a dot and its signature, 64 hex digits, follow. Signed is this, and the verifier of the account:
 * of two passwords that are set at once one revision comes, and the one that counts ends what the other gave.
 */
export function tokenBody({ user, life, revision, generation, expiresMs, nonce }: TokenFacts): string {
  return [user, life, revision, generation, expiresMs, nonce].join('.');
}

/** A token taken apart; undefined when it is none. Nothing of it is proved before its signature is. */
export function parseToken(token: string): { facts: TokenFacts; body: string; signature: string } | undefined {
  const parts = /^([a-z0-9_-]{1,32})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{32})\.([0-9a-f]{64})$/.exec(
    token,
  );
  if (parts === null) return undefined;
  const [, user = '', life, revision, generation, expiresMs, nonce = '', signature = ''] = parts;
  const [numbers, expires] = [
    { life: Number(life), revision: Number(revision), generation: Number(generation) },
    Number(expiresMs),
  ];
  const facts = { user, ...numbers, expiresMs: expires, nonce };
  return { facts, body: tokenBody(facts), signature };
}

/** The head of every verifier: the costs of `Hasher.passwordKey`. */
const VERIFIER_HEAD = '$argon2id$v=19$m=19456,t=2,p=1$';
/** A verifier: the head, 16 bytes of salt and 32 of hash in base64 without padding. */
export const VERIFIER_PATTERN = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** The PHC form of a hash. `salt`, `hash`: base64 without padding. */
export function verifierOf(salt: string, hash: string): string {
  return `${VERIFIER_HEAD}${salt}$${hash}`;
}

/** What a removed account has for one: no password gives it. */
export const VERIFIER_NOBODY = verifierOf('A'.repeat(22), 'A'.repeat(43));
