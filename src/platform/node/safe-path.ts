import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { MeshError } from '../../core/errors.ts';
import { PRIVATE_FOLDER, quote } from '../../core/path.ts';
import { calls } from './file-calls.ts';
import { systemCode } from './system-error.ts';

/**
 * Node has no `openat`. On Linux a name below an open directory is reached through /proc/self/fd, so that swapping a
 * parent for a symlink after it was opened changes nothing. Elsewhere every parent is looked at just before the act:
 * a swap within microseconds is not seen there.
 */
export const ANCHORED = process.platform === 'linux';
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A real directory in the shared folder, held for the length of one act. */
export interface Folder {
  /** Where the system finds `leaf` in this directory. Only good while the folder is held. */
  at(leaf: string): string;
  /** The open directory, for fsync. */
  readonly descriptor: number;
  /** The device of the shared folder, and of this directory. */
  readonly device: number;
}

/** A folder that its holder must `release`. */
export interface HeldFolder extends Folder {
  release(): void;
}

/** `a/b/c` → [`a`, `b`, `c`]. Refuses what could climb or name the root: paths come from the wire too. */
export function componentsOf(path: string): string[] {
  const components = path.split('/');
  for (const component of components) {
    if (component === '' || component === '.' || component === '..' || component.includes('\0')) {
      throw new MeshError('bad-place', `${quote(path)} is no path below the folder`);
    }
  }
  return components;
}

/**
 * Opens the directory `components` below `root`, no symlink on the way. With `make`, makes what is missing (not durably:
 * sync the folder and all above it). Rejects with the system's error when a component is missing (ENOENT), is no
 * directory (ENOTDIR, ELOOP), or the last one lies on another device than the root (EXDEV).
 */
export async function holdFolder(root: string, components: readonly string[], make = false): Promise<HeldFolder> {
  // The root and the program's own folders are always in the system's memory: the way through a thread would cost ten
  // times what opening them does. A person's folder may have to come from the disk first. A close never waits.
  const atOnce = components.length === 0 || components[0] === PRIVATE_FOLDER;
  let descriptor = openSync(root, DIRECTORY);
  let path = root;
  try {
    const device = fstatSync(descriptor).dev;
    for (const component of components) {
      const reachedAt = `${baseOf(descriptor, path)}/${component}`;
      const below = atOnce && !make ? openSync(reachedAt, DIRECTORY) : await openBelow(reachedAt, make);
      closeSync(descriptor);
      descriptor = below;
      path = `${path}/${component}`;
    }
    if (fstatSync(descriptor).dev !== device) throw Object.assign(new Error('on another device'), { code: 'EXDEV' });
    const [held, base] = [descriptor, baseOf(descriptor, path)];
    return { descriptor, device, at: (leaf) => `${base}/${leaf}`, release: () => closeSync(held) };
  } catch (thrown) {
    closeSync(descriptor);
    throw thrown;
  }
}

function baseOf(descriptor: number, path: string): string {
  return ANCHORED ? `/proc/self/fd/${descriptor}` : path;
}

async function openBelow(path: string, make: boolean): Promise<number> {
  try {
    return await calls.open(path, DIRECTORY);
  } catch (thrown) {
    if (!make || systemCode(thrown) !== 'ENOENT') throw thrown;
  }
  await makeIfMissing(path);
  return calls.open(path, DIRECTORY);
}

/** Holds the folder `components` while `act` runs. */
export async function withFolder<Result>(
  root: string,
  components: readonly string[],
  act: (folder: Folder) => Promise<Result>,
  make = false,
): Promise<Result> {
  const folder = await holdFolder(root, components, make);
  try {
    return await act(folder);
  } finally {
    folder.release();
  }
}

/** Makes a directory that another commit, or a person, may have made meanwhile. */
export async function makeIfMissing(path: string, mode = 0o777): Promise<void> {
  try {
    await calls.mkdir(path, mode);
  } catch (thrown) {
    if (systemCode(thrown) !== 'EEXIST') throw thrown;
  }
}

/** Takes a name away that may be gone. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await calls.unlink(path);
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw thrown;
  }
}

/** Like `withFolder` for the directory that `path` lies in; `act` gets its last component too. */
export async function withParent<Result>(
  root: string,
  path: string,
  act: (folder: Folder, leaf: string) => Promise<Result>,
): Promise<Result> {
  const components = componentsOf(path);
  const leaf = components.pop() as string;
  return withFolder(root, components, (folder) => act(folder, leaf));
}

/** What lies at `leaf`, not followed; undefined when nothing does. */
export async function look(folder: Folder, leaf: string): Promise<Stats | undefined> {
  try {
    return await calls.lstat(folder.at(leaf));
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EXDEV']);

/** True for the error of a name that is not there or cannot be: too long, below a file or a link, on another device. */
export function isMissing(thrown: unknown): boolean {
  return MISSING.has(systemCode(thrown) ?? '');
}
