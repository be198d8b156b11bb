import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, unless they are there. Not by the option `recursive`: below /proc, where a made
 * folder would still be missing, Node 20 never comes back from that. Rejects with the system's error.
 */
export async function makeFolders(folder: string, mode = 0o777): Promise<void> {
  const fault = await faultOf(folder, mode);
  if (fault === undefined) return;
  const above = dirname(folder);
  if (fault.code !== 'ENOENT' || above === folder) throw fault;
  await makeFolders(above, mode);
  const again = await faultOf(folder, mode);
  if (again !== undefined) throw again;
}

/** Why it could not be made; undefined when it is there now. */
async function faultOf(folder: string, mode: number): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(folder, mode);
    return undefined;
  } catch (thrown) {
    const isThere = (await stat(folder).catch(() => undefined))?.isDirectory() === true;
    return isThere ? undefined : (thrown as NodeJS.ErrnoException);
  }
}
