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
  const sources = links.map((link) => ({ link }));
  return await fetchManifest(sources, { path, hash, size }, (manifest) => folder.runs.striped(version, manifest));
}
