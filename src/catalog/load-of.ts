import type { PeerId } from '../core/ids.ts';
import type { Load } from '../core/placement.ts';
import type { Catalog } from './catalog.ts';

/** Bytes and files by the indexes, which are exact; what is on its way by whoever knows of more. */
export function loadOf(catalog: Catalog, peer: PeerId): Load | undefined {
  const { peers } = catalog;
  const told = peers.get(peer)?.load;
  if (told === undefined) return undefined;
  const held = catalog.heldBy(peer);
  const reserved = peers.reservedFor(peer);
  return {
    bytes: held.bytes,
    files: held.files,
    capacity: told.capacity,
    incomingBytes: Math.max(told.incomingBytes, reserved.bytes),
    incomingFiles: Math.max(told.incomingFiles, reserved.files),
  };
}
