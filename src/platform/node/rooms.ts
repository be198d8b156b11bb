import { constants } from 'node:fs';
import { MeshError } from '../../core/errors.ts';
import { PRIVATE_FOLDER } from '../../core/path.ts';
import type { RootState } from '../disk.ts';
import type { DirectorySync } from './directory-sync.ts';
import { calls } from './file-calls.ts';
import { type Folder, isMissing, makeIfMissing, removeIfThere, withFolder } from './safe-path.ts';
import { asDiskError, systemCode } from './system-error.ts';

/** What lies in `.filemesh/`, a folder each. */
const ROOMS = ['stage', 'aside', 'siblings', 'runs', 'versions', 'trash', 'log'] as const;
const MARKER = 'marker';
const MARKER_BYTES_MAX = 64 * 1024;
const TRIAL = '.trial';
/** Nobody but the user of the peer. */
const PRIVATE_MODE = 0o700;

/** Looks at the root and the marker as they are now. Never rejects. */
export async function probeRoot(root: string): Promise<RootState> {
  try {
    const stats = await calls.stat(root);
    if (!stats.isDirectory()) return { state: 'unreadable', reason: `${root} is not a folder` };
    return { state: 'present', device: stats.dev, inode: stats.ino, marker: await readMarker(root) };
  } catch (thrown) {
    const code = systemCode(thrown) ?? String(thrown);
    if (code === 'ENOENT') return { state: 'missing', reason: `there is no folder ${root}` };
    return { state: 'unreadable', reason: `${root} cannot be read (${code})` };
  }
}

async function readMarker(root: string): Promise<Uint8Array | undefined> {
  try {
    return await withFolder(root, [PRIVATE_FOLDER], async (folder) => {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const descriptor = await calls.open(folder.at(MARKER), flags);
      try {
        const bytes = new Uint8Array(MARKER_BYTES_MAX);
        const bytesRead = await calls.read(descriptor, bytes, 0, bytes.length, 0);
        return bytes.slice(0, bytesRead);
      } finally {
        await calls.close(descriptor);
      }
    });
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

/** Makes `.filemesh/` with its rooms, tries hard links and writes the marker, all durable when it resolves. */
export async function prepareRoot(root: string, directories: DirectorySync, marker: Uint8Array): Promise<void> {
  try {
    await withFolder(root, [], async (folder) => {
      await makeIfMissing(folder.at(PRIVATE_FOLDER), PRIVATE_MODE);
    });
    await withFolder(root, [PRIVATE_FOLDER], async (folder) => {
      await calls.chmod(folder.at('.'), PRIVATE_MODE);
      for (const room of ROOMS) await makeIfMissing(folder.at(room), PRIVATE_MODE);
      await tryLink(root, folder);
      await writeMarker(folder, marker);
    });
    await directories.syncWithParents(PRIVATE_FOLDER);
  } catch (thrown) {
    if (isMissing(thrown)) {
      const advice = 'the folder is missing, or .filemesh in it is a link, a file, or on another disk';
      throw new MeshError('failed', `cannot use ${root}: ${advice}`, { cause: thrown });
    }
    throw asDiskError(thrown, 'cannot use the folder', root);
  }
}

/** Commit puts files in place by hard links: a folder that has none cannot serve. */
async function tryLink(root: string, folder: Folder): Promise<void> {
  const [from, to] = [folder.at(TRIAL), folder.at(`${TRIAL}-link`)];
  for (const left of [from, to]) await removeIfThere(left);
  await calls.close(await calls.open(from, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
  try {
    await calls.link(from, to);
  } catch (thrown) {
    const advice = 'its file system has no hard links; choose a folder on another one, such as ext4, xfs, btrfs or APFS';
    throw new MeshError('failed', `cannot use ${root}: ${advice} (${systemCode(thrown)})`, { cause: thrown });
  } finally {
    for (const left of [from, to]) await removeIfThere(left);
  }
}

async function writeMarker(folder: Folder, marker: Uint8Array): Promise<void> {
  const fresh = folder.at(`${MARKER}.new`);
  await removeIfThere(fresh);
  const descriptor = await calls.open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    const bytesWritten = await calls.write(descriptor, marker, 0, marker.length, 0);
    if (bytesWritten < marker.length) throw new MeshError('full', 'the marker does not fit on the disk; free some space');
    await calls.fsync(descriptor);
  } finally {
    await calls.close(descriptor);
  }
  await calls.rename(fresh, folder.at(MARKER));
}
