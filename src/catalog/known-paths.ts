import type { FilePath, PeerId } from '../core/ids.ts';
import { type Holding, type PathView, viewOf } from '../core/namespace.ts';
import { undominated, type Version } from '../core/version.ts';
import { HeldTotals } from './held-totals.ts';
import { type PackedVersion, packVersion, unpackVersion } from './packed-version.ts';
import { PathOrder } from './path-order.ts';
import { Tree } from './tree.ts';

/** What one index says of one version of a path, and at which sequence it said so. */
export interface IndexLine {
  readonly version: Version;
  readonly packed: PackedVersion;
  readonly holding: Holding;
  readonly sequence: number;
}

export function lineOf(version: Version, holding: Holding, sequence: number): IndexLine {
  return { version, packed: packVersion(version), holding, sequence };
}

/** Versions kept unpacked, 600 bytes each: those of a few changes of the catalog. Range 64–16,384. */
const UNPACKED_MAX = 2_048;

/** One line of one index, the version left out: it is kept once for all that know it. */
interface Mark {
  readonly peer: PeerId;
  readonly holding: Holding;
  readonly sequence: number;
}

/** One version of a path with the indexes that have it, own and foreign. */
interface Slot {
  readonly packed: PackedVersion;
  /** Bytes of the file; undefined for a tombstone. */
  readonly size: number | undefined;
  /** Replaced, never changed. */
  marks: readonly Mark[];
}

/**
 * The records of all indexes, in memory, by path. Made for many paths of few versions: a version is packed and kept once,
 * from however many indexes it is known, and arrays are made by `concat` and `slice`: V8 gives one that is pushed or spread
 * to 17 places.
 */
