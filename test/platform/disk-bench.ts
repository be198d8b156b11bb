import type { CommitIntent, CommitOutcome, Disk, FileStat } from '../../src/platform/disk.ts';

/** A shared folder, the Disk under test on it, and a person who works in the folder beside the program. */
export interface DiskBench {
  /** The Disk now: another one after `restart`. Not prepared yet when the bench is new. */
  readonly disk: Disk;
  readonly person: Person;
  /**
   * Has `act` called before every step of every commit, with the number of the step (0, 1, …; whatever a step is on this
   * side). When it throws, the commit stops there, as at a crash, and rejects. `undefined`: no more.
   */
  beforeSteps(act: ((step: number) => Promise<void>) | undefined): void;
  /** The process ends and another looks at the same folder: only what is durable needs to be there. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

/** What people and their programs do in the folder. Paths as on the Disk; folders above are made when missing. */
export interface Person {
  /** Writes in place: an existing file keeps its inode. */
  write(path: string, content: string): Promise<void>;
  /** Writes another file and renames it over `path`: a new inode. */
  save(path: string, content: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** The content of the regular file at `path`; undefined when there is none. */
  read(path: string): Promise<string | undefined>;
}

export class Crash extends Error {}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (content: Uint8Array): string => new TextDecoder().decode(content);
export const STAGE = '.filemesh/stage';
export const ASIDE = '.filemesh/aside';

/** A synced and finished stage file of that content; its path. */
export async function stageContent(disk: Disk, name: string, content: string): Promise<string> {
  const staged = await disk.stage(name);
  await staged.write(0, bytes(content));
  await staged.finish(0o640, 1_600_000_000_000);
  await staged.sync();
  await staged.close();
  return staged.path;
}

/** Everything below the folder, sorted. */
export async function walked(disk: Disk, under?: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const batch of under === undefined ? disk.walk() : disk.walk(under)) {
    for (const entry of batch) paths.push(entry.kind === 'file' ? entry.path : `${entry.path} (${entry.reason})`);
  }
  return paths.sort();
}

/** True when nothing happened between the two stats. */
export function isSameStat(a: FileStat | undefined, b: FileStat | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.inode === b.inode;
}

/** The content of one file through the Disk. */
export async function contentOf(disk: Disk, path: string): Promise<string | undefined> {
  if ((await disk.stat(path)) === undefined) return undefined;
  const file = await disk.open(path);
  try {
    return text(await file.read(0, 1024 * 1024));
  } finally {
    await file.close();
  }
}

/** Runs a commit and crashes it before step `crashAt`; undefined then, the outcome when it has fewer steps. */
export async function commitUntil(bench: DiskBench, intent: CommitIntent, crashAt: number): Promise<CommitOutcome | undefined> {
  bench.beforeSteps(async (step) => {
    if (step === crashAt) throw new Crash();
  });
  try {
    return await bench.disk.commit(intent);
  } catch (thrown) {
    if (thrown instanceof Crash) return undefined;
    throw thrown;
  } finally {
    bench.beforeSteps(undefined);
  }
}
