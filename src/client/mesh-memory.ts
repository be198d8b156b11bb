import { type Fact, factKey, factText, membersOf, mergeFacts, presentSecret } from '../core/facts.ts';
import type { PeerId } from '../core/ids.ts';
import type { Address } from '../platform/network.ts';
import type { KnownSecret, Standing } from '../wire/greeting.ts';
import { formatMeshLine, idPrefixOf, parseMeshLine } from '../wire/mesh-line.ts';

/** Facts kept of one mesh: its members, secrets and removals. Above, newer ones are not taken. Range 1,000–100,000. */
const FACTS_MAX = 20_000;

/** What a client keeps of a mesh from one session to the next. */
export interface MeshRecord {
  /** The newest join line known. */
  readonly line: string;
  readonly facts: readonly Fact[];
  /** Where peers were reached or said to be, best first. */
  readonly addresses: readonly Address[];
}

/** What this client knows of its mesh: enough to prove that it belongs, and to see that a peer does. */
export class MeshMemory {
  readonly #line: string;
  readonly #facts = new Map<string, Fact>();

  /** Rejects a line that is none with `usage`. */
  constructor(record: Pick<MeshRecord, 'line' | 'facts'>) {
    this.#line = formatMeshLine(parseMeshLine(record.line));
    this.adopt(record.facts);
  }

  get facts(): Fact[] {
    return [...this.#facts.values()];
  }

  get name(): string {
    return parseMeshLine(this.#line).name;
  }

  /** The first 16 hex digits of the mesh id: what a multicast tag is keyed with. */
  get idPrefix(): string {
    return idPrefixOf(parseMeshLine(this.#line));
  }

  /** The line that admits now: with the present secret, if one was told. */
  get line(): string {
    const present = presentSecret(this.#facts.values());
    const { name, secret, idPrefix } = parseMeshLine(this.#line);
    if (present === undefined || present.secret === secret) return this.#line;
    return formatMeshLine({ name, secret: present.secret, idPrefix: idPrefix ?? this.idPrefix });
  }

  /** Merges facts told by a peer; true when something changed. */
  adopt(facts: readonly Fact[]): boolean {
    let changed = false;
    for (const fact of facts) {
      const key = factKey(fact);
      const known = this.#facts.get(key);
      const merged = known === undefined ? fact : mergeFacts(known, fact);
      if (known === undefined && this.#facts.size >= FACTS_MAX) continue;
      if (known !== undefined && factText(known) === factText(merged)) continue;
      this.#facts.set(key, merged);
      changed = true;
    }
    return changed;
  }

  /** Every secret known, the one of the line too: an older one still proves the mesh to a peer that was away. */
  secrets(): KnownSecret[] {
    const secrets = [...this.#facts.values()].filter((fact) => fact.kind === 'secret');
    const { secret } = parseMeshLine(this.#line);
    const isTold = secrets.some((fact) => fact.secret === secret);
    return [...secrets, ...(isTold ? [] : [{ generation: 0, secret }])];
  }

  standing(peer: PeerId): Standing {
    if (this.#facts.has(`removal/${peer}`)) return 'removed';
    return membersOf(this.#facts.values()).get(peer)?.role === 'peer' ? 'member' : 'unknown';
  }
}
