import type { AccountFact, FoundingFact, SessionKeyFact } from '../core/accounts.ts';
import { MeshError } from '../core/errors.ts';
import { type Fact, factKey, factText, type MemberFact, membersOf, mergeFacts, shownPeerNames } from '../core/facts.ts';
import { byCodeUnits, type PeerId } from '../core/ids.ts';
import { accountsOf, grantsInForce, Rights } from '../core/rights.ts';
import { wantedCopies } from '../core/settings.ts';
import type { Batch } from './change-queue.ts';
import { encodeFact } from './persistence.ts';
import { factStoreKey } from './store-keys.ts';

/** Facts kept. Range 1,000–1,000,000: 50 peers and some hundred clients make a few thousand in years. */
export const FACTS_KNOWN_MAX = 100_000;
/** Of these, admissions of clients: a removal names all members of its moment, in one note. Range 2,000–3,000. */
export const CLIENT_FACTS_MAX = 3_000;
/** Kept though it be more than FACTS_KNOWN_MAX, up to twice as many: whatever else there is, somebody can be put out. */
const ALWAYS_KEPT: ReadonlySet<Fact['kind']> = new Set(['removal', 'secret', 'session-key', 'account']);
/** Digits of a PeerId that stand for a peer without a name. */
const ID_DIGITS_SHOWN = 8;

/** The facts adopted here, and what follows from them. */
export class FactsBook {
  readonly #facts = new Map<string, Fact>();
  /** Of all facts, in order; but for the new ones. */
  #keys: readonly string[] = [];
  #newKeys: string[] = [];
  /** What follows is asked for at each path: it is worked out once, until a fact changes that it follows from. */
  #sorted: readonly Fact[] | undefined;
  #wantedCopies: number | undefined;
  #members: Map<PeerId, MemberFact> | undefined;
  #names: Map<PeerId, string> | undefined;
  #accounts: ReadonlyMap<string, AccountFact> | undefined;
  #rights: Rights | undefined;
  #hasAccounts = false;

  /** In the order of their keys. */
  all(): readonly Fact[] {
    if (this.#newKeys.length > 0) {
      // Two orders one behind the other are sorted in few steps: see TimSort.
      this.#keys = [...this.#keys, ...this.#newKeys.sort(byCodeUnits)].sort(byCodeUnits);
      this.#newKeys = [];
    }
    this.#sorted ??= this.#keys.map((key) => this.#facts.get(key) as Fact);
    return this.#sorted;
  }

  /** R. */
  wantedCopies(): number {
    this.#wantedCopies ??= wantedCopies(this.#facts.values());
    return this.#wantedCopies;
  }

  members(): Map<PeerId, MemberFact> {
    this.#members ??= membersOf(this.#facts.values());
    return this.#members;
  }

  /** The accounts there are, by name. */
  accounts(): ReadonlyMap<string, AccountFact> {
    this.#accounts ??= accountsOf(this.#facts.values());
    return this.#accounts;
  }

  /** What is told of the account of that name, which may be removed; undefined: there never was one. */
  accountFact(name: string): AccountFact | undefined {
    return this.#facts.get(`account/${name}`) as AccountFact | undefined;
  }

  /** Whose account was the first, as far as is known here; undefined before there is one. */
  founder(): FoundingFact | undefined {
    return this.#facts.get('founding') as FoundingFact | undefined;
  }

  /** True once there was an account, though it be removed: what they keep apart does not become everybody's by that. */
  hasAccounts(): boolean {
    return this.#hasAccounts;
  }

  rights(): Rights {
    this.#rights ??= new Rights(grantsInForce(this.#facts.values()));
    return this.#rights;
  }

  /** The key that signs tokens now; undefined before there is an account. */
  sessionKey(): SessionKeyFact | undefined {
    return this.#facts.get('session-key') as SessionKeyFact | undefined;
  }

  shownName(peer: PeerId): string {
    this.#names ??= shownPeerNames(this.members().values());
    return this.#names.get(peer) ?? peer.slice(0, ID_DIGITS_SHOWN);
  }

  set(fact: Fact): void {
    const key = factKey(fact);
    if (!this.#facts.has(key)) this.#newKeys.push(key);
    this.#facts.set(key, fact);
    this.#sorted = undefined;
    if (fact.kind === 'setting') this.#wantedCopies = undefined;
    if (fact.kind === 'member' || fact.kind === 'removal') {
      this.#members = undefined;
      this.#names = undefined;
    }
    if (fact.kind === 'account' || fact.kind === 'founding') this.#accounts = undefined;
    if (fact.kind === 'account') this.#hasAccounts = true;
    if (fact.kind === 'account' || fact.kind === 'grant') this.#rights = undefined;
  }

  /** `fact` and what is known under its key, in the one form that later merges give it. */
  mergedWith(fact: Fact): Fact {
    return mergeFacts(this.#facts.get(factKey(fact)) ?? fact, fact);
  }

  /** Adds to the batch what adopting `facts` changes; returns the facts as merged, those that changed. */
  adopt(facts: readonly Fact[], batch: Batch): Fact[] {
    const changed = new Map<string, Fact>();
    for (const fact of facts) {
      const key = factKey(fact);
      const before = changed.get(key) ?? this.#facts.get(key);
      // Merged with itself a fact takes the one form that later merges give it.
      const after = mergeFacts(before ?? fact, fact);
      if (before === undefined || factText(before) !== factText(after)) changed.set(key, after);
    }
    this.#leaveOutClients(changed);
    const isKept = [...changed.values()].every(({ kind }) => ALWAYS_KEPT.has(kind));
    if (this.#facts.size + changed.size > FACTS_KNOWN_MAX * (isKept ? 2 : 1)) {
      throw new MeshError(
        'full',
        `more than ${FACTS_KNOWN_MAX} facts: this mesh has had too many members, accounts and grants; a new mesh has room again`,
      );
    }
    for (const fact of changed.values()) batch.write(factStoreKey(fact), encodeFact(fact));
    batch.onDurable(() => {
      for (const fact of changed.values()) this.set(fact);
    });
    return [...changed.values()];
  }

  /** Clients beyond CLIENT_FACTS_MAX, which parted peers admitted, prove the secret each time they come. */
  #leaveOutClients(changed: Map<string, Fact>): void {
    const isNew = ([key, fact]: [string, Fact]): boolean => isClient(fact) && !this.#facts.has(key);
    const news = [...changed].filter(isNew);
    if (news.length === 0) return;
    let room = CLIENT_FACTS_MAX;
    for (const fact of this.#facts.values()) if (isClient(fact)) room--;
    for (const [key] of news.slice(Math.max(0, room))) changed.delete(key);
  }
}

function isClient(fact: Fact): boolean {
  return fact.kind === 'member' && fact.role === 'client';
}
