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
  /** Counts the changes of `admin` alone. Absent in facts of earlier versions: see `adminRevisionOf`. */
  readonly adminRevision?: number;
  /** What the peers keep of the password: an argon2id hash in PHC form, of what the client derived from it. */
  readonly verifier: string;
  readonly recipient?: string;
  readonly wrapped?: string;
  /** It is gone; kept so that no other fact of this life brings it back. */
  readonly removed: boolean;
  /** What was asked for to make it so, newest first, at most MADE_MAX: whoever asks for one again is told that it is done. */
  readonly made?: readonly Made[];
}

/** A request that was carried out. */
export interface Made {
  /** One more than of all that the peer which did it knew of. */
  readonly turn: number;
  /** See `callWords`. */
  readonly words: string;
}

/** Whose account was the first: in its first life it is an admin's. Of two that were made at once, at two peers, one is. */
export interface FoundingFact {
  readonly kind: 'founding';
  readonly name: string;
  /** 32 hex digits, drawn by the peer that made the account; the lower one counts. No clock can tell who was first. */
  readonly lot: string;
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

/** Identities that a secret or key excludes: it travels in one note, and each takes 66 bytes of its 255 KiB. Range 3,500–3,900. */
const EXCLUDES_MAX = 3_900;
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
/** Requests an account or a setting remembers: more changes than anybody makes while a client tries again. Range 4–50. */
export const MADE_MAX = 16;
/** The folder whose folders belong each to the account of its name. */
export const HOMES = 'home';

/** Changes of one account or grant: has room in a token. */
export const REVISION_MAX = 1e12;
/** How often a name may be given anew. */
export const LIFE_MAX = 1e6;

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

/**
 * Merges two facts of one account: commutative, associative, idempotent. A later life counts, and in one life the end of it, whatever
 * the removed one changes elsewhere meanwhile. Password and admin rights are apart: what changes one side's undoes none of the other's.
 */
export function mergeAccounts(a: AccountFact, b: AccountFact): AccountFact {
  const [one, other] = a.life === b.life ? [a, b] : a.life > b.life ? [a, a] : [b, b];
  return { ...mergeLives(one, other), ...madeByBoth(a, b) };
}

function mergeLives(a: AccountFact, b: AccountFact): AccountFact {
  const { kind, name, life } = a;
  const revision = Math.max(a.revision, b.revision);
  if (a.removed || b.removed) return { kind, name, life, revision, admin: false, verifier: VERIFIER_NOBODY, removed: true };
  const adminRevision = Math.max(adminRevisionOf(a), adminRevisionOf(b));
  // Of two at once the one that takes rights away is believed.
  const admin = [a, b].every((one) => one.admin || adminRevisionOf(one) < adminRevision);
  const isOfA = (a.revision - b.revision || byCodeUnits(passwordOrder(a), passwordOrder(b))) >= 0;
  const { verifier, recipient, wrapped } = isOfA ? a : b;
  const key = { ...(recipient !== undefined && { recipient }), ...(wrapped !== undefined && { wrapped }) };
  return { kind, name, life, revision, admin, adminRevision, verifier, ...key, removed: false };
}

/** The revision that follows. No peer makes another send by a high one what nobody takes: the last one stays. */
export function revisionAfter(revision: number): number {
  return Math.min(revision + 1, REVISION_MAX);
}

/** Of an account as earlier versions wrote it every change was one of that too. */
export function adminRevisionOf({ adminRevision, revision }: AccountFact): number {
  return adminRevision ?? revision;
}

/** Merges two foundings: every peer ends with the same one, whatever came first there. */
export function laterFounding(a: FoundingFact, b: FoundingFact): FoundingFact {
  return (byCodeUnits(a.lot, b.lot) || byCodeUnits(a.name, b.name)) <= 0 ? a : b;
}

/** Merges two session keys: every peer ends with the same one. */
export function laterSessionKey(a: SessionKeyFact, b: SessionKeyFact): SessionKeyFact {
  const order = a.generation - b.generation || byCodeUnits(a.key, b.key);
  const excludes = excludesOf(order < 0 ? [] : a.excludes, order > 0 ? [] : b.excludes);
  return { ...(order >= 0 ? a : b), excludes };
}

/**
 * The identities that two forms of a secret or key exclude, in one order, whichever comes first. Of more than have room, which only
 * somebody who lies tells of, everywhere the same stay: or else nobody could be told of the secret any more.
 */
export function excludesOf(a: readonly PeerId[], b: readonly PeerId[]): PeerId[] {
  return [...new Set([...a, ...b])].sort(byCodeUnits).slice(0, EXCLUDES_MAX);
}

function passwordOrder({ verifier, recipient = '', wrapped = '' }: AccountFact): string {
  return [verifier, recipient, wrapped].join('/');
}

/** A request as a fact remembers it: no request stands for another call. */
export function callWords(call: string, request: RequestId): string {
  return `${call} ${request}`;
}

/** What a fact remembers of what it was asked for. */
interface Remembering {
  readonly made?: readonly Made[];
}

/** What the merge of two facts remembers. */
export function madeByBoth(a: Remembering, b: Remembering): Remembering {
  const made = newestOf([...(a.made ?? []), ...(b.made ?? [])]);
  return made.length === 0 ? {} : { made };
}

/** What the fact that follows `known` remembers, when that made it; without words nobody asks for it again. */
export function madeAfter(known: Remembering | undefined, words: string | undefined): Remembering {
  const before = known?.made ?? [];
  const turn = revisionAfter(Math.max(-1, ...before.map((one) => one.turn)));
  const made = newestOf([...(words === undefined ? [] : [{ turn, words }]), ...before]);
  return made.length === 0 ? {} : { made };
}

/** Each once, and no more than are remembered: of any two lists of them the same, in whatever order they were put together. */
function newestOf(made: readonly Made[]): readonly Made[] {
  const byKey = new Map(made.map(({ turn, words }) => [`${turn} ${words}`, { turn, words }]));
  return [...byKey.values()].sort((a, b) => b.turn - a.turn || byCodeUnits(a.words, b.words)).slice(0, MADE_MAX);
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
 * What a token begins with; its mark, 32 hex digits, and its signature, 64, follow, each after a dot. Marked is this alone: that some
 * peer made it can be told of an account too that is not known yet. Signed is this, and the verifier of the account: of two
 * passwords that are set at once one revision comes, and the one that counts ends what the other gave.
 */
export function tokenBody({ user, life, revision, generation, expiresMs, nonce }: TokenFacts): string {
  return [user, life, revision, generation, expiresMs, nonce].join('.');
}

/** A token taken apart; undefined when it is none. Nothing of it is proved before its signature is. */
export function parseToken(token: string): Token | undefined {
  const parts = TOKEN.exec(token);
  if (parts === null) return undefined;
  const [, user = '', life, revision, generation, expiresMs, nonce = '', mark = '', signature = ''] = parts;
  const [numbers, expires] = [
    { life: Number(life), revision: Number(revision), generation: Number(generation) },
    Number(expiresMs),
  ];
  const facts = { user, ...numbers, expiresMs: expires, nonce };
  return { facts, body: tokenBody(facts), mark, signature };
}

const TOKEN =
  /^([a-z0-9_-]{1,32})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.([0-9a-f]{32})\.([0-9a-f]{32})\.([0-9a-f]{64})$/;

/** A token taken apart. */
export interface Token {
  readonly facts: TokenFacts;
  /** See `tokenBody`. */
  readonly body: string;
  readonly mark: string;
  readonly signature: string;
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
