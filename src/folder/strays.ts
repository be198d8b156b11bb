import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { modifiedMsOf } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Room } from './room.ts';

/** Siblings that no row tells of: nothing is lost, but nobody is served from them. Gives where they lie now, in the trash. */
export async function sweepSiblings(room: Room): Promise<DiskPath[]> {
  const { disk, log } = room.options;
  const used = new Set<DiskPath>([...room.held.allSiblings()].map((copy) => copy.disk));
  const moved: DiskPath[] = [];
  for (const { name } of await disk.list('siblings')) {
    const place = `.filemesh/siblings/${name}`;
    if (used.has(place) || room.pinned.has(place)) continue;
    await disk.move(place, `.filemesh/trash/${name}`).then(
      () => moved.push(`.filemesh/trash/${name}`),
      (thrown) => log.warn('a stray sibling stays', { place, reason: asMeshError(thrown).message }),
    );
  }
  return moved;
}

/**
 * A new store tells of nothing that lay here: what was set aside for that may be the only copy of something. By its hash it is found
 * when the mesh asks this peer to keep that. Under which name it was held nobody here knows.
 */
export async function recoverStrays(room: Room, places: readonly DiskPath[]): Promise<void> {
  const { disk, hasher, ledger, log } = room.options;
  for (const place of places) {
    if (room.isStopped) return;
    try {
      const file = await disk.open(place);
      try {
        const { hash, size } = await hasher.digest(file);
        const path = `recovered/${place.slice(place.lastIndexOf('/') + 1)}` as FilePath;
        const { mtimeMs, mode } = file.stat;
        const row = room.old.rowFor(place, { path, hash, size, modifiedMs: modifiedMsOf(mtimeMs), mode, origin: ledger.self });
        await room.queue.write([room.old.write(row)]);
        room.old.add(row);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      log.warn('a stray sibling could not be read', { place, reason: asMeshError(thrown).message });
    }
  }
}
