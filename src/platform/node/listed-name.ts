import { readdir } from 'node:fs';
import { promisify } from 'node:util';
import type { DiskPath } from '../disk.ts';
import { componentsOf, isMissing, withFolder } from './safe-path.ts';
import { asDiskError } from './system-error.ts';

const namesOf = promisify(readdir);

/** See Disk.isNamed. */
export async function isListed(root: string, path: DiskPath): Promise<boolean> {
  const components = componentsOf(path);
  try {
    for (const [depth, name] of components.entries()) {
      const names = await withFolder(root, components.slice(0, depth), (folder) => namesOf(folder.at('.')));
      if (!names.includes(name)) return false;
    }
    return true;
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw asDiskError(thrown, 'cannot list the folder of', path);
  }
}
