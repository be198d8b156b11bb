import type { SessionKeyFact } from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import {
  type Fact,
  GENERATION_MAX,
  type MemberFact,
  membersOf,
  mustRenewSecret,
  presentSecret,
  presentSessionKey,
  type RemovalFact,
  type Role,
  type SecretFact,
} from '../core/facts.ts';
import { byCodeUnits, type PeerId } from '../core/ids.ts';
import type { KnownSecret, Standing } from '../wire/greeting.ts';

/**
 * The generation a line's secret stands for while no fact says which it is: above all that facts name. Who is admitted
 * by it gets no fact from this end, for this end is the newcomer.
 */
export const LINE_GENERATION = GENERATION_MAX + 1;

/**
 * Clients that get a fact when they are admitted. Above, a client is a guest: it proves the secret each time it comes. A
 * removal names all members of its moment in one note, and who has the line can make identities. Range 200–2,000.
 */
export const CLIENT_MEMBERS_MAX = 1_500;

/**
 * Identities that one fact names: it travels in one note, and each takes 66 bytes of its 255 KiB. Range 2,000–3,900: two sides of
 * a cut may each name some that the other does not.
 */
export const NAMED_MAX = 3_500;

/** Who is a member by `membersOf(facts)`: given by whoever keeps it, for there are greetings in plenty. */
type Members = ReadonlyMap<PeerId, MemberFact>;

/** What is known of an identity by its key. */
export function standingOf(facts: readonly Fact[], id: PeerId, members: Members = membersOf(facts)): Standing {
  if (facts.some((fact) => fact.kind === 'removal' && fact.id === id)) return 'removed';
  return members.has(id) ? 'member' : 'unknown';
}

/** The secrets to prove with: of the facts, and of the line when no fact has it. */
export function knownSecrets(facts: readonly Fact[], lineSecret: string | undefined): KnownSecret[] {
  const secrets: KnownSecret[] = facts.filter((fact) => fact.kind === 'secret');
  if (lineSecret === undefined || secrets.some(({ secret }) => secret === lineSecret)) return secrets;
  return [...secrets, { generation: LINE_GENERATION, secret: lineSecret }];
}

/**
 * Whether a secret of that generation admits now: the present one alone, and not while somebody removed may know it, for
 * an older one may be known to whom it was renewed against.
 */
export function admitsNow(facts: readonly Fact[], generation: number): boolean {
  if (generation === LINE_GENERATION) return true;
  return generation >= (presentSecret(facts)?.generation ?? 0) && !mustRenewSecret(facts);
}

/** Who asks to be let in, as the greeting and its `hello` told. */
export interface Newcomer {
  readonly id: PeerId;
  readonly role: Role;
  readonly name: string;
  readonly provedGeneration: number | undefined;
}

/** What is to be done about one that has greeted. */
export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'admitted'; readonly fact: MemberFact }
  | { readonly kind: 'guest' }
  | { readonly kind: 'refused'; readonly reason: string };

const KNOWN: Verdict = { kind: 'known' };

/** Whether a greeted identity may have a link, and the fact its admission makes. The greeting has checked key or proof. */
export function verdictOn(facts: readonly Fact[], newcomer: Newcomer, members: Members = membersOf(facts)): Verdict {
  const { id, role, name, provedGeneration: generation } = newcomer;
  if (standingOf(facts, id, members) === 'removed') return { kind: 'refused', reason: 'it was removed from the mesh' };
  const member = members.get(id);
  if (member?.role === role) return KNOWN;
  // A client has no business under a peer's key: two processes with one identity look like a cloned disk.
  if (member?.role === 'peer') return { kind: 'refused', reason: 'it is known as a peer and comes as a client' };
  if (generation === undefined) return { kind: 'refused', reason: 'it is known as a client and proved no secret' };
  // This end is new itself: whoever admits it tells it who the others are.
  if (generation === LINE_GENERATION) return KNOWN;
  if (!admitsNow(facts, generation)) return { kind: 'refused', reason: 'its secret was renewed since' };
  if (role === 'client' && clientsAmong(members) >= CLIENT_MEMBERS_MAX) return { kind: 'guest' };
  return { kind: 'admitted', fact: { kind: 'member', id, role, name, generation } };
}

function clientsAmong(members: Members): number {
  let count = 0;
  for (const { role } of members.values()) if (role === 'client') count++;
  return count;
}

/**
 * The facts that remove one identity for good: members of this moment, a secret and a key of tokens it does not know. Of more members
 * than one note names those count that are `here`, then those who came under the oldest secrets: who has a line can make identities
 * in any number, and must be put out with all of them. `full`: as many were removed as can be remembered.
 */
export function removalOf(
  facts: readonly Fact[],
  id: PeerId,
  { secret, key, here }: { readonly secret: string; readonly key: string; readonly here: ReadonlySet<PeerId> },
): Fact[] {
  if (removedOf(facts).length >= NAMED_MAX)
    throw new MeshError('full', `${NAMED_MAX} identities were removed from this mesh, as many as it can remember: begin another`);
  const generation = nextGeneration(facts);
  const rankOf = (member: MemberFact) => (here.has(member.id) ? -1 : member.generation);
  const members = [...membersOf(facts).values()]
    .filter((member) => member.id !== id)
    .sort((a, b) => rankOf(a) - rankOf(b) || byCodeUnits(a.id, b.id))
    .slice(0, NAMED_MAX)
    .map((member) => member.id)
    .sort(byCodeUnits);
  const removal: RemovalFact = { kind: 'removal', id, generation, members };
  const after = [...facts, removal];
  const sessionKey = sessionKeyOf(after, key);
  return [removal, renewalOf(after, secret, generation), ...(sessionKey === undefined ? [] : [sessionKey])];
}

/** A secret that nobody removed knows. */
export function renewalOf(facts: readonly Fact[], secret: string, generation: number = nextGeneration(facts)): SecretFact {
  return { kind: 'secret', generation, secret, excludes: removedOf(facts) };
}

/** A key of tokens that nobody removed knows; undefined before there is an account. */
export function sessionKeyOf(facts: readonly Fact[], key: string): SessionKeyFact | undefined {
  const present = presentSessionKey(facts);
  if (present === undefined) return undefined;
  return { kind: 'session-key', generation: nextOf(present.generation), key, excludes: removedOf(facts) };
}

function removedOf(facts: readonly Fact[]): PeerId[] {
  return [...new Set(facts.flatMap((fact) => (fact.kind === 'removal' ? [fact.id] : [])))].sort(byCodeUnits);
}

function nextGeneration(facts: readonly Fact[]): number {
  return nextOf(presentSecret(facts)?.generation ?? 0);
}

/** A peer turned bad may have said the last one: who is removed then is out by his key, and newcomers are admitted no more. */
function nextOf(generation: number): number {
  return Math.min(GENERATION_MAX, generation + 1);
}
