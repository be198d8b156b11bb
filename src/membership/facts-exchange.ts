import { createHash } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { asMeshError } from '../core/errors.ts';
import { type Fact, factKey, factText, presentSecret } from '../core/facts.ts';
import { byCodeUnits, type ContentHash } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { FACTS_MAX } from '../wire/calls.ts';
import { encodedBytes, HEAD_BYTES_MAX } from '../wire/codec.ts';
import type { Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';
import { meshOf } from './mesh-choice.ts';

/** Notes of one link that wait to be adopted; more is no honest mesh, and the link is closed. Range 16–1,024. */
const WAITING_MAX = 256;
/** While the other end tells that it has other facts, all are sent to it again so often at most. Range 5–60 s: it is cheap for a mesh. */
const AGAIN_MS = 10_000;
/** Bytes of the facts of one note: leaves room for the rest of the head. */
const NOTE_BYTES_MAX = HEAD_BYTES_MAX - 1024;

export interface FactsExchangeOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly catalog: Catalog;
  readonly switchboard: Pick<Switchboard, 'peers' | 'clients' | 'hear' | 'onDown'>;
  readonly log: Log;
  /** First digits of the id of the mesh this peer joins: facts of another mesh are not taken. */
  readonly idPrefix: () => string;
}

/**
 * Spreads facts: all of them to a peer that has others, changed ones to all peers. Clients are told what makes them able
 * to come again, and believed nothing: a client does not say who is a member.
 */
export class FactsExchange {
  readonly #options: FactsExchangeOptions;
  readonly #waiting = new Map<Link, number>();
  /** When all facts were sent last. */
  readonly #sentMs = new WeakMap<Link, number>();
  /** Worked out once for each fact: most of them stay what they are. */
  readonly #texts = new WeakMap<Fact, string>();
  #digested: { readonly facts: readonly Fact[]; readonly digest: ContentHash } | undefined;

  constructor(options: FactsExchangeOptions) {
    this.#options = options;
  }

  start(): void {
    const { switchboard } = this.#options;
    switchboard.hear('facts', (note, from) => this.#hear(note.facts, from));
    switchboard.hear('load', (note, from) => this.#compare(from, note.factsDigest));
    switchboard.onDown((link) => this.#waiting.delete(link));
  }

  /** Over all facts known here; worked out once, until one changes. */
  digest(): ContentHash {
    const facts = this.#options.catalog.facts();
    if (this.#digested?.facts !== facts) this.#digested = { facts, digest: digestOf(facts, (fact) => this.#textOf(fact)) };
    return this.#digested.digest;
  }

  #textOf(fact: Fact): string {
    const text = this.#texts.get(fact) ?? factText(fact);
    this.#texts.set(fact, text);
    return text;
  }

  /** A link is up. `digest`: over the facts of the other end, as it told. */
  linkUp(link: Link, digest: ContentHash): void {
    if (link.role === 'client') sendFacts(link, factsForClient(this.#options.catalog.facts()));
    else this.#compare(link, digest);
  }

  /** Facts changed here, by whomever: every member hears of it. */
  passOn(changed: readonly Fact[]): void {
    const { catalog, switchboard } = this.#options;
    for (const link of switchboard.peers()) sendFacts(link, changed);
    const forClients = new Set(factsForClient(catalog.facts()).map(factKey));
    const changedForClients = changed.filter((fact) => forClients.has(factKey(fact)));
    for (const link of switchboard.clients()) sendFacts(link, changedForClients);
  }

  /**
   * Sends all facts to one that has others. A fact that was told and could not be kept, for its disk was full, comes so while
   * the link stays: above all, who was removed goes. Each end compares, so both have all in the end.
   */
  #compare(to: Link, digest: ContentHash | undefined): void {
    if (digest === undefined || digest === this.digest()) return;
    const { catalog, clock } = this.#options;
    const now = clock.now();
    // What is on its way may be all that differs.
    if ((this.#waiting.get(to) ?? 0) > 0 || now - (this.#sentMs.get(to) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    this.#sentMs.set(to, now);
    sendFacts(to, catalog.facts());
  }

  /** In work until the facts are adopted, durably: how much of that may be, its link sees to. */
  async #hear(facts: readonly Fact[], from: Link): Promise<void> {
    if (from.role !== 'peer') return;
    const waiting = (this.#waiting.get(from) ?? 0) + 1;
    if (waiting > WAITING_MAX) {
      from.close('too many facts');
      return;
    }
    this.#waiting.set(from, waiting);
    try {
      await this.#adopt(facts);
    } catch (thrown) {
      this.#options.log.error('facts could not be adopted', { peer: from.peer, error: asMeshError(thrown).message });
    }
    const left = this.#waiting.get(from);
    if (left !== undefined) this.#waiting.set(from, left - 1);
  }

  async #adopt(facts: readonly Fact[]): Promise<void> {
    const { catalog, idPrefix, log } = this.#options;
    const mesh = meshOf(catalog.facts());
    const ours = facts.filter((fact) => fact.kind !== 'mesh' || (mesh?.id ?? fact.id).startsWith(idPrefix()));
    const strange = ours.filter((fact) => fact.kind === 'mesh' && mesh !== undefined && fact.id !== mesh.id);
    if (ours.length < facts.length || strange.length > 0) log.warn('facts of another mesh were not taken');
    const taken = ours.filter((fact) => !strange.includes(fact));
    if (taken.length > 0) await catalog.adopt(taken);
  }
}

/** SHA-256 over all facts, whatever their order. */
export function digestOf(facts: readonly Fact[], textOf = factText): ContentHash {
  const words = facts.map(textOf).sort(byCodeUnits);
  return createHash('sha256').update(JSON.stringify(words)).digest('hex') as ContentHash;
}

const OF_PEERS_ALONE: ReadonlySet<Fact['kind']> = new Set(['account', 'founding', 'grant', 'session-key']);

/**
 * What a client needs to come again, to trust nobody who was removed, and, while there are no accounts, to print an invitation.
 * Once there are, whoever may invite asks for the line: who has the secret may run a peer, before which no right holds.
 */
export function factsForClient(facts: readonly Fact[]): Fact[] {
  const present = presentSecret(facts);
  const hasAccounts = facts.some((fact) => fact.kind === 'account');
  return facts.filter((fact) => {
    if (fact.kind === 'secret') return fact === present && !hasAccounts;
    // Hashes of passwords and the key of tokens are for peers alone, and who may do what is told to who asks.
    if (OF_PEERS_ALONE.has(fact.kind)) return false;
    return fact.kind !== 'member' || fact.role === 'peer';
  });
}

/**
 * Notes of at most FACTS_MAX facts. The mesh goes last: a newcomer that has it has all that came before, and may take
 * itself for a member.
 */
function sendFacts(link: Link, facts: readonly Fact[]): void {
  const ordered = [...facts].sort(
    (a, b) => Number(a.kind === 'mesh') - Number(b.kind === 'mesh') || byCodeUnits(factKey(a), factKey(b)),
  );
  let page: Fact[] = [];
  let bytes = 0;
  for (const fact of ordered) {
    const factBytes = encodedBytes(fact);
    if (page.length === FACTS_MAX || (page.length > 0 && bytes + factBytes > NOTE_BYTES_MAX)) {
      link.note('facts', { facts: page });
      page = [];
      bytes = 0;
    }
    page.push(fact);
    bytes += factBytes;
  }
  if (page.length > 0) link.note('facts', { facts: page });
}
