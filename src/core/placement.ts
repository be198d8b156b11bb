import { byCodeUnits, type PeerId } from './ids.ts';

/** What a peer reports of itself, with what is on its way to it counted by whoever places. */
export interface Load {
  /** Bytes held for the mesh. */
  readonly bytes: number;
  /** Bytes it offers in all. */
  readonly capacity: number;
  readonly files: number;
  /** Bytes and files accepted and not yet held. */
  readonly incomingBytes: number;
  readonly incomingFiles: number;
}

/** A peer that a copy could go to. */
export interface Candidate {
  readonly id: PeerId;
  readonly name: string;
  readonly load: Load;
  /** It has these very bytes already (another name, an older version): placing there costs nothing. */
  readonly hasBytes: boolean;
  /** It holds the version that this one replaces. */
  readonly heldBase: boolean;
}

export type PlacementRule = 'share' | 'files';

/**
 * Candidates in the order in which they are asked: peers that have the bytes, then holders of the replaced version,
 * then the least loaded: smallest share of capacity in use (or fewest files, by rule), then fewest files, then the
 * lower name. Who has no room for `size` bytes is left out, unless it has the bytes already.
 */
export function placementOrder(candidates: readonly Candidate[], size: number, rule: PlacementRule): Candidate[] {
  return candidates.filter((one) => one.hasBytes || hasRoom(one.load, size)).sort((a, b) => byPreference(a, b, rule));
}

/** True when `size` more bytes stay within the capacity. */
export function hasRoom(load: Load, size: number): boolean {
  return load.bytes + load.incomingBytes + size <= load.capacity;
}

/** Share of the capacity in use, 0…1; a peer without capacity is full. */
export function shareInUse(load: Load): number {
  return load.capacity <= 0 ? 1 : (load.bytes + load.incomingBytes) / load.capacity;
}

function byPreference(a: Candidate, b: Candidate, rule: PlacementRule): number {
  return (
    Number(b.hasBytes) - Number(a.hasBytes) ||
    Number(b.heldBase) - Number(a.heldBase) ||
    (rule === 'share' ? shareInUse(a.load) - shareInUse(b.load) : 0) ||
    filesOf(a.load) - filesOf(b.load) ||
    byCodeUnits(a.name, b.name) ||
    byCodeUnits(a.id, b.id)
  );
}

function filesOf(load: Load): number {
  return load.files + load.incomingFiles;
}
