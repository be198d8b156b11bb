import type { Stats } from 'node:fs';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { quote } from '../../core/path.ts';
import { type ActFault, type DiskPath, WHOLE_BYTES_MAX, type WholeFile } from '../disk.ts';
import { isFault, orFault } from './act-faults.ts';
import { calls } from './file-calls.ts';
import { fileStatOf, READ } from './open-file.ts';
import { type Folder, isMissing } from './safe-path.ts';
import { asDiskError, asReadWriteError, systemCode } from './system-error.ts';

/** One to be read, with its place among the answers. */
interface Entry {
  readonly item: DiskPath;
  readonly index: number;
  readonly leaf: string;
}

/** A file on its way through `readSome`. */
interface Opened {
  readonly entry: Entry;
  readonly descriptor: number;
  readonly stats: Stats;
}

/** Reads small files of one folder whole; with `sync` their bytes are durable then. */
export async function readSome(
  folder: Folder | undefined,
  entries: readonly Entry[],
  answers: (WholeFile | ActFault)[],
  sync: boolean,
): Promise<void> {
  const opened: Opened[] = [];
  for (const entry of entries) {
    const one = await orFault(() => openOne(folder, entry), asMeshError);
    if (isFault(one)) answers[entry.index] = one;
    else opened.push(one);
  }
  // One block for all: it goes to another thread as one.
  const block = new Uint8Array(opened.reduce((sum, { stats }) => sum + stats.size, 0));
  let at = 0;
  await Promise.all(
    opened.map(async ({ entry, descriptor, stats }) => {
      const memory = block.subarray(at, at + stats.size);
      at += stats.size;
      answers[entry.index] = await orFault(
        async () => {
          try {
            // Before: a store into a mapped page that is dirty already shows in no stat.
            if (sync) await calls.fsync(descriptor);
            const bytes = await readInto(memory, descriptor);
            return { stat: fileStatOf(stats), after: fileStatOf(await calls.fstat(descriptor)), bytes };
          } finally {
            await calls.close(descriptor);
          }
        },
        (thrown) => asReadWriteError(thrown, 'cannot read', entry.item),
      );
    }),
  );
}

async function openOne(folder: Folder | undefined, entry: Entry): Promise<Opened> {
  const path = entry.item;
  if (folder === undefined) throw new MeshError('gone', `there is no file ${quote(path)}`);
  let descriptor: number;
  try {
    descriptor = await calls.open(folder.at(entry.leaf), READ);
  } catch (thrown) {
    // ENXIO: a socket lies there.
    const missing = isMissing(thrown) || systemCode(thrown) === 'ENXIO';
    if (missing) throw new MeshError('gone', `there is no file ${quote(path)}`, { cause: thrown });
    throw asDiskError(thrown, 'cannot open', path);
  }
  try {
    const stats = await calls.fstat(descriptor);
    if (!stats.isFile() || stats.dev !== folder.device) throw new MeshError('gone', `${quote(path)} is not a regular file`);
    if (stats.size > WHOLE_BYTES_MAX) throw new MeshError('changed', `${quote(path)} is larger than it was`);
    return { entry, descriptor, stats };
  } catch (thrown) {
    await calls.close(descriptor);
    throw thrown;
  }
}

async function readInto(memory: Uint8Array, descriptor: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < memory.length) {
    const count = await calls.read(descriptor, memory, filled, memory.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return memory.subarray(0, filled);
}
