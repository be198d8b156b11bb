import type { Stats } from 'node:fs';
import { asMeshError, MeshError } from '../../core/errors.ts';
import { baseName, folderOf } from '../../core/path.ts';
import type { ActFault, CommitOutcome, DiskPath, FileStat, NewFileIntent, StagedWhole, WholeFile } from '../disk.ts';
import { asFault, faultOf, isFault, orFault } from './act-faults.ts';
import { type CommitRoom, endOfPut, runCommit } from './commit.ts';
import { calls } from './file-calls.ts';
import { fileStatOf } from './open-file.ts';
import { readSome } from './read-whole.ts';
import { componentsOf, type Folder, isMissing, look, removeIfThere, withFolder } from './safe-path.ts';
import { STAGE_ROOM, syncWhole, writeWhole } from './stage-file.ts';
import { asDiskError } from './system-error.ts';

/** Folders worked in at once, and files held open in each: a process may have a thousand open. 1…16 and 1…64. */
const FOLDERS_MAX = 8;
const FILES_MAX = 32;
/** Files made in the stage before they are synced, open until then. 1…128. */
const STAGED_MAX = 64;

/** One of many, with its place among the answers. */
interface Entry<Item> {
  readonly item: Item;
  readonly index: number;
  readonly leaf: string;
}

/** Acts on many small files: each folder is held once and synced once, and the syncs of the files overlap. */
export class ManyActs {
  readonly #room: CommitRoom;
  #steps = 0;

  constructor(room: CommitRoom) {
    this.#room = room;
  }

