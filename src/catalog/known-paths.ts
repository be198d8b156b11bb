import type { FilePath, PeerId } from '../core/ids.ts';
import { type Holding, type PathView, viewOf } from '../core/namespace.ts';
import { undominated, type Version } from '../core/version.ts';
import { HeldTotals } from './held-totals.ts';
import { Lately } from './lately.ts';
import { asPacked, bytesOf, type PackedVersion, packVersion, unpackVersion } from './packed-version.ts';
import { PathOrder } from './path-order.ts';
import { readTold } from './told-version.ts';
import { Tree } from './tree.ts';

/** A record with the sequence its index gave it. */
export interface NumberedRecord {
  readonly sequence: number;
  readonly path: FilePath;
  readonly holding: Holding;
  readonly packed: PackedVersion;
}

/** What one index says of one version of a path, and at which sequence it said so. */
export interface IndexLine {
  readonly version: Version;
  readonly packed: PackedVersion;
  readonly holding: Holding;
  readonly sequence: number;
}

/** Versions kept unpacked, 600 bytes each: those of the changes of the catalog that are told around now. Range 64–16,384. */
const UNPACKED_MAX = 4_096;
/** Views kept, some 600 bytes each beside their versions: those of the paths that are looked at now. Range 64–16,384. */
const VIEWS_MAX = 1_024;

/** One line of one index as it is kept. The packed version is one text, however many indexes know it. */
interface KnownLine {
  readonly peer: PeerId;
  readonly packed: PackedVersion;
  /** Bytes of the file; undefined for a tombstone. */
  readonly size: number | undefined;
  readonly holding: Holding;
  readonly sequence: number;
}

const NO_LINES: readonly KnownLine[] = [];

/**
 * The records of all indexes, in memory, by path. Made for many paths of few lines: a version is packed and its text kept
 * once, from however many indexes it is known, a single line stands without an array around it, and arrays are made by
 * `concat`: V8 gives one that is pushed or spread to 17 places.
 */
