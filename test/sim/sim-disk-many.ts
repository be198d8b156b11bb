import { asMeshError, MeshError } from '../../src/core/errors.ts';
import { folderOf, PRIVATE_FOLDER, quote } from '../../src/core/path.ts';
import {
  type ActFault,
  type CommitOutcome,
  type DiskPath,
  type FileStat,
  type NewFileIntent,
  type StagedWhole,
  WHOLE_BYTES_MAX,
  type WholeFile,
} from '../../src/platform/disk.ts';
import type { DiskActs } from './sim-disk-acts.ts';
import { isSameContent, SimCommit, type StepHook } from './sim-disk-commit.ts';
import { SimOpenFile } from './sim-disk-files.ts';

const STAGE = `${PRIVATE_FOLDER}/stage`;

/** Times each was asked for: a test sees whether batches are used at all. */
export interface ManyCounts {
  readMany: number;
  stageMany: number;
  commitMany: number;
}

/** What it needs of its disk. */
interface Looks {
  stat(path: DiskPath): Promise<FileStat | undefined>;
  /** Rejects when the folders above may not be entered. */
  reach(path: DiskPath): Promise<void>;
}

/** Many acts at once: those on one folder come in any order, as their latencies fall; its sync comes after the last. */
export class SimManyActs {
  readonly counts: ManyCounts = { readMany: 0, stageMany: 0, commitMany: 0 };
  readonly #disk: Looks;
  readonly #acts: DiskActs;
  readonly #hook: () => StepHook | undefined;
  #steps = 0;

  constructor(disk: Looks, acts: DiskActs, hook: () => StepHook | undefined) {
    this.#disk = disk;
    this.#acts = acts;
    this.#hook = hook;
  }

