import {
  type AccountFact,
  excludesOf,
  type FoundingFact,
  laterFounding,
  laterSessionKey,
  type Made,
  madeByBoth,
  mergeAccounts,
  type SessionKeyFact,
} from './accounts.ts';
import { type GrantFact, mergeGrants } from './grants.ts';
import { byCodeUnits, type MeshId, type PeerId } from './ids.ts';
import { foldCase } from './path.ts';

/** The highest generation of a secret or key that is taken: nobody renews so often, and beyond it no peer reads a fact. */
export const GENERATION_MAX = 1_000_000;

/** What a session is in the mesh: a peer holds files, a client never does. */
export type Role = 'peer' | 'client';

/** An identity was admitted, with knowledge of the secret of `generation`. */
export interface MemberFact {
  readonly kind: 'member';
  readonly id: PeerId;
  readonly role: Role;
  /** The name it gives itself. Two peers may share one: the later PeerId is shown as `name-2`. */
  readonly name: string;
  readonly generation: number;
}

/** An identity was removed, for good. */
export interface RemovalFact {
  readonly kind: 'removal';
  readonly id: PeerId;
  /** The generation of the secret that the removal made: admissions under an older one count only for `members`. */
  readonly generation: number;
  /** The members of that moment, the removed one left out. */
  readonly members: readonly PeerId[];
}

/** A secret of the mesh. The present one is the highest generation, of equals the greater secret. */
export interface SecretFact {
  readonly kind: 'secret';
  readonly generation: number;
  readonly secret: string;
  /** Every identity whose removal its maker knew: nobody else may be trusted not to know it. */
  readonly excludes: readonly PeerId[];
}

/** A setting of the mesh. Higher revision wins; of concurrent ones (equal revision) the larger value. */
export interface SettingFact {
  readonly kind: 'setting';
  readonly name: 'replicas';
  readonly value: number;
  readonly revision: number;
  /** What was asked for, newest first, at most MADE_MAX: whoever asks again undoes nothing that was set since. */
  readonly made?: readonly Made[];
}

/** Where and how the mesh began: one a mesh, the first adopted stays. */
export interface MeshFact {
  readonly kind: 'mesh';
  readonly id: MeshId;
  readonly name: string;
}

/** Small records that every peer adopts, with one pure merge a kind. */
export type Fact =
  | MemberFact
  | RemovalFact
  | SecretFact
  | SettingFact
  | MeshFact
  | AccountFact
  | FoundingFact
  | GrantFact
  | SessionKeyFact;

/** The place of a fact in the set: two facts of one key are merged. */
export function factKey(fact: Fact): string {
  switch (fact.kind) {
    case 'member':
    case 'removal':
      return `${fact.kind}/${fact.id}`;
    case 'secret':
      // Concurrent renewals of one generation are all kept: a member that was told one of them must still be let in.
      return `secret/${String(fact.generation).padStart(8, '0')}/${fact.secret}`;
    case 'setting':
      return `setting/${fact.name}`;
    case 'mesh':
    case 'founding':
    case 'session-key':
      return fact.kind;
    case 'account':
      return `account/${fact.name}`;
    case 'grant':
      return grantKey(fact);
  }
}

/** The place of a grant: one for each account and path, however its case is written. */
export function grantKey({ who, path }: Pick<GrantFact, 'who' | 'path'>): string {
  return `grant/${who}/${foldCase(path)}`;
}

/** Merges two facts of one key: commutative, associative, idempotent. */
export function mergeFacts(a: Fact, b: Fact): Fact {
  if (a.kind === 'member' && b.kind === 'member') return laterMember(a, b);
  if (a.kind === 'removal' && b.kind === 'removal') return mergeRemovals(a, b);
  if (a.kind === 'secret' && b.kind === 'secret') {
    return { ...a, excludes: excludesOf(a.excludes, b.excludes) };
  }
  if (a.kind === 'setting' && b.kind === 'setting') return mergeSettings(a, b);
  if (a.kind === 'mesh' && b.kind === 'mesh') return byCodeUnits(a.id, b.id) <= 0 ? a : b;
  if (a.kind === 'account' && b.kind === 'account') return mergeAccounts(a, b);
  if (a.kind === 'founding' && b.kind === 'founding') return laterFounding(a, b);
  if (a.kind === 'grant' && b.kind === 'grant') return mergeGrants(a, b);
  if (a.kind === 'session-key' && b.kind === 'session-key') return laterSessionKey(a, b);
  return a;
}

function laterMember(a: MemberFact, b: MemberFact): MemberFact {
  if (a.generation !== b.generation) return a.generation > b.generation ? a : b;
  return byCodeUnits(memberOrder(a), memberOrder(b)) >= 0 ? a : b;
}

function mergeRemovals(a: RemovalFact, b: RemovalFact): RemovalFact {
  const members = a.members.filter((id) => b.members.includes(id)).sort(byCodeUnits);
  return { kind: 'removal', id: a.id, generation: Math.max(a.generation, b.generation), members };
}

