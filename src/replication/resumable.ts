import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Staging } from '../folder/folder.ts';

/**
 * A fetch cut short by its sources goes on later with what it has, as long as somebody wants the content; any other end leaves
 * nothing.
 */
export async function discardUnlessResumable(
  staging: Staging,
  error: unknown,
  catalog: Pick<Catalog, 'view'>,
  { path, hash }: { readonly path: FilePath; readonly hash: ContentHash },
): Promise<void> {
  const isCutShort = error instanceof MeshError && (error.code === 'unavailable' || error.code === 'closed');
  // It may have been deleted, or replaced: that is why nobody gives it any more.
  const isWanted = catalog.view(path)?.contents.some((one) => one.hash === hash) === true;
  if (!isCutShort || !isWanted) await staging.discard();
}
