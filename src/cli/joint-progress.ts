import type { Progress } from '../client/transfer.ts';

interface Part {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly savedBytes: number;
}

/**
 * The progress of several files as that of one: whoever waits for all of them wants to know how far all are. `sizes`: bytes of
 * each, by what it is called in its progress; of one file alone it stays as it is.
 */
export function jointly(progress: Progress | undefined, sizes: ReadonlyMap<string, number>): Progress | undefined {
  if (progress === undefined || sizes.size < 2) return progress;
  const parts = new Map<string, Part>();
  for (const [what, totalBytes] of sizes) parts.set(what, { doneBytes: 0, totalBytes, savedBytes: 0 });
  const sum = { doneBytes: 0, totalBytes: [...sizes.values()].reduce((all, size) => all + size, 0), savedBytes: 0 };
  return (what, doneBytes, totalBytes, savedBytes = 0) => {
    const before = parts.get(what);
    // That a file is read before it is sent shows that something goes on, and is no progress of all.
    if (before !== undefined) {
      parts.set(what, { doneBytes, totalBytes, savedBytes });
      sum.doneBytes += doneBytes - before.doneBytes;
      sum.totalBytes += totalBytes - before.totalBytes;
      sum.savedBytes += savedBytes - before.savedBytes;
    }
    progress(`${sizes.size} files`, sum.doneBytes, sum.totalBytes, sum.savedBytes);
  };
}
