import { MeshError } from '../core/errors.ts';
import type { DiskPath, FileStat } from '../platform/disk.ts';
import type { Copy, Staging } from './face.ts';
import type { Room } from './room.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** Bytes read at once: the most a file gives. */
const PIECE_BYTES = 1024 * 1024;

/** Opens a file that must be as it was noted; `changed` when it is not. Without a stat any file will do. */
export async function openNoted(room: Room, { disk, stat }: { disk: DiskPath; stat?: FileStat }): Promise<Copy> {
  const file = await room.options.disk.open(disk);
  if (stat !== undefined && !isSameStat(stat, file.stat)) {
    await file.close();
    throw new MeshError('changed', `${disk} is not the file that was hashed`);
  }
  return {
    size: file.stat.size,
    read: async (offset, length) => {
      const bytes = await file.read(offset, length);
      // After the read: a writer that came before it shows in the stat.
      if (isSameFile(file.stat, await file.restat())) return bytes;
      throw new MeshError('changed', `${disk} was changed while it was read`);
    },
    close: () => file.close(),
  };
}

/** Copies a whole file into a staging. Bytes are never shared: an edit in place would change both. */
export async function copyBytes(source: Copy, staging: Staging): Promise<void> {
  for (let offset = staging.have; offset < source.size; ) {
    const bytes = await source.read(offset, Math.min(PIECE_BYTES, source.size - offset));
    if (bytes.length === 0) throw new MeshError('changed', 'the source became shorter while it was copied');
    await staging.write(offset, bytes);
    offset += bytes.length;
  }
}
