import { MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Trail } from '../core/trail.ts';
import { isBefore, isSameVersion } from '../core/version.ts';
import type { Batch } from './change-queue.ts';
import { type Delta, goesOn, type LinesByPath, withLine } from './index-copy.ts';
import type { IndexLine, KnownPaths } from './known-paths.ts';
import type { OwnIndex } from './own-index.ts';
import { LOOKS_A_TURN, type Pauses } from './pauses.ts';
import { eraseLines, OwnChange, writeLines } from './transaction.ts';

/** Indexes that may be on their way at once to replace a copy. Range 1–100: more would hold more in memory. */
const REPLACEMENTS_MAX = 8;
/** Records of all of them together. Range 100,000–10,000,000: about 500 bytes each, in memory until the last has come. */
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
  readonly #recordsMax: number;

  constructor(recordsMax = REPLACEMENT_RECORDS_MAX) {
    this.#recordsMax = recordsMax;
  }

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
    if (records > this.#recordsMax) throw new MeshError('full', `an index has more than ${this.#recordsMax} records`);
    const sequence = Math.max(before.sequence, delta.upTo);
    const after = { trail: delta.trail, sequence, records, lines };
    this.#makeRoom(records);
    this.#coming.set(delta.index, after);
    return after;
  }

  /** The oldest give way: they are asked for anew. */
  #makeRoom(records: number): void {
    const waiting = () => [...this.#coming.values()].reduce((sum, one) => sum + one.records, records);
    for (const [oldest] of this.#coming) {
      if (this.#coming.size < REPLACEMENTS_MAX && waiting() <= this.#recordsMax) return;
      this.#coming.delete(oldest);
    }
  }
}

const NOTHING: Replacement = { trail: [], sequence: 0, records: 0, lines: new Map() };

/** What a replacement works on. */
interface Ground {
  readonly known: KnownPaths;
  readonly own: OwnIndex;
  readonly pauses: Pauses;
}

/**
 * Adds to the batch what makes `lines` the whole copy of `peer`'s index. What only the copy showed, and nothing there or
 * elsewhere dominates, goes into the own index first, as `none`: nothing is forgotten. With many paths it pauses in
 * between; nobody may change anything until it has ended.
 */
export async function replaceCopy(ground: Ground, peer: PeerId, lines: LinesByPath, batch: Batch): Promise<void> {
  const { known, own, pauses } = ground;
  const sequences = new Set<number>();
  const note = (some: readonly (readonly IndexLine[])[]) => {
    for (const { sequence } of some.flat()) sequences.add(sequence);
  };
  await pauses.each(lines.values(), note, LOOKS_A_TURN);
  const before = new Set<FilePath>();
  const erase = (paths: readonly FilePath[]) => {
    for (const path of paths) {
      const old = known.lines(peer, path);
      if (old.length > 0) before.add(path);
      // What has a sequence of the new copy, whatever its path there, is overwritten by that.
      const gone = old.filter((line) => !sequences.has(line.sequence));
      eraseLines(batch, gone, peer);
    }
  };
  await pauses.each(known.allPaths(), erase, LOOKS_A_TURN);
  await pauses.each(union(before, lines), (paths) => {
    const change = new OwnChange(known, own, undefined);
    for (const path of paths) handOn(known, peer, path, lines.get(path) ?? [], change);
    // In memory too the own record comes first: at no moment is a version in neither.
    change.finish(batch);
    for (const path of paths) writeLines(batch, [], lines.get(path) ?? [], { peer, path });
  });
}

function* union(before: ReadonlySet<FilePath>, lines: LinesByPath): Iterable<FilePath> {
  yield* before;
  for (const path of lines.keys()) if (!before.has(path)) yield path;
}

/** Puts into the own index what only the old copy of a path showed. */
function handOn(known: KnownPaths, peer: PeerId, path: FilePath, after: readonly IndexLine[], own: OwnChange): void {
  const before = known.lines(peer, path);
  const elsewhere = [...known.versions(path, peer), ...after.map((line) => line.version)];
  const all = [...elsewhere, ...before.map((line) => line.version)];
  for (const { version } of before) {
    const isElsewhere = elsewhere.some((other) => isSameVersion(other, version));
    if (!isElsewhere && !all.some((other) => isBefore(version, other))) own.put({ path, version, holding: 'none' });
  }
}
