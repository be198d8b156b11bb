import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PRIVATE_FOLDER } from '../core/path.ts';

/** What a peer's own part of its folder always has. */
const MARKER = 'marker';

/** True while a peer shares it, whether it runs or not. */
export function isPeerFolder(folder: string): boolean {
  return existsSync(join(folder, PRIVATE_FOLDER, MARKER));
}

/** The folder of a peer that `file` would lie in: what is put there is stored in the mesh as it is. Undefined: in none. */
export async function peerFolderAround(file: string): Promise<string | undefined> {
  let folder = dirname(resolve(file));
  // What is not there yet is made in the nearest folder that is.
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  folder = await realpath(folder);
  for (;;) {
    if (isPeerFolder(folder)) return folder;
    if (dirname(folder) === folder) return undefined;
    folder = dirname(folder);
  }
}