export class KnownPaths {
  readonly #known = new Map<FilePath, KnownLine | readonly KnownLine[]>();
  readonly #order = new PathOrder();
  /** One text for each peer, however many lines name it. */
  readonly #peers = new Map<PeerId, PeerId>();
  readonly #unpacked = new Lately<PackedVersion, Version>(UNPACKED_MAX);
  readonly #views = new Lately<FilePath, PathView>(VIEWS_MAX);
  readonly tree = new Tree((path) => hasContents(this.#linesOf(path as FilePath)));
  readonly held = new HeldTotals();

  has(path: FilePath): boolean {
    return this.#known.has(path);
  }

  /** Paths that follow `after` in code-unit order, at most `limit`. */
  after(after: string, limit: number): FilePath[] {
    return this.#order.after(after, limit);
  }

  /** Every path, in no order. */
  allPaths(): Iterable<FilePath> {
    return this.#known.keys();
  }

  /** What the index of `peer` says of a path. */
  lines(peer: PeerId, path: FilePath): IndexLine[] {
    const lines: IndexLine[] = [];
    for (const { peer: of, packed, holding, sequence } of this.#linesOf(path)) {
      if (of === peer) lines.push({ version: this.#version(packed), packed, holding, sequence });
    }
    return lines;
  }

  /** The record that the index of `peer` has at that sequence, if it is of that path. */
  told(peer: PeerId, path: FilePath, sequence: number): NumberedRecord | undefined {
    const line = this.#linesOf(path).find((one) => one.sequence === sequence && one.peer === peer);
    return line && { sequence, path, holding: line.holding, packed: line.packed };
  }

  /** What a record that was told says. Throws `protocol` when its version is none; one that is known here is not looked at again. */
  lineOf({ path, packed, holding, sequence }: NumberedRecord): IndexLine {
    const known = this.#linesOf(path).find((line) => line.packed === packed);
    if (known !== undefined) return { version: this.#version(known.packed), packed: known.packed, holding, sequence };
    return { version: readTold(packed), packed, holding, sequence };
  }

  /** The text of a version of a path. One that is known here, and was given by this, is not packed again. */
  packed(path: FilePath, version: Version): PackedVersion {
    const known = this.#linesOf(path).find((line) => this.#unpacked.get(line.packed) === version);
    return known?.packed ?? packVersion(version);
  }

  /** For rows of the store: what `unpack` gives back. */
  pack(path: FilePath, version: Version): Uint8Array {
    return bytesOf(this.packed(path, version));
  }

  /** Throws when these are no bytes of `pack`. */
  unpack(bytes: Uint8Array): Version {
    return unpackVersion(asPacked(bytes));
  }

  /** What every index says of a path, dominated versions too. */
  records(path: FilePath): { peer: PeerId; version: Version; holding: Holding }[] {
    return this.#linesOf(path).map(({ peer, packed, holding }) => ({ peer, version: this.#version(packed), holding }));
  }

  /** Every version of the path in any index; those of the index `without` alone are left out. */
  versions(path: FilePath, without?: PeerId): Version[] {
    const lines = this.#linesOf(path).filter(({ peer }) => peer !== without);
    return distinct(lines).map((packed) => this.#version(packed));
  }

  /** The view of a path, the lines of the index `peer` replaced by `instead` when given; undefined when nothing is known. */
  view(path: FilePath, peer?: PeerId, instead: readonly IndexLine[] = []): PathView | undefined {
    if (peer === undefined) return this.#views.get(path) ?? this.#newView(path);
    const others = this.records(path).filter((record) => record.peer !== peer);
    const all = [...others, ...instead.map(({ version, holding }) => ({ peer, version, holding }))];
    return all.length === 0 ? undefined : viewOf(path, all);
  }

  /** Makes `lines` all that the index of `peer` says of a path. True when that changes more than sequences. */
  set(peer: PeerId, path: FilePath, lines: readonly IndexLine[]): boolean {
    const before = this.#linesOf(path);
    const said = before.filter((line) => line.peer === peer);
    const says = lines.map(({ version, packed, holding, sequence }) => {
      const text = sharedText(packed, before);
      // It is looked at next, by all who are told of the change.
      this.#unpacked.set(text, version);
      return this.#line(peer, { packed: text, size: sizeOf(version), holding, sequence });
    });
    const others = said.length === 0 ? before : before.filter((line) => line.peer !== peer);
    this.#keep(path, before, others.concat(says));
    this.held.change(peer, said, says);
    return !isSame(said, says);
  }

  /** Adds one line as the store has it. `unpack` is asked only for a version not known yet. */
  load(path: FilePath, row: Omit<KnownLine, 'size'>, unpack: () => Version): void {
    const before = this.#linesOf(path);
    const known = before.find((one) => one.packed === row.packed);
    const size = known === undefined ? sizeOf(unpack()) : known.size;
    const line = this.#line(row.peer, { ...row, packed: known?.packed ?? row.packed, size });
    this.#keep(path, before, before.concat(line));
    this.held.change(row.peer, [], [line]);
  }

  /** Many rooms look at a path one after the other when it changes, so its view is kept for a while. */
  #newView(path: FilePath): PathView | undefined {
    const records = this.records(path);
    if (records.length === 0) return undefined;
    const view = viewOf(path, records);
    this.#views.set(path, view);
    return view;
  }

  #linesOf(path: FilePath): readonly KnownLine[] {
    const known = this.#known.get(path);
    return known === undefined ? NO_LINES : isLines(known) ? known : [known];
  }

  #keep(path: FilePath, before: readonly KnownLine[], lines: readonly KnownLine[]): void {
    const kept = before.length === 0 ? ownText(path) : path;
    this.#views.delete(path);
    if (lines.length > 0) this.#known.set(kept, lines.length === 1 ? (lines[0] as KnownLine) : lines);
    else this.#known.delete(path);
    if (before.length === 0 && lines.length > 0) this.#order.add(kept);
    if (before.length > 0 && lines.length === 0) this.#order.remove(path);
    const had = hasContents(before);
    const has = hasContents(lines);
    if (!had && has) this.tree.add(kept);
    if (had && !has) this.tree.remove(path);
  }

  /** Several ask for a path at once when it changes, so what was unpacked last is kept for a while. */
  #version(packed: PackedVersion): Version {
    let version = this.#unpacked.get(packed);
    if (version === undefined) {
      version = unpackVersion(packed);
      this.#unpacked.set(packed, version);
    }
    return version;
  }

  #line(peer: PeerId, { packed, size, holding, sequence }: Omit<KnownLine, 'peer'>): KnownLine {
    const shared = this.#peers.get(peer);
    if (shared === undefined) this.#peers.set(peer, peer);
    return { peer: shared ?? peer, packed, size, holding: sharedHolding(holding), sequence };
  }
}

function isLines(known: KnownLine | readonly KnownLine[]): known is readonly KnownLine[] {
  return Array.isArray(known);
}

/** The texts of the versions, each once. */
function distinct(lines: readonly KnownLine[]): PackedVersion[] {
  return lines.length === 1 ? [(lines[0] as KnownLine).packed] : [...new Set(lines.map(({ packed }) => packed))];
}

/** The text that is kept already, when another line has the same version. */
function sharedText(packed: PackedVersion, lines: readonly KnownLine[]): PackedVersion {
  return lines.find((line) => line.packed === packed)?.packed ?? packed;
}

/** A decoded text may be a slice, which keeps the whole frame it came in: what stays here is copied out of it. */
function ownText(path: FilePath): FilePath {
  return Buffer.from(path).toString() as FilePath;
}

/** One text for each of the two words, not one for each record that was decoded. */
function sharedHolding(holding: Holding): Holding {
  return holding === 'all' ? 'all' : holding === 'none' ? 'none' : holding;
}

function hasContents(lines: readonly KnownLine[]): boolean {
  const first = lines[0];
  if (first === undefined) return false;
  // As nearly all paths have it: one version, told by each of its holders.
  if (lines.every(({ packed }) => packed === first.packed)) return first.size !== undefined;
  if (lines.every(({ size }) => size === undefined)) return false;
  return undominated(distinct(lines).map(unpackVersion)).some((version) => version.kind === 'file');
}

function sizeOf(version: Version): number | undefined {
  return version.kind === 'file' ? version.size : undefined;
}

function isSame(a: readonly KnownLine[], b: readonly KnownLine[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((one) => b.some((other) => one.packed === other.packed && isSameHolding(one.holding, other.holding)));
}

export function isSameHolding(a: Holding, b: Holding): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.mask === b.mask;
}