  statMany(paths: readonly DiskPath[]): Promise<(FileStat | undefined | ActFault)[]> {
    return Promise.all(paths.map((path) => orFault(() => this.#disk.stat(path))));
  }

  async readMany(paths: readonly DiskPath[], { sync }: { readonly sync: boolean }): Promise<(WholeFile | ActFault)[]> {
    this.counts.readMany += 1;
    const read = await Promise.all(paths.map((path) => orFault(() => this.#disk.reach(path).then(() => this.#read(path, sync)))));
    const there = paths.filter((_, index) => !isFault(read[index]));
    if (!sync || there.length === 0) return read;
    const synced = await orFault(() => this.#acts.syncFoldersOf(...there));
    return read.map((one) => (isFault(one) || !isFault(synced) ? one : synced));
  }

  async stageMany(wholes: readonly StagedWhole[]): Promise<(FileStat | ActFault)[]> {
    this.counts.stageMany += 1;
    const staged = await Promise.all(wholes.map((whole) => orFault(() => this.#stage(whole))));
    if (staged.every(isFault)) return staged;
    const synced = await orFault(() => this.#acts.syncFoldersOf(`${STAGE}/x`));
    if (!isFault(synced)) return staged;
    await Promise.all(
      wholes.map(({ name }, index) =>
        isFault(staged[index]) ? undefined : this.#acts.unlink(`${STAGE}/${name}`).catch(() => undefined),
      ),
    );
    return staged.map((one) => (isFault(one) ? one : synced));
  }

  async commitMany(intents: readonly NewFileIntent[]): Promise<(CommitOutcome | ActFault)[]> {
    this.counts.commitMany += 1;
    const folders = new Map<string, NewFileIntent[]>();
    for (const intent of intents) {
      const folder = folderOf(intent.path);
      folders.set(folder, [...(folders.get(folder) ?? []), intent]);
    }
    const outcomes = new Map<NewFileIntent, CommitOutcome | ActFault>();
    await Promise.all([...folders.values()].map((those) => this.#commitIn(those, outcomes)));
    return intents.map((intent) => outcomes.get(intent) as CommitOutcome | ActFault);
  }

  async #commitIn(intents: readonly NewFileIntent[], outcomes: Map<NewFileIntent, CommitOutcome | ActFault>): Promise<void> {
    const links = await Promise.all(intents.map((intent) => this.#link(intent)));
    const linked = intents.flatMap((intent, index) => {
      const stat = links[index];
      return stat === undefined ? [] : [{ intent, stat }];
    });
    for (const intent of intents) {
      if (linked.some((one) => one.intent === intent)) continue;
      outcomes.set(intent, await orFault(() => new SimCommit(this.#acts, intent, this.#hook()).run()));
    }
    if (linked.length === 0) return;
    const synced = await orFault(() => this.#do(() => this.#acts.syncFoldersOf(...linked.map(({ intent }) => intent.path))));
    await Promise.all(
      linked.map(async ({ intent, stat }) => {
        outcomes.set(intent, isFault(synced) ? synced : await orFault(() => this.#end(intent, stat)));
      }),
    );
  }

  /** The stat of what was linked; undefined: it was not, and `commit` finds out why. */
  async #link({ path, staged }: NewFileIntent): Promise<FileStat | undefined> {
    const stat = folderOf(staged) === STAGE ? await this.#acts.stat(staged).catch(() => undefined) : undefined;
    if (stat === undefined) return undefined;
    try {
      await this.#do(() => this.#acts.makeFolders(folderOf(path)));
      await this.#do(() => this.#acts.link(staged, path));
      return stat;
    } catch {
      return undefined;
    }
  }

  async #end({ path, staged }: NewFileIntent, linked: FileStat): Promise<CommitOutcome> {
    // Held open, so that the stat is of our file even when another has taken its name.
    const file = await this.#acts.open(staged);
    try {
      await this.#do(() => this.#acts.unlink(staged));
      const stat = await this.#do(() => this.#acts.act('look', `stat ${path}`, () => file.inode.stat()));
      return { result: 'done', stat: isSameContent(stat, linked) ? stat : { ...linked, ctimeMs: 0 } };
    } finally {
      this.#acts.release(file);
    }
  }

  async #read(path: DiskPath, sync: boolean): Promise<WholeFile> {
    const descriptor = await this.#acts.open(path);
    const file = new SimOpenFile(this.#acts, path, descriptor);
    try {
      if (file.stat.size > WHOLE_BYTES_MAX) throw new MeshError('changed', `${quote(path)} is larger than it was`);
      if (sync) await this.#acts.syncFile(descriptor, path);
      const bytes = await file.read(0, file.stat.size);
      return { stat: file.stat, after: await file.restat(), bytes };
    } finally {
      await file.close();
    }
  }

  async #stage({ name, bytes, mode, mtimeMs }: StagedWhole): Promise<FileStat> {
    const path = `${STAGE}/${name}`;
    if ((await this.#acts.stat(path)) !== undefined) throw new MeshError('bad-place', `${quote(path)} is there already`);
    const file = await this.#acts.openOrCreate(path);
    try {
      await this.#acts.act('write', `write ${path} whole`, (volume) => {
        volume.write(file.inode, 0, bytes);
        file.inode.finish(mode, mtimeMs, volume.clock.wallMs());
      });
      await this.#acts.syncFile(file, path);
      return file.inode.stat();
    } catch (thrown) {
      await this.#acts.unlink(path).catch(() => undefined);
      throw thrown;
    } finally {
      this.#acts.release(file);
    }
  }

  async #do<T>(act: () => Promise<T>): Promise<T> {
    await this.#hook()?.(this.#steps++);
    return act();
  }
}

function isFault(answer: unknown): answer is ActFault {
  return typeof answer === 'object' && answer !== null && 'code' in answer;
}

async function orFault<Given>(act: () => Promise<Given>): Promise<Given | ActFault> {
  try {
    return await act();
  } catch (thrown) {
    const { code, message } = asMeshError(thrown);
    return { code, message };
  }
}
