import type { Catalog, Delta } from '../catalog/catalog.ts';
import { INDEXES_MAX } from '../catalog/index-copies.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Link } from '../wire/link.ts';

/** Who tells an index by pieces keeps its turn for so long after a piece. Range 2–30 s. */
const TURN_MS = 5_000;
/** Pieces of an index of which no more came for so long are forgotten. Range TURN_MS – 10 min. */
const PIECES_MS_MAX = 60_000;
/** Copies of indexes above which one that is new is taken of its owner alone. Range 50 – INDEXES_MAX: the rest is for who links. */
const RELAYED_MAX = INDEXES_MAX - 200;

/** Who is telling an index by pieces now. */
interface Turn {
  readonly link: Link;
  readonly untilMs: number;
}

export interface IntakeOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
}

/**
 * Takes what others tell of indexes. An index of many pieces is told by one link at a time, or else several peers that
 * all know it would send it at once, each spoiling the other's order; the owner's own link goes before all.
 */
export class Intake {
  readonly #options: IntakeOptions;
  /** By index; only of members, so bounded by them. */
  readonly #turns = new Map<PeerId, Turn>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** True when taken, durably. Rejects with `protocol` for a piece that contradicts itself, `full`, `failed`, `busy`. */
  async take(delta: Delta, from: Link): Promise<boolean> {
    const { catalog } = this.#options;
    const isFromOwner = from.peer === delta.index;
    if (!isFromOwner && !(this.#isKnown(delta.index) && this.#hasTurn(delta.index, from))) return false;
    if (!isFromOwner && catalog.index(delta.index) === undefined && catalog.indexes().length > RELAYED_MAX) return false;
    const taken = await catalog.take(delta, isFromOwner);
    if (taken && !delta.last) this.#turns.set(delta.index, this.#turnOf(from));
    else if (this.#turns.get(delta.index)?.link === from) this.#turns.delete(delta.index);
    return taken;
  }

  /** Whoever told by pieces over this link does not go on. */
  linkDown(link: Link): void {
    this.#forget((turn) => turn.link === link);
  }

  /** To be called now and then: pieces that nobody goes on with do not lie in memory for ever. */
  forgetOld(): void {
    const nowMs = this.#options.clock.now();
    this.#forget((turn) => turn.untilMs + PIECES_MS_MAX < nowMs);
  }

  #forget(isOver: (turn: Turn) => boolean): void {
    for (const [index, turn] of this.#turns) {
      if (!isOver(turn)) continue;
      this.#turns.delete(index);
      this.#options.catalog.forgetPieces(index);
    }
  }

  /** Index of a peer that was admitted once; what a removed one left still counts. Never the own one. */
  #isKnown(index: PeerId): boolean {
    const { catalog } = this.#options;
    if (index === catalog.self) return false;
    if (catalog.index(index) !== undefined) return true;
    return catalog.facts().some((fact) => fact.kind === 'member' && fact.id === index && fact.role === 'peer');
  }

  #hasTurn(index: PeerId, from: Link): boolean {
    const turn = this.#turns.get(index);
    if (turn === undefined || turn.link === from) return true;
    return !turn.link.open || turn.untilMs < this.#options.clock.now();
  }

  #turnOf(link: Link): Turn {
    return { link, untilMs: this.#options.clock.now() + TURN_MS };
  }
}
