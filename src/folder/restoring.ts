import { MeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { copyBytes, openNoted } from './copying.ts';
import type { Staging } from './face.ts';
import type { Room } from './room.ts';
import type { Stagings } from './stagings.ts';

/** See Folder.stageOld. */
export async function stageOld(room: Room, stagings: Stagings, path: FilePath, copy: string, name: string): Promise<Staging> {
  const row = room.old.row(copy);
  if (row?.path !== path) throw new MeshError('gone', `no such older content of ${path} is kept here`);
  const source = await openNoted(room, { disk: row.disk });
  try {
    const staging = await stagings.open(name, row.size);
    await copyBytes(source, staging);
    if ((await staging.digest()).hash === row.hash) return staging;
    await staging.discard();
    throw new MeshError('corrupt', `the older content of ${path} is bad`);
  } finally {
    await source.close();
  }
}