export class KnownPaths {
  readonly #slots = new Map<FilePath, readonly Slot[]>();
  readonly #order = new PathOrder();
  /** One text for each peer, however many lines name it. */
  readonly #peers = new Map<PeerId, PeerId>();
  readonly #unpacked = new Map<PackedVersion, Version>();
  readonly tree = new Tree((path) => hasContents(this.#slots.get(path as FilePath) ?? []));
  readonly held = new HeldTotals();

  get size(): number {
    return this.#slots.size;
  }

  has(path: FilePath): boolean {
    return this.#slots.has(path);
  }

  /** Paths that follow `after` in code-unit order, at most `limit`. */
  after(after: string, limit: number): FilePath[] {
    return this.#order.after(after, limit);
  }

  /** Every path, in no order. */
  allPaths(): Iterable<FilePath> {
    return this.#slots.keys();
  }

  /** What the index of `peer` says of a path. */
  lines(peer: PeerId, path: FilePath): IndexLine[] {
    const lines: IndexLine[] = [];
    for (const { packed, marks } of this.#slots.get(path) ?? []) {
      const mark = marks.find((one) => one.peer === peer);
      if (mark === undefined) continue;
      lines.push({ version: this.#version(packed), packed, holding: mark.holding, sequence: mark.sequence });
    }
    return lines;
  }

  /** What every index says of a path, dominated versions too. */
  records(path: FilePath): { peer: PeerId; version: Version; holding: Holding }[] {
    return (this.#slots.get(path) ?? []).flatMap(({ packed, marks }) => {
      const version = this.#version(packed);
      return marks.map(({ peer, holding }) => ({ peer, version, holding }));
    });
  }

  /** Every version of the path in any index; those of the index `without` alone are left out. */
  versions(path: FilePath, without?: PeerId): Version[] {
    const slots = this.#slots.get(path) ?? [];
    return slots.filter(({ marks }) => marks.some((mark) => mark.peer !== without)).map(({ packed }) => this.#version(packed));
  }

  /** The view of a path, the lines of the index `peer` replaced by `instead` when given; undefined when nothing is known. */
  view(path: FilePath, peer?: PeerId, instead: readonly IndexLine[] = []): PathView | undefined {
    const records = this.records(path);
    if (peer === undefined) return records.length === 0 ? undefined : viewOf(path, records);
    const others = records.filter((record) => record.peer !== peer);
    const all = [...others, ...instead.map(({ version, holding }) => ({ peer, version, holding }))];
    return all.length === 0 ? undefined : viewOf(path, all);
  }

  /** Makes `lines` all that the index of `peer` says of a path. True when that changes more than sequences. */
  set(peer: PeerId, path: FilePath, lines: readonly IndexLine[]): boolean {
    const before = this.#slots.get(path) ?? [];
    const slots: Slot[] = [];
    for (const { packed, size, marks } of before) {
      const line = lines.find((one) => one.packed === packed);
      const others = marks.filter((mark) => mark.peer !== peer);
      if (line !== undefined) slots.push({ packed, size, marks: others.concat(this.#mark(peer, line)) });
      else if (others.length > 0) slots.push({ packed, size, marks: others.slice() });
    }
    for (const line of lines) {
      if (slots.some((slot) => slot.packed === line.packed)) continue;
      slots.push({ packed: line.packed, size: sizeOf(line.version), marks: [this.#mark(peer, line)] });
    }
    this.#keep(path, before, slots);
    const [said, says] = [saidBy(peer, before), saidBy(peer, slots)];
    this.held.change(peer, said, says);
    return !isSame(said, says);
  }

  /** Adds one line as the store has it. `unpack` is asked only for a version not known yet. */
  load(path: FilePath, { packed, ...line }: Mark & { packed: PackedVersion }, unpack: () => Version): void {
    const before = this.#slots.get(path) ?? [];
    const slot = before.find((one) => one.packed === packed);
    const mark = this.#mark(line.peer, line);
    const size = slot === undefined ? sizeOf(unpack()) : slot.size;
    if (slot === undefined) this.#keep(path, before, [...before, { packed, size, marks: [mark] }]);
    else slot.marks = slot.marks.concat(mark);
    this.held.change(line.peer, [], [{ size, holding: line.holding }]);
  }

  #keep(path: FilePath, before: readonly Slot[], slots: readonly Slot[]): void {
    const kept = before.length === 0 ? ownText(path) : path;
    if (slots.length > 0) this.#slots.set(kept, slots.slice());
    else this.#slots.delete(path);
    if (before.length === 0 && slots.length > 0) this.#order.add(kept);
    if (before.length > 0 && slots.length === 0) this.#order.remove(path);
    const [had, has] = [hasContents(before), hasContents(slots)];
    if (!had && has) this.tree.add(kept);
    if (had && !has) this.tree.remove(path);
  }

  /** Several ask for a path at once when it changes, so what was unpacked last is kept for a while. */
  #version(packed: PackedVersion): Version {
    let version = this.#unpacked.get(packed);
    if (version === undefined) {
      version = unpackVersion(packed);
      if (this.#unpacked.size >= UNPACKED_MAX) this.#unpacked.clear();
      this.#unpacked.set(packed, version);
    }
    return version;
  }

  #mark(peer: PeerId, { holding, sequence }: { holding: Holding; sequence: number }): Mark {
    const shared = this.#peers.get(peer);
    if (shared === undefined) this.#peers.set(peer, peer);
    return { peer: shared ?? peer, holding: sharedHolding(holding), sequence };
  }
}

/** A decoded text may be a slice, which keeps the whole frame it came in: what stays here is copied out of it. */
function ownText(path: FilePath): FilePath {
  return Buffer.from(path).toString() as FilePath;
}

/** One text for each of the two words, not one for each record that was decoded. */
function sharedHolding(holding: Holding): Holding {
  return holding === 'all' ? 'all' : holding === 'none' ? 'none' : holding;
}

function hasContents(slots: readonly Slot[]): boolean {
  if (slots.length <= 1) return slots[0]?.size !== undefined;
  return undominated(slots.map((slot) => unpackVersion(slot.packed))).some((version) => version.kind === 'file');
}

function sizeOf(version: Version): number | undefined {
  return version.kind === 'file' ? version.size : undefined;
}

interface Said {
  readonly packed: PackedVersion;
  readonly size: number | undefined;
  readonly holding: Holding;
}

function saidBy(peer: PeerId, slots: readonly Slot[]): Said[] {
  return slots.flatMap(({ packed, size, marks }) =>
    marks.filter((mark) => mark.peer === peer).map(({ holding }) => ({ packed, size, holding })),
  );
}

function isSame(a: readonly Said[], b: readonly Said[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((one) => b.some((other) => one.packed === other.packed && isSameHolding(one.holding, other.holding)));
}

export function isSameHolding(a: Holding, b: Holding): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.mask === b.mask;
}