  /** See Disk.statMany. */
  statMany(paths: readonly DiskPath[]): Promise<(FileStat | undefined | ActFault)[]> {
    return this.#inFolders<DiskPath, FileStat | undefined>(
      paths,
      (path) => path,
      undefined,
      async (folder, entries, answers) => {
        for (const { index, item, leaf } of entries) {
          answers[index] = await orFault(
            async () => {
              const stats = folder === undefined ? undefined : await look(folder, leaf);
              return stats?.isFile() && stats.dev === folder?.device ? fileStatOf(stats) : undefined;
            },
            (thrown) => asDiskError(thrown, 'cannot look at', item),
          );
        }
      },
    );
  }

  /** See Disk.readMany. */
  readMany(paths: readonly DiskPath[], { sync }: { readonly sync: boolean }): Promise<(WholeFile | ActFault)[]> {
    return this.#inFolders<DiskPath, WholeFile>(
      paths,
      (path) => path,
      undefined,
      async (folder, entries, answers) => {
        for (let from = 0; from < entries.length; from += FILES_MAX) {
          await readSome(folder, entries.slice(from, from + FILES_MAX), answers, sync);
        }
        const first = entries[0]?.item ?? '';
        if (!sync || entries.every(({ index }) => isFault(answers[index]))) return;
        const fault = await faultOf(() => this.#room.directories.syncWithParents(folderOf(first)), first);
        if (fault !== undefined) for (const { index } of entries) answers[index] = fault;
      },
    );
  }

  /** See Disk.stageMany. */
  stageMany(wholes: readonly StagedWhole[]): Promise<(FileStat | ActFault)[]> {
    const pathOf = ({ name }: StagedWhole) => `${STAGE_ROOM}/${name}`;
    return this.#inFolders<StagedWhole, FileStat>(wholes, pathOf, undefined, async (folder, entries, answers) => {
      if (folder === undefined) throw new MeshError('gone', `${STAGE_ROOM} is not there`);
      for (let from = 0; from < entries.length; from += STAGED_MAX) {
        await stageSome(folder, entries.slice(from, from + STAGED_MAX), answers);
      }
      const fault = await faultOf(() => this.#room.directories.sync(STAGE_ROOM), STAGE_ROOM);
      if (fault === undefined) return;
      for (const { index, leaf } of entries) {
        if (!isFault(answers[index])) await removeIfThere(folder.at(leaf));
        answers[index] = fault;
      }
    });
  }

  /** See Disk.commitMany. Whatever is not as it should be is left to `commit`, which knows all that may have happened. */
  commitMany(intents: readonly NewFileIntent[]): Promise<(CommitOutcome | ActFault)[]> {
    return this.#inFolders<NewFileIntent, CommitOutcome>(
      intents,
      ({ path }) => path,
      'make',
      async (target, entries, answers) => {
        const linked = target === undefined ? [] : await this.#linkAll(target, entries, answers);
        for (const { index, item } of entries) {
          if (answers[index] !== undefined || linked.includes(index)) continue;
          answers[index] = await orFault(() => runCommit(this.#room, item), asMeshError);
        }
      },
    );
  }

  /** The indexes of those it took care of, for better or worse. */
  async #linkAll(target: Folder, entries: readonly Entry<NewFileIntent>[], answers: unknown[]): Promise<number[]> {
    const linked: { entry: Entry<NewFileIntent>; source: Stats }[] = [];
    await withFolder(this.#room.root, componentsOf(STAGE_ROOM), async (stage) => {
      for (const entry of entries) {
        const source = folderOf(entry.item.staged) === STAGE_ROOM ? await look(stage, baseName(entry.item.staged)) : undefined;
        if (source?.isFile() !== true) continue;
        await this.#step();
        const isLinked = await calls.link(stage.at(baseName(entry.item.staged)), target.at(entry.leaf)).then(
          () => true,
          () => false,
        );
        if (isLinked) linked.push({ entry, source });
      }
      const [first] = linked;
      if (first === undefined) return;
      await this.#step();
      const fault = await faultOf(() => this.#syncTarget(target, first.entry), first.entry.item.path);
      for (const { entry, source } of linked) {
        answers[entry.index] =
          fault ??
          (await orFault(
            async () => {
              await this.#step();
              await removeIfThere(stage.at(baseName(entry.item.staged)));
              await this.#step();
              return endOfPut(source, await look(target, entry.leaf));
            },
            (thrown) => asDiskError(thrown, 'cannot put in place', entry.item.path),
          ));
      }
    });
    return linked.map(({ entry }) => entry.index);
  }

  async #syncTarget(target: Folder, { item, leaf }: Entry<NewFileIntent>): Promise<void> {
    const { directories } = this.#room;
    const folder = folderOf(item.path);
    try {
      await directories.syncWithParents(folder);
    } catch (thrown) {
      // A person gave the folder another name, and the files just linked went along: put once more, they would lie under both.
      if (!isMissing(thrown) || (await look(target, leaf)) === undefined) throw thrown;
      await calls.fsync(target.descriptor);
      await directories.syncWhatIsThere(folder);
    }
  }

  #step(): Promise<void> {
    return this.#room.beforeStep(this.#steps++);
  }

  /** Does `act` once for each folder, which is held meanwhile; one that is not there and not to be made is undefined. */
  async #inFolders<Item, Given>(
    items: readonly Item[],
    pathOf: (item: Item) => DiskPath,
    make: 'make' | undefined,
    act: (folder: Folder | undefined, entries: readonly Entry<Item>[], answers: (Given | ActFault)[]) => Promise<void>,
  ): Promise<(Given | ActFault)[]> {
    const answers = new Array<Given | ActFault>(items.length);
    const groups = new Map<string, { components: string[]; entries: Entry<Item>[] }>();
    for (const [index, item] of items.entries()) {
      try {
        const components = componentsOf(pathOf(item));
        const leaf = components.pop() as string;
        const folder = components.join('/');
        const group = groups.get(folder) ?? { components, entries: [] };
        group.entries.push({ item, index, leaf });
        groups.set(folder, group);
      } catch (thrown) {
        answers[index] = asFault(thrown);
      }
    }
    await inTurns([...groups.values()], FOLDERS_MAX, async ({ components, entries }) => {
      let isHeld = false;
      const acting = (folder: Folder | undefined) => {
        isHeld = true;
        return act(folder, entries, answers);
      };
      try {
        await withFolder(this.#room.root, components, acting, make === 'make').catch((thrown: unknown) => {
          if (isHeld || (!isMissing(thrown) && make === undefined)) throw thrown;
          return acting(undefined);
        });
      } catch (thrown) {
        const fault = asFault(asDiskError(thrown, 'cannot open the folder of', pathOf((entries[0] as Entry<Item>).item)));
        for (const { index } of entries) answers[index] = fault;
      }
    });
    return answers;
  }
}

/**
 * All are made before the first is synced: while a file system writes its journal, whoever makes a file waits for that, and a
 * sync tells it to. And what the first of them brings to the disk, the others find there.
 */
async function stageSome(
  folder: Folder,
  entries: readonly Entry<StagedWhole>[],
  answers: (FileStat | ActFault)[],
): Promise<void> {
  const refused = (name: string) => (thrown: unknown) => asDiskError(thrown, 'cannot stage', name);
  const written: { readonly item: StagedWhole; readonly index: number; readonly descriptor: number }[] = [];
  for (const { item, index } of entries) {
    const descriptor = await orFault(() => writeWhole(folder, item), refused(item.name));
    if (typeof descriptor === 'number') written.push({ item, index, descriptor });
    else answers[index] = descriptor;
  }
  await Promise.all(
    written.map(async ({ item: { name }, index, descriptor }) => {
      answers[index] = await orFault(() => syncWhole(folder, name, descriptor), refused(name));
    }),
  );
}

/** At most `max` at once. `act` rejects for nothing that one of them meets. */
async function inTurns<Item>(items: readonly Item[], max: number, act: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const hand = async () => {
    while (next < items.length) await act(items[next++] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, hand));
}
