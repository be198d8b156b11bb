import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, parse, resolve } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { PRIVATE_FOLDER, quote } from '../core/path.ts';
import type { Home } from './home.ts';
import { makeFolders } from './make-folders.ts';
import { isPeerFolder, peerFolderAround } from './peer-folder.ts';
import { systemReason } from './system-reason.ts';

/** Where a peer keeps what is its own. */
export interface PeerPlaces {
  /** The shared folder, as it is really called. */
  readonly folder: string;
  /** Its key lies here. */
  readonly identityDirectory: string;
  readonly storeFile: string;
  readonly logFile: string;
}

/** The file whose absence says that a folder has lost its identity. */
const IDENTITY_FILE = 'identity.key';

/**
 * Makes sure that `folder` can be a peer's: it is there (made if missing), is no whole disk and no bare home, neither lies in
 * another peer's folder nor has one in it, and has the identity it had before. Rejects with `usage` or `failed`. Nothing is made
 * in a folder that is refused.
 */
export async function preparePlaces(folder: string, home: Home, isNew: boolean): Promise<PeerPlaces> {
  const wanted = resolve(folder);
  if (parse(wanted).root === wanted || samePlace(wanted, homedir())) throw refused(wanted);
  const real = await realpath(wanted).catch(() => wanted);
  if (parse(real).root === real || samePlace(real, await realpath(homedir()).catch(homedir))) throw refused(wanted);
  const around = await peerFolderAround(real);
  if (around !== undefined) throw nested(real, around);
  const below = (await home.foldersBelow(real)).find(isPeerFolder);
  if (below !== undefined) throw nesting(real, below);
  const privateFolder = join(real, PRIVATE_FOLDER);
  const known = await home.peerOfFolder(real);
  if (known !== undefined && !isNew && !existsSync(join(privateFolder, IDENTITY_FILE))) throw lost(real, known);
  await makeFolder(real);
  const places = {
    folder: real,
    identityDirectory: privateFolder,
    storeFile: join(privateFolder, 'store', 'peer.db'),
    logFile: join(privateFolder, 'log', 'peer.log'),
  };
  for (const file of [places.storeFile, places.logFile]) await makePrivate(dirname(file));
  return places;
}

/** The folder `up` takes when none is named. */
export function defaultFolder(): string {
  return join(homedir(), 'filemesh');
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (cause) {
    // Those above it are there: it is a place such as /proc.
    const isNoPlace = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isNoPlace ? 'no folder can be made there' : systemReason(cause);
    throw new MeshError('failed', `the folder ${quote(folder)} cannot be used: ${reason}`, { cause });
  }
}

async function makePrivate(folder: string): Promise<void> {
  try {
    await makeFolders(folder, 0o700);
  } catch (cause) {
    throw new MeshError(
      'failed',
      `${quote(folder)} cannot be made: ${systemReason(cause)}; a peer must be able to write in its folder`,
      { cause },
    );
  }
}

function samePlace(a: string, b: string): boolean {
  return resolve(a) === resolve(b);
}

function refused(folder: string): MeshError {
  return new MeshError(
    'usage',
    `${quote(folder)} cannot be shared as a whole; make a folder for it, such as ${quote(defaultFolder())}`,
  );
}

/** In one mesh each file would be stored again and again, one folder deeper each time. */
function nested(folder: string, around: string): MeshError {
  return new MeshError(
    'usage',
    `${quote(folder)} lies in ${quote(around)}, which another peer shares already with all that is in it; take a folder outside of it`,
  );
}

/** The same the other way round. */
function nesting(folder: string, below: string): MeshError {
  const gone = `if that peer is no more, remove ${PRIVATE_FOLDER} in it first`;
  return new MeshError(
    'usage',
    `${quote(folder)} has ${quote(below)} in it, which another peer shares already; take a folder beside it, or ${gone}`,
  );
}

function lost(folder: string, peer: string): MeshError {
  return new MeshError(
    'failed',
    `${quote(folder)} belonged to the peer ${peer.slice(0, 12)} and its identity is gone: is the disk mounted? If it is to begin anew, use --new`,
  );
}
