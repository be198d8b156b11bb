import { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Trail } from '../core/trail.ts';
import { isBefore, isSameVersion } from '../core/version.ts';
import type { Batch } from './change-queue.ts';
import { type Delta, goesOn, type LinesByPath, withLine } from './index-copy.ts';
import type { KnownPaths } from './known-paths.ts';
import { eraseLines, type OwnChange, writeLines } from './transaction.ts';

/** Indexes that may be on their way at once to replace a copy. Range 1–100: more would hold more in memory. */
const REPLACEMENTS_MAX = 8;
/** Records of one such index. Range 100,000–10,000,000: about 500 bytes each, in memory until the last has come. */
const REPLACEMENT_RECORDS_MAX = 2_000_000;

/** The new content of a copy, as far as it has come. In memory only: the copy stands until the last piece is here. */
export interface Replacement {
  readonly trail: Trail;
  readonly sequence: number;
  readonly records: number;
  readonly lines: LinesByPath;
}

/** Whole indexes on their way, piece by piece. */
export class Replacements {
  readonly #coming = new Map<PeerId, Replacement>();

  /** Adds a piece. Undefined: it does not follow what came before, and nothing is kept of it. */
  add(delta: Delta): Replacement | undefined {
    const before = delta.after === 0 ? NOTHING : this.#coming.get(delta.index);
    this.#coming.delete(delta.index);
    if (before === undefined || delta.after > before.sequence || !goesOn(before.trail, delta.trail)) return undefined;
    return this.#keep(delta, before, before === NOTHING ? new Map() : before.lines);
  }

  /** Forgets the pieces of an index. */
  drop(peer: PeerId): void {
    this.#coming.delete(peer);
  }

  #keep(delta: Delta, before: Replacement, lines: LinesByPath): Replacement {
    for (const numbered of delta.records) {
      if (numbered.sequence <= before.sequence) continue;
      const { path } = numbered.record;
      lines.set(path, withLine(lines.get(path) ?? [], numbered));
    }
    const records = before.records + delta.records.length;
    if (records > REPLACEMENT_RECORDS_MAX)
      throw new MeshError('full', `an index has more than ${REPLACEMENT_RECORDS_MAX} records`);
    const sequence = Math.max(before.sequence, delta.upTo);
    const after = { trail: delta.trail, sequence, records, lines };
    const [oldest] = this.#coming.keys();
    if (this.#coming.size >= REPLACEMENTS_MAX && oldest !== undefined) this.#coming.delete(oldest);
    this.#coming.set(delta.index, after);
    return after;
  }
}

const NOTHING: Replacement = { trail: [], sequence: 0, records: 0, lines: new Map() };

/**
 * Adds to the batch what makes `lines` the whole copy of `peer`'s index. What only the copy showed, and nothing there or
 * elsewhere dominates, goes into the own index first, as `none`: nothing is forgotten.
 */
export function replaceCopy(known: KnownPaths, peer: PeerId, lines: LinesByPath, own: OwnChange, batch: Batch): void {
  const paths = new Set([...known.pathsOf(peer), ...lines.keys()]);
  // All of the old copy goes before anything of the new one comes: one sequence may be another path's there.
  for (const path of paths) eraseLines(batch, known.lines(peer, path), peer);
  for (const path of paths) {
    const before = known.lines(peer, path);
    const after = lines.get(path) ?? [];
    const elsewhere = [...known.versions(path, peer), ...after.map((line) => line.version)];
    const all = [...elsewhere, ...before.map((line) => line.version)];
    for (const { version } of before) {
      const isElsewhere = elsewhere.some((other) => isSameVersion(other, version));
      if (!isElsewhere && !all.some((other) => isBefore(version, other))) own.put({ path, version, holding: 'none' });
    }
    writeLines(batch, [], after, { peer, path });
  }
  own.finish(batch);
}
