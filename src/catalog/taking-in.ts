import type { FilePath } from '../core/ids.ts';
import type { Batch } from './change-queue.ts';
import type { KnownPaths } from './known-paths.ts';
import type { Pauses } from './pauses.ts';
import type { RecentRecords } from './recent-records.ts';

/** Is told of the paths whose view changed. */
type Tell = (changed: ReadonlySet<FilePath>) => void;

interface Memory {
  readonly known: KnownPaths;
  readonly recent: RecentRecords;
}

/** Takes a durable batch into memory. */
export function takeIn({ known, recent }: Memory, batch: Batch, tell: Tell): void {
  const changed = setLines(known, batch.lines);
  recent.add(batch.lines);
  batch.durable();
  if (changed.size > 0) tell(changed);
}

/**
 * The same for a batch that replaces the copy of an index, which is too much for one turn: its paths come in a few at a
 * time, and the state of the copy with the last of them. `head`: of the own index, with the batch.
 */
export async function takeInSlowly(
  { known, recent }: Memory,
  batch: Batch,
  { pauses, head }: { readonly pauses: Pauses; readonly head: number },
  tell: Tell,
): Promise<void> {
  recent.forget(head);
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
