import { closeSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contest.ts';
import { assertEqual, makeFiles, makeLargeFile } from './files.ts';
import type { Ground } from './ground.ts';
import type { Keeper } from './keeper.ts';

/** What a job needs: where it runs, and how many receivers must have the bytes at its end. */
export interface Surroundings {
  readonly ground: Ground;
  readonly receivers: number;
}

/** The name of the file that is changed again and again. */
const CHANGED = 'changed.bin';

/** A new large file is dropped. */
export function dropLarge(keeper: Keeper, bytes: number, { ground, receivers }: Surroundings): Contender {
  const source = join(ground.folder, `${keeper.name}-source`);
  const path = (run: number) => `large-${run}.bin`;
  return {
    name: keeper.name,
    cpuMs: () => keeper.cpuMs(),
    prepare: () => makeLargeFile(source, bytes),
    go: (run) => keeper.spread(path(run), 1, () => renameSync(source, join(keeper.folderOf(1), path(run)))),
    check: async (run) => {
      await assertReceived(keeper, path(run), receivers);
      await keeper.discard(path(run));
    },
  };
}

/** A folder with many small files is dropped. */
export function dropMany(keeper: Keeper, count: number, bytes: number, { ground, receivers }: Surroundings): Contender {
  const source = join(ground.folder, `${keeper.name}-made`);
  const path = (run: number) => `made-${run}`;
  return {
    name: keeper.name,
    cpuMs: () => keeper.cpuMs(),
    prepare: () => {
      rmSync(source, { recursive: true, force: true });
      makeFiles(source, count, bytes);
    },
    go: (run) => keeper.spread(path(run), count, () => renameSync(source, join(keeper.folderOf(1), path(run)))),
    check: (run) => assertReceived(keeper, path(run), receivers),
  };
}

/** A large file that all have: one byte of it is changed in place, in its middle. */
export function changeByte(keeper: Keeper, bytes: number, surroundings: Surroundings): Contender {
  const file = join(keeper.folderOf(1), CHANGED);
  return {
    name: keeper.name,
    cpuMs: () => keeper.cpuMs(),
    prepare: () => spreadOnce(keeper, bytes, surroundings),
    go: () => keeper.spread(CHANGED, 1, () => turnByte(file, Math.floor(bytes / 2))),
    check: () => assertReceived(keeper, CHANGED, surroundings.receivers),
  };
}

/** A large file that all have: it is replaced by one that has one more byte, at its start. */
export function insertByte(keeper: Keeper, bytes: number, surroundings: Surroundings): Contender {
  const file = join(keeper.folderOf(1), CHANGED);
  const next = join(surroundings.ground.folder, `${keeper.name}-next`);
  return {
    name: keeper.name,
    cpuMs: () => keeper.cpuMs(),
    prepare: async () => {
      await spreadOnce(keeper, bytes, surroundings);
      const { ended } = surroundings.ground.start(1, ['sh', '-c', '{ printf x; cat "$1"; } > "$2"', 'sh', file, next]);
      await ended;
    },
    go: () => keeper.spread(CHANGED, 1, () => renameSync(next, file)),
    check: () => assertReceived(keeper, CHANGED, surroundings.receivers),
  };
}

async function spreadOnce(keeper: Keeper, bytes: number, { ground, receivers }: Surroundings): Promise<void> {
  const file = join(keeper.folderOf(1), CHANGED);
  if (statSync(file, { throwIfNoEntry: false }) !== undefined) return;
  const source = join(ground.folder, `${keeper.name}-source`);
  await makeLargeFile(source, bytes);
  await keeper.spread(CHANGED, 1, () => renameSync(source, file));
  await assertReceived(keeper, CHANGED, receivers);
}

/** Changes one byte in place. */
export function turnByte(file: string, position: number): void {
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, position);
  writeSync(descriptor, Buffer.from([((byte[0] ?? 0) + 1) % 256]), 0, 1, position);
  closeSync(descriptor);
}

async function assertReceived(keeper: Keeper, path: string, count: number): Promise<void> {
  const receivers = keeper.receivers(path);
  if (receivers.length < count) throw new Error(`${keeper.name}: ${receivers.length} of ${count} receivers have ${path}`);
  for (const host of receivers) await assertEqual(join(keeper.folderOf(1), path), join(keeper.folderOf(host), path));
}
