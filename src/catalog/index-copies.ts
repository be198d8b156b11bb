import { MeshError } from '../core/errors.ts';
import { byCodeUnits, type PeerId } from '../core/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Batch } from './change-queue.ts';
import { appended, type Delta, goesOn, type IndexCopy, judge, type Teller } from './index-copy.ts';
import type { KnownPaths } from './known-paths.ts';
import type { Loaded } from './loading.ts';
import type { OwnIndex } from './own-index.ts';
import type { Pauses } from './pauses.ts';
import { encodeHead } from './persistence.ts';
import { type Replacement, Replacements, replaceCopy } from './replacement.ts';
import { headKey } from './store-keys.ts';
import { writeLines } from './transaction.ts';

/** Indexes known at once, the own one among them. Range 50–1,000: one message of gossip tells of all. */
export const INDEXES_MAX = 1_000;

/** The copies of foreign indexes, and what deltas do to them. */
export class IndexCopies {
  readonly #known: KnownPaths;
  readonly #own: OwnIndex;
  readonly #pauses: Pauses;
  readonly #log: Log;
  readonly #copies = new Map<PeerId, IndexCopy>();
  readonly #replacements = new Replacements();

  constructor(
    { known, heads }: Pick<Loaded, 'known' | 'heads'>,
    { own, pauses, log }: { own: OwnIndex; pauses: Pauses; log: Log },
  ) {
    this.#known = known;
    this.#own = own;
    this.#pauses = pauses;
    this.#log = log;
    for (const [peer, { trail, sequence }] of heads) {
      if (peer !== own.peer) this.#copies.set(peer, { peer, trail, sequence, doubtful: false, replaced: 0 });
    }
  }

  /** In the order of their peers: the same after each start. */
  all(): IndexCopy[] {
    return [...this.#copies.values()].sort((a, b) => byCodeUnits(a.peer, b.peer));
  }

  get(peer: PeerId): IndexCopy | undefined {
    return this.#copies.get(peer);
  }

  /** Adds to the batch what taking the delta in changes. False when it is not taken. */
  take(delta: Delta, teller: Teller, batch: Batch): boolean | Promise<boolean> {
    const copy = this.#copies.get(delta.index);
    const verdict = judge(copy, delta, teller);
    if (verdict === 'refuse') return false;
    if (verdict === 'replace') return this.#replace(copy, delta, batch);
    this.#append(copy, delta, batch);
    return true;
  }

  /** Forgets what came of the whole that was to replace this copy. */
  forgetPieces(peer: PeerId): void {
    this.#replacements.drop(peer);
  }

  #append(copy: IndexCopy | undefined, delta: Delta, batch: Batch): void {
    const peer = delta.index;
    const isTooMany = copy === undefined && this.#copies.size + 1 >= INDEXES_MAX;
    if (isTooMany) throw new MeshError('full', `more than ${INDEXES_MAX} indexes`);
    const before = copy ?? { peer, trail: [], sequence: 0, doubtful: false, replaced: 0 };
    const trail = goesOn(before.trail, delta.trail) ? delta.trail : before.trail;
    for (const [path, lines] of appended(this.#known, before, delta)) {
      writeLines(batch, this.#known.lines(peer, path), lines, { peer, path });
    }
    this.#replacements.drop(peer);
    this.#keep({ ...before, trail, sequence: Math.max(before.sequence, delta.upTo) }, batch);
  }

  #replace(copy: IndexCopy | undefined, delta: Delta, batch: Batch): boolean | Promise<boolean> {
    const peer = delta.index;
    const coming = this.#replacements.add(delta, (record) => this.#known.lineOf(record));
    if (coming === undefined) {
      // The cursor may lie on both trails, so that its teller saw no need for the whole.
      if (copy !== undefined) this.#copies.set(peer, { ...copy, doubtful: true });
      return false;
    }
    if (!delta.last) return true;
    this.#replacements.drop(peer);
    return this.#put(copy, peer, coming, batch);
  }

  async #put(copy: IndexCopy | undefined, peer: PeerId, coming: Replacement, batch: Batch): Promise<boolean> {
    this.#log.info('an index replaces its copy', { peer, records: coming.records });
    await replaceCopy({ known: this.#known, own: this.#own, pauses: this.#pauses }, peer, coming.lines, batch);
    batch.replaces = peer;
    const replaced = (copy?.replaced ?? 0) + 1;
    this.#keep({ peer, trail: coming.trail, sequence: coming.sequence, doubtful: false, replaced }, batch);
    return true;
  }

  #keep(copy: IndexCopy, batch: Batch): void {
    batch.write(headKey(copy.peer), encodeHead(copy));
    batch.onDurable(() => this.#copies.set(copy.peer, copy));
  }
}
