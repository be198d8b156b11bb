import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Incoming } from '../client/transfer.ts';
import { MeshError } from '../core/errors.ts';
import { baseName, checkPath, folderOf } from '../core/path.ts';
import type { Entry } from '../wire/calls.ts';

/** Where the contents of a download go on this machine. */
export interface LocalPlace {
  /** The file for one content. */
  fileOf(incoming: Pick<Incoming, 'path' | 'label'>): string;
}

/**
 * Where what `name` selected goes. One file: into the folder `to` (an existing one, or one written with a slash), else it
 * becomes the file `to`. Several: below the folder `to`, a folder's files under its last component, those of a pattern
 * under their own, or under their whole paths where two would meet.
 */
export async function localPlace(name: string, entries: readonly Entry[], to: string | undefined): Promise<LocalPlace> {
  const only = entries.length === 1 ? entries[0] : undefined;
  const isNamed = only !== undefined && only.path === name.replace(/\/+$/, '').normalize('NFC');
  const folder = to ?? '.';
  const isFolder = to === undefined || to.endsWith('/') || (await isDirectory(folder));
  if (only !== undefined && isNamed && !isFolder) return { fileOf: (incoming) => labelled(folder, incoming.label) };
  if (!isFolder && (await exists(folder)))
    throw new MeshError('usage', `--to must be a folder, for several files are to be saved`);
  const cut = commonCut(name, entries);
  return { fileOf: (incoming) => join(folder, safePath(incoming.path).slice(cut(incoming.path))) };
}

/** How much of a path is left out: the folders above what was named, or above the file itself. */
function commonCut(name: string, entries: readonly Entry[]): (path: string) => number {
  const named = name.replace(/\/+$/, '').normalize('NFC');
  const upToBase = (path: string) => path.length - baseName(path).length;
  if (entries.every((entry) => entry.path.startsWith(`${named}/`))) return () => named.length - baseName(named).length;
  const bases = new Set(entries.map((entry) => baseName(entry.path)));
  return bases.size === entries.length ? upToBase : () => 0;
}

/** A peer told this path: it is checked again before it names a place on this disk. */
function safePath(path: string): string {
  return folderOf(path) === '' ? checkPath(baseName(path)) : checkPath(path);
}

/** `out.txt` and the origin `alpha`: `out (alpha).txt`. */
function labelled(file: string, label: string | undefined): string {
  if (label === undefined) return file;
  const extension = extname(file);
  return join(dirname(file), `${basename(file, extension)} (${label.replaceAll('/', '_')})${extension}`);
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
