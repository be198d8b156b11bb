import type { MeshId, PeerId } from '../core/ids.ts';
import { decodeRow, encodeRow } from './rows.ts';

/** The file `.filemesh/marker`: says whose folder this is. */
export interface Marker {
  readonly mesh: MeshId;
  readonly peer: PeerId;
}

export function encodeMarker(marker: Marker): Uint8Array {
  return encodeRow(marker);
}

/** Why these bytes are not `expected`, for a person; undefined when they are. */
export function faultOfMarker(bytes: Uint8Array, expected: Marker): string | undefined {
  let found: Partial<Marker>;
  try {
    found = decodeRow<Partial<Marker>>(bytes);
  } catch {
    return 'its marker cannot be read';
  }
  if (found?.peer !== expected.peer) return 'its marker names another peer';
  return found.mesh === expected.mesh ? undefined : 'its marker names another mesh';
}
