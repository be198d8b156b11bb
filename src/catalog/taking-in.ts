import type { FilePath } from '../core/ids.ts';
import type { Batch } from './change-queue.ts';
import type { KnownPaths } from './known-paths.ts';
import type { Pauses } from './pauses.ts';

/** Is told of the paths whose view changed. */
type Tell = (changed: ReadonlySet<FilePath>) => void;

/** Takes a durable batch into memory. */
export function takeIn(known: KnownPaths, batch: Batch, tell: Tell): void {
  const changed = setLines(known, batch.lines);
  batch.durable();
  if (changed.size > 0) tell(changed);
}

/**
 * The same for a batch that replaces the copy of an index, which is too much for one turn: its paths come in a few at a
 * time, and the state of the copy with the last of them.
 */
export async function takeInSlowly(known: KnownPaths, batch: Batch, pauses: Pauses, tell: Tell): Promise<void> {
  await pauses.each(batch.lines, (lines) => {
    const changed = setLines(known, lines);
    if (changed.size > 0) tell(changed);
  });
  batch.durable();
}

function setLines(known: KnownPaths, all: readonly Batch['lines'][number][]): Set<FilePath> {
  const changed = new Set<FilePath>();
  for (const { peer, path, lines } of all) if (known.set(peer, path, lines)) changed.add(path);
  return changed;
}
