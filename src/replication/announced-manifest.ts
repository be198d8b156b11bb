import type { FilePath } from '../core/ids.ts';
import type { FileVersion } from '../core/version.ts';
import type { Folder, Striped } from '../folder/folder.ts';
import type { Link } from '../wire/link.ts';
import { fetchManifest } from '../wire/manifest.ts';

/** A content as the announced manifest cuts it, from the first of `links` that gives that one; undefined: none does. */
export async function announcedManifest(
  folder: Folder,
  links: readonly Link[],
  path: FilePath,
  version: FileVersion,
): Promise<Striped | undefined> {
  const { hash, size } = version;
  for (const link of links) {
    const manifest = await fetchManifest([link], { path, hash, size });
    try {
      if (manifest !== undefined) return folder.runs.striped(version, manifest);
    } catch {
      // Of another content: the next may have the right one.
    }
  }
  return undefined;
}
