import { FileInode, FolderInode, type Inode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';
import { makeDurable, type NameChange, type Volume } from './sim-volume.ts';

/** After that long the kernel has written by itself (Linux: dirty_expire_centisecs 30 s, journal commit 5 s). */
const WRITEBACK_MS = 30_000;

/**
 * What a power cut keeps of changes of names that were not synced: `journal`, a random prefix in the order of the acts
 * (ext4, xfs); `hostile`, any subset (Pillai et al. 2014, ALICE) in which the changes of one name keep their order, for
 * no disk puts a name where another still is. A rename is atomic in both.
 */
export type CrashMode = 'journal' | 'hostile';

/** Cuts the power of `volume`: afterwards programs see what the platter has. Returns what was lost, in words. */
export function crashVolume(volume: Volume, random: SimRandom, mode: CrashMode): string {
  const nowMs = volume.clock.nowMs();
  const isOld = (change: NameChange) => nowMs - change.atMs > WRITEBACK_MS;
  const young = volume.pending.filter((change) => !isOld(change));
  const kept = mode === 'hostile' ? anySubset(young, random) : young.slice(0, random.integer(young.length + 1));
  for (const change of volume.pending) if (isOld(change) || kept.includes(change)) makeDurable(change);
  volume.pending = [];

  const survivors = new Set<Inode>();
  reinstate(volume.root, survivors);
  volume.usedBytes = 0;
  const fates: string[] = [];
  for (const inode of survivors) {
    if (inode.kind !== 'file') continue;
    if (inode.isWrittenBack(nowMs, WRITEBACK_MS)) inode.sync();
    const fate = inode.crash(random);
    if (fate !== 'old') fates.push(`${inode.number}:${fate}`);
    volume.usedBytes += inode.size;
  }
  return `kept ${kept.length} of ${young.length} names, ${fates.join(' ') || 'no unsynced data'}`;
}

function anySubset(changes: readonly NameChange[], random: SimRandom): NameChange[] {
  const lost = new Map<FolderInode, Set<string>>();
  return changes.filter(({ parts }) => {
    const isKept = random.chance(0.5) && !parts.some(({ folder, name }) => lost.get(folder)?.has(name));
    if (!isKept) for (const { folder, name } of parts) lost.set(folder, (lost.get(folder) ?? new Set()).add(name));
    return isKept;
  });
}

/** Makes the durable names the visible ones, from the root down, and counts links anew. */
function reinstate(folder: FolderInode, survivors: Set<Inode>): void {
  survivors.add(folder);
  folder.entries.clear();
  for (const [name, inode] of [...folder.durable]) {
    if (inode instanceof FolderInode && survivors.has(inode)) {
      // Two names of one folder cannot be: a check of the file system would cut the second.
      folder.durable.delete(name);
      continue;
    }
    if (inode instanceof FileInode) {
      if (!survivors.has(inode)) {
        inode.links = 0;
        inode.opens = 0;
      }
      inode.links += 1;
      survivors.add(inode);
    }
    folder.entries.set(name, inode);
    if (inode instanceof FolderInode) reinstate(inode, survivors);
  }
}
