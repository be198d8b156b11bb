import type { Hint, Watch } from '../disk.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { ANCHORED } from './safe-path.ts';

/** Watches every directory below `root`, resolved when the watches stand. */
export async function watchRoot(root: string, hint: Hint): Promise<Watch> {
  if (ANCHORED) return await DirectoryWatch.open(root, hint);
  const { watchTree } = await import('./tree-watch.ts');
  return await watchTree(root, hint);
}
