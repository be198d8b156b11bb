import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { faultOfPath, quote } from '../core/path.ts';
import { systemReason } from './system-reason.ts';

/** One file to be uploaded: where it lies here, and its name in the mesh. */
export interface TreeFile {
  readonly file: string;
  readonly path: string;
}

export interface Tree {
  readonly files: readonly TreeFile[];
  /** What lies there and cannot be kept, with the reason. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** Every regular file below a folder. Links are not followed. `path`: the folder's name in the mesh, or empty for its top. */
export async function walkTree(folder: string, path: string): Promise<Tree> {
  const files: TreeFile[] = [];
  const skipped: { file: string; reason: string }[] = [];
  const folders: TreeFile[] = [{ file: folder, path }];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const entries = await namesIn(next.file);
    for (const entry of entries) {
      const file = join(next.file, entry.name);
      const name = next.path === '' ? entry.name : `${next.path}/${entry.name}`;
      const fault = entry.isSymbolicLink() ? 'it is a symbolic link' : faultOfPath(name);
      if (fault !== undefined) skipped.push({ file, reason: fault });
      else if (entry.isDirectory()) folders.push({ file, path: name });
      else if (entry.isFile()) files.push({ file, path: name });
      else skipped.push({ file, reason: 'it is no regular file' });
    }
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), skipped };
}

/** Throws `usage` where two of them would get one name: the later would silently take the place of the earlier one. */
export function refuseOneName(files: readonly TreeFile[]): void {
  const named = new Map<string, string>();
  for (const { file, path } of files) {
    const name = path.normalize('NFC');
    const other = named.get(name) ?? file;
    if (other !== file)
      throw new MeshError(
        'usage',
        `${quote(other)} and ${quote(file)} would both be ${quote(name)}; upload one of them with another --to`,
      );
    named.set(name, file);
  }
}

/** Whether `file` is a folder; rejects with `usage` when there is nothing. */
export async function isFolder(file: string): Promise<boolean> {
  try {
    return (await lstat(file)).isDirectory();
  } catch (cause) {
    throw new MeshError('usage', `${quote(file)} cannot be read: there is no such file here`, { cause });
  }
}

async function namesIn(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw new MeshError('failed', `the folder ${quote(folder)} cannot be read: ${systemReason(cause)}`, { cause });
  }
}
