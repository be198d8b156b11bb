import { MeshError } from '../core/errors.ts';
import type { FilePath, PeerId } from '../core/ids.ts';
import type { Trail } from '../core/trail.ts';
import { isBefore, isSameVersion, type Version } from '../core/version.ts';
import type { Batch } from './change-queue.ts';
import { type Delta, goesOn, type LinesByPath, OTHERS_RECORDS_MAX, withLine } from './index-copy.ts';
import type { IndexLine, KnownPaths, NumberedRecord } from './known-paths.ts';
import type { OwnIndex } from './own-index.ts';
import { LOOKS_A_TURN, type Pauses } from './pauses.ts';
import { eraseLines, OwnChange, writeLines } from './transaction.ts';

/** Indexes that may be on their way at once to replace a copy. Range 1–100: more would hold more in memory. */
const REPLACEMENTS_MAX = 8;
/** Memory of all of them together, until the last piece has come. Range 128 MiB – 4 GiB: two million short records. */
const REPLACEMENT_BYTES_MAX = 1024 * 1024 * 1024;
/** Memory of a record, about: all of it, and what each entry, id and code unit of it adds. */
const RECORD_BYTES = 500;
const ENTRY_BYTES = 96;
const UNIT_BYTES = 2;

/** The new content of a copy, as far as it has come. In memory only: the copy stands until the last piece is here. */
export interface Replacement {
  readonly trail: Trail;
  readonly sequence: number;
  readonly records: number;
  readonly bytes: number;
  readonly lines: LinesByPath;
}

/** Whole indexes on their way, piece by piece. */
export class Replacements {
  readonly #coming = new Map<PeerId, Replacement>();
  readonly #bytesMax: number;

  constructor(bytesMax = REPLACEMENT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Adds a piece; `lineOf` reads its records, and may throw. Undefined: it does not follow what came before, and nothing is kept of it. */
  add(delta: Delta, lineOf: (record: NumberedRecord) => IndexLine): Replacement | undefined {
    const before = delta.after === 0 ? NOTHING : this.#coming.get(delta.index);
    this.#coming.delete(delta.index);
    if (before === undefined || delta.after > before.sequence || !goesOn(before.trail, delta.trail)) return undefined;
    const added = delta.records
      .filter(({ sequence }) => sequence > before.sequence)
      .map((one) => [one.path, lineOf(one)] as const);
    return this.#keep(delta, before, added);
  }

  /** Forgets the pieces of an index. */
  drop(peer: PeerId): void {
    this.#coming.delete(peer);
  }

  #keep(delta: Delta, before: Replacement, added: readonly (readonly [FilePath, IndexLine])[]): Replacement {
    const lines: LinesByPath = before === NOTHING ? new Map() : before.lines;
    for (const [path, line] of added) lines.set(path, withLine(lines.get(path) ?? [], line));
    const records = before.records + delta.records.length;
    const bytes = added.reduce((sum, [path, { version }]) => sum + bytesOf(path, version), before.bytes);
    if (bytes > this.#bytesMax) throw new MeshError('full', `an index takes more than ${this.#bytesMax} bytes`);
    const sequence = Math.max(before.sequence, delta.upTo);
    const after = { trail: delta.trail, sequence, records, bytes, lines };
    this.#makeRoom(bytes);
    this.#coming.set(delta.index, after);
    return after;
  }

  /** The oldest give way: they are asked for anew. */
  #makeRoom(bytes: number): void {
    const waiting = () => [...this.#coming.values()].reduce((sum, one) => sum + one.bytes, bytes);
    for (const [oldest] of this.#coming) {
      if (this.#coming.size < REPLACEMENTS_MAX && waiting() <= this.#bytesMax) return;
      this.#coming.delete(oldest);
    }
  }
}

const NOTHING: Replacement = { trail: [], sequence: 0, records: 0, bytes: 0, lines: new Map() };

function bytesOf(path: FilePath, version: Version): number {
  const [buried, renamedTo] = version.kind === 'file' ? [0, 0] : [version.buried.length, version.renamedTo?.length ?? 0];
  const entries = version.vector.length + version.inherited.length + buried;
  return RECORD_BYTES + ENTRY_BYTES * entries + UNIT_BYTES * (path.length + renamedTo);
}

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

/**
 * Puts into the own index what only the old copy of a path showed. Not a content in the place of one that is held here: it
 * may be one that nobody has any more, after its only holder came back from a backup. Nor more than OTHERS_RECORDS_MAX: whoever tells
 * another history each time would fill this index with them.
 */
function handOn(known: KnownPaths, peer: PeerId, path: FilePath, after: readonly IndexLine[], own: OwnChange): void {
  const before = known.lines(peer, path);
  const elsewhere = [...known.versions(path, peer), ...after.map((line) => line.version)];
  const all = [...elsewhere, ...before.map((line) => line.version)];
  for (const { version } of before) {
    const isElsewhere = elsewhere.some((other) => isSameVersion(other, version));
    if (isElsewhere || all.some((other) => isBefore(version, other))) continue;
    const replaced = own.own(path).filter((one) => isBefore(one.version, version));
    if (version.kind === 'file' && replaced.some(({ holding }) => holding !== 'none')) continue;
    if (replaced.length > 0 || own.own(path).length < OTHERS_RECORDS_MAX) own.put({ path, version, holding: 'none' });
  }
}