function mergeSettings(a: SettingFact, b: SettingFact): SettingFact {
  const { kind, name, value, revision } = (a.revision - b.revision || a.value - b.value) >= 0 ? a : b;
  return { kind, name, value, revision, ...madeByBoth(a, b) };
}

function memberOrder(fact: MemberFact): string {
  return `${fact.role}/${fact.name}`;
}

/** The identities that are members now: admitted, not removed, and not admitted under a secret that a removal outdated. */
export function membersOf(facts: Iterable<Fact>): Map<PeerId, MemberFact> {
  const all = [...facts];
  const removals = all.filter((fact) => fact.kind === 'removal').sort((a, b) => b.generation - a.generation);
  const removed = new Set(removals.map((fact) => fact.id));
  const confirmed = confirmedBy(removals);
  // By generation: how many removals made a later one.
  const later = new Map<number, number>();
  const members = new Map<PeerId, MemberFact>();
  for (const fact of all) {
    if (fact.kind !== 'member' || removed.has(fact.id)) continue;
    const { generation } = fact;
    if (!later.has(generation)) later.set(generation, removals.filter((removal) => removal.generation > generation).length);
    // Outdated by a removal under a later secret that does not name it.
    if ((confirmed.get(fact.id) ?? 0) >= (later.get(generation) ?? 0)) members.set(fact.id, fact);
  }
  return members;
}

/** By identity: how many of the removals name it a member, from the first on without a gap. In steps by what they name, not by who asks. */
function confirmedBy(removals: readonly RemovalFact[]): ReadonlyMap<PeerId, number> {
  const confirmed = new Map<PeerId, number>();
  for (const [index, { members }] of removals.entries()) {
    for (const id of members) if ((confirmed.get(id) ?? 0) === index) confirmed.set(id, index + 1);
  }
  return confirmed;
}

/** Same fact, same text: members of the object, and texts of its lists, in order. Two decoders may give them in different ones. */
export function factText(fact: Fact): string {
  const entries = Object.entries(fact).map(([name, value]) => [name, Array.isArray(value) ? [...value].sort() : value]);
  return JSON.stringify(entries.sort((a, b) => byCodeUnits(String(a[0]), String(b[0]))));
}

/** The secret a newcomer must know now. */
export function presentSecret(facts: Iterable<Fact>): SecretFact | undefined {
  let present: SecretFact | undefined;
  for (const fact of facts) {
    if (fact.kind !== 'secret') continue;
    if (present === undefined || fact.generation > present.generation) present = fact;
    else if (fact.generation === present.generation && fact.secret > present.secret) present = fact;
  }
  return present;
}

/** True when somebody removed may know the present secret: the lowest live peer then renews it. */
export function mustRenewSecret(facts: Iterable<Fact>): boolean {
  const all = [...facts];
  return mayBeKnownToRemoved(all, presentSecret(all));
}

/** The same of the key that signs tokens. */
export function mustRenewSessionKey(facts: Iterable<Fact>): boolean {
  const all = [...facts];
  return mayBeKnownToRemoved(all, presentSessionKey(all));
}

function mayBeKnownToRemoved(facts: readonly Fact[], secret: SecretFact | SessionKeyFact | undefined): boolean {
  if (secret === undefined) return false;
  const excluded = new Set(secret.excludes);
  const removed = facts.flatMap((fact) => (fact.kind === 'removal' ? [fact.id] : []));
  // Of more than the next one would name those beyond are no reason: it would be made anew for ever.
  return excludesOf(removed, []).some((id) => !excluded.has(id));
}

/** The key that signs tokens now; undefined before there is an account. */
export function presentSessionKey(facts: Iterable<Fact>): SessionKeyFact | undefined {
  for (const fact of facts) if (fact.kind === 'session-key') return fact;
  return undefined;
}

/** UTF-16 units of a label: the name of a peer or a mesh, also as it is shown. */
export const LABEL_LENGTH_MAX = 64;

/**
 * The name each peer is shown under, the same on every peer: its own, or `name-2`, `name-3`… where lower PeerIds bear
 * it too; a long one is cut to make room for that. Clients are not named.
 */
export function shownPeerNames(members: Iterable<MemberFact>): Map<PeerId, string> {
  const peers = [...members].filter((member) => member.role === 'peer').sort((a, b) => byCodeUnits(a.id, b.id));
  const taken = new Set<string>();
  const names = new Map<PeerId, string>();
  for (const { id, name } of peers) {
    let shown = name;
    for (let ordinal = 2; taken.has(shown); ordinal++) shown = withEnding(name, `-${ordinal}`);
    taken.add(shown);
    names.set(id, shown);
  }
  return names;
}

/** `name` and `ending`, together a label: whole characters are left out before the ending where there is no room. */
function withEnding(name: string, ending: string): string {
  const characters = [...name];
  while (characters.join('').length + ending.length > LABEL_LENGTH_MAX) characters.pop();
  return `${characters.join('')}${ending}`;
}
