import { isUtf8 } from 'node:buffer';
import { type Dir, type Dirent, lstat, opendir, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { isPrivate, PRIVATE_FOLDER } from '../../core/path.ts';
import type { FileStat, SkipReason, WalkEntry } from '../disk.ts';
import { fileStatOf } from './open-file.ts';
import { componentsOf, type Folder, holdFolder, isMissing } from './safe-path.ts';
import { asDiskError, systemCode } from './system-error.ts';

/** Names of one directory looked at together: their stats wait side by side. Range 1–1,000. */
const NAMES_MAX = 512;

/** What keeps a walk out of one directory, and is no reason to give up the others. */
const REASONS: ReadonlyMap<string, SkipReason> = new Map([
  ['EXDEV', 'on another device'],
  ['EACCES', 'unreadable'],
  ['EPERM', 'unreadable'],
  ['EIO', 'unreadable'],
]);

const statPath = promisify(lstat);
// Names come as bytes: what is no valid text must be told, not mangled.
const openDirectory = promisify(opendir) as unknown as (path: string, options: object) => Promise<Dir>;
type RawDirent = Omit<Dirent, 'name'> & { readonly name: Buffer };

/** Every file below `under` (below the root when undefined), one directory after another. */
export async function* walk(root: string, under: string | undefined): AsyncGenerator<readonly WalkEntry[]> {
  const folders = [under ?? ''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // A directory that went away since its name was read is no fault; the root is.
    for await (const names of namesIn(root, folder, folder !== '')) {
      const entries: WalkEntry[] = names.skipped;
      for (const name of names.folders) folders.push(pathOf(folder, name));
      for (const { name, stats } of names.files) {
        if (stats === 'unreadable') entries.push({ path: pathOf(folder, name), kind: 'skipped', reason: stats });
        else entries.push({ path: pathOf(folder, name), kind: 'file', stat: stats });
      }
      if (entries.length > 0) yield entries;
    }
  }
}

function pathOf(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

interface Names {
  folders: string[];
  files: { name: string; stats: FileStat | 'unreadable' }[];
  skipped: WalkEntry[];
}

/** What one directory holds, up to NAMES_MAX names at a time. */
export async function* namesIn(root: string, folder: string, mayBeMissing: boolean): AsyncGenerator<Names> {
  try {
    const held = await holdFolder(root, folder === '' ? [] : componentsOf(folder));
    try {
      const directory = await openDirectory(held.at('.'), { encoding: 'buffer', bufferSize: NAMES_MAX });
      try {
        for (let raw = await readNames(directory); raw.length > 0; raw = await readNames(directory)) {
          yield await sort(held, folder, raw);
        }
      } finally {
        await directory.close();
      }
    } finally {
      held.release();
    }
  } catch (thrown) {
    const reason = folder === '' ? undefined : REASONS.get(systemCode(thrown) ?? '');
    if (reason !== undefined) yield { folders: [], files: [], skipped: [{ path: folder, kind: 'skipped', reason }] };
    else if (!(mayBeMissing && isMissing(thrown)))
      throw asDiskError(thrown, 'cannot read the folder', folder === '' ? root : folder);
  }
}

async function readNames(directory: Dir): Promise<RawDirent[]> {
  const names: RawDirent[] = [];
  while (names.length < NAMES_MAX) {
    const entry = (await directory.read()) as unknown as RawDirent | null;
    if (entry === null) break;
    names.push(entry);
  }
  return names;
}

async function sort(held: Folder, folder: string, raw: readonly RawDirent[]): Promise<Names> {
  const names: Names = { folders: [], files: [], skipped: [] };
  const skip = (name: string, reason: SkipReason) => {
    names.skipped.push({ path: pathOf(folder, name), kind: 'skipped', reason });
  };
  const candidates: string[] = [];
  for (const entry of raw) {
    const name = composed(entry.name.toString());
    const reason = faultOf(entry, name);
    if (folder === '' && name === PRIVATE_FOLDER) continue;
    if (reason !== undefined) skip(name, reason);
    else if (isPrivate(name)) skip(name, 'private folder of another peer');
    else if (entry.isDirectory()) names.folders.push(name);
    else candidates.push(name);
  }
  const stats = await Promise.all(candidates.map((name) => statOf(held, name)));
  stats.forEach((found, index) => {
    const name = candidates[index] as string;
    if (found === undefined) return;
    if (found === 'unreadable') names.files.push({ name, stats: found });
    else if (found.isSymbolicLink()) skip(name, 'symlink');
    else if (!found.isFile()) skip(name, 'not a regular file');
    else if (found.dev !== held.device) skip(name, 'on another device');
    else names.files.push({ name, stats: fileStatOf(found) });
  });
  return names;
}

/** macOS hands out decomposed names and takes either form: there the composed one is as good a name. */
export function composed(name: string): string {
  return process.platform === 'darwin' ? name.normalize('NFC') : name;
}

function faultOf(entry: RawDirent, name: string): SkipReason | undefined {
  if (!isUtf8(entry.name)) return 'name is no valid text';
  if (entry.isSymbolicLink()) return 'symlink';
  if (!entry.isFile() && !entry.isDirectory()) return 'not a regular file';
  return name.normalize('NFC') === name ? undefined : 'name not in composed Unicode form';
}

async function statOf(held: Folder, name: string): Promise<Stats | 'unreadable' | undefined> {
  try {
    return await statPath(held.at(name));
  } catch (thrown) {
    return isMissing(thrown) ? undefined : 'unreadable';
  }
}
