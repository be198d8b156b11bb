import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { isIgnoreFile } from '../core/path.ts';
import type { FileVersion } from '../core/version.ts';
import { type ActFault, type Disk, type FileStat, type StagedWhole, WHOLE_BYTES_ALL, WHOLE_BYTES_MAX } from '../platform/disk.ts';
import type { NewFileAct } from './act.ts';
import type { Acts } from './acts.ts';
import { isCurrent } from './descent.ts';
import { errorOf, isFault } from './faults.ts';
import type { HeldCopy } from './held-table.ts';
import type { Room } from './room.ts';
import { SMALL_PREFIX } from './small-staging.ts';
import type { Stagings } from './stagings.ts';
import { isSameFile, isSameStat } from './stats.ts';

/** The permission bit. */
const READ_BY_USER = 0o400;
/** Files that are read together: one whose read hangs holds up these, and no others of its batch. 8…128. */
const READ_TOGETHER = 32;
/** What was not read by then is left out of an answer. Well below the time that whoever asked waits for one; 200…3,000 ms. */
const READ_MS = 1_500;

/** A small content that came whole. */
export interface Whole {
  readonly path: FilePath;
  readonly version: FileVersion;
  readonly bytes: Uint8Array;
}

/** One on its way through a batch. */
interface Item extends Whole {
  readonly index: number;
  readonly name: string;
}

/**
 * Many small contents at once. Kept they are staged together, told by one durable batch of intents, put in place together and
 * recorded by one change of the ledger; each is an act of its own, and one that cannot be done is left out.
 */
export class Many {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #stagings: Stagings;
  readonly #arrange: (path: FilePath) => Promise<void>;

  constructor(room: Room, acts: Acts, stagings: Stagings, arrange: (path: FilePath) => Promise<void>) {
    this.#room = room;
    this.#acts = acts;
    this.#stagings = stagings;
    this.#arrange = arrange;
  }

  /** True when `keep` may take a content: its name is free here, and nobody has to be asked for bytes that lie here already. */
  isSimple(path: FilePath, { hash, mode }: FileVersion): boolean {
    const { held, old, runs } = this.#room;
    if (isIgnoreFile(path)) return false;
    // What its user may not read is no copy: a single commit opens it once more, and finds that out.
    if ((mode & READ_BY_USER) === 0) return false;
    return held.copies(path).length === 0 && !held.hasHash(hash) && !old.hasHash(hash) && runs.at(hash) === undefined;
  }

  /**
   * As Folder.keep for contents that came whole, of `isSimple` names. Durable when it resolves; gives why each was not kept, or
   * undefined. Whatever it was, Folder.keep may be tried, and says what is to be done. Rejects with `paused`.
   */
  async keep(wholes: readonly Whole[]): Promise<(MeshError | undefined)[]> {
    this.#room.assertOpen();
    const results = new Array<MeshError | undefined>(wholes.length).fill(undefined);
    const releases: (() => void)[] = [];
    try {
      const items: Item[] = [];
      for (const [index, whole] of wholes.entries()) {
        const release = this.#room.locks.tryHold(whole.path);
        if (release !== undefined) releases.push(release);
        const error = release === undefined ? new MeshError('busy', 'the name is in use') : this.#faultOf(whole);
        if (error === undefined) items.push({ ...whole, index, name: `${SMALL_PREFIX}${this.#room.freshName()}` });
        else results[index] = error;
      }
      if (items.length > 0) await this.#room.track(() => this.#keepAll(items, results));
    } finally {
      for (const release of releases) release();
    }
    return results;
  }

  /**
   * The bytes of small contents held here, together `bytesMax` at most; undefined for one that is not, or not as it was noted
   * (Folder.open tells why), for those there is no room for, and for those that the disk has not given soon.
   */
  async read(asked: readonly { path: FilePath; hash: ContentHash }[], bytesMax: number): Promise<(Uint8Array | undefined)[]> {
    this.#room.assertOpen();
    let left = Math.min(bytesMax, WHOLE_BYTES_ALL);
    const copies = asked.map(({ path, hash }) => {
      const copy = this.#room.held.find(path, hash);
      if (copy === undefined || copy.stat.size > Math.min(left, WHOLE_BYTES_MAX)) return undefined;
      left -= copy.stat.size;
      return copy;
    });
    const there = copies.filter((copy) => copy !== undefined);
    const bytes = new Map<HeldCopy, Uint8Array>();
    const reads: Promise<void>[] = [];
    for (let from = 0; from < there.length; from += READ_TOGETHER)
      reads.push(this.#readInto(bytes, there.slice(from, from + READ_TOGETHER)));
    await this.#soon(Promise.all(reads));
    this.#room.belief.assert();
    return copies.map((copy) => copy && bytes.get(copy));
  }

  async #readInto(bytes: Map<HeldCopy, Uint8Array>, copies: readonly HeldCopy[]): Promise<void> {
    const places = copies.map(({ disk }) => disk);
    const files = await this.#room.options.disk.readMany(places, { sync: false });
    for (const [index, copy] of copies.entries()) {
      const file = files[index];
      if (file === undefined || isFault(file)) continue;
      // After the read too: a writer that came before it shows in the stat.
      if (isSameStat(file.stat, copy.stat) && isSameFile(file.stat, file.after)) bytes.set(copy, file.bytes);
    }
  }

  /** Resolves when that ends, or takes longer; how it ends then is nobody's concern. */
  #soon(act: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#room.options.clock.after(READ_MS, resolve);
      act.then(() => resolve(), reject).finally(() => timer.cancel());
    });
  }

  #faultOf({ path, version, bytes }: Whole): MeshError | undefined {
    const { hasher, ledger } = this.#room.options;
    if (bytes.length !== version.size || hasher.hash(bytes) !== version.hash)
      return new MeshError('corrupt', `what came for ${path} is not what was announced`);
    if (!this.isSimple(path, version)) return new MeshError('busy', 'something lies there, or the same elsewhere');
    // Deleted or replaced while it was on its way: it is not to come back, were it for a moment.
    if (!isCurrent(ledger.view(path), version.hash))
      return new MeshError('overtaken', `a newer content of ${path} is known here already`);
    return undefined;
  }

  async #keepAll(items: readonly Item[], results: (MeshError | undefined)[]): Promise<void> {
    const { disk, ledger } = this.#room.options;
    const release = await this.#stagings.reserveMany(
      items.reduce((sum, { bytes }) => sum + bytes.length, 0),
      items.length,
    );
    try {
      const wholes = items.map(({ name, bytes, version: { mode, modifiedMs } }) => ({ name, bytes, mode, mtimeMs: modifiedMs }));
      const stats = await this.#room.belief.orPaused(() => stageAll(disk, wholes));
      const staged = items.filter(({ index }, at) => {
        const stat = stats[at];
        if (isFault(stat)) results[index] = errorOf(stat);
        return !isFault(stat);
      });
      const errors = await this.#acts.runNew(staged.map((item) => this.#actOf(item)));
      for (const [at, item] of staged.entries()) {
        results[item.index] = errors[at];
        if (errors[at] !== undefined) await this.#unstage(item);
        // What ended it meanwhile was obeyed before the file lay here: nobody else comes by for it soon.
        else if (!isCurrent(ledger.view(item.path), item.version.hash))
          this.#room.spawn('arranging a name', () => this.#arrange(item.path));
      }
    } catch (thrown) {
      const error = asMeshError(thrown);
      for (const item of items) {
        results[item.index] = error;
        await this.#unstage(item);
      }
    } finally {
      release();
    }
  }

  #actOf({ path, version, name }: Item): NewFileAct {
    const intent = { path, staged: `.filemesh/stage/${name}`, aside: this.#room.freshPlace('versions') };
    return {
      id: this.#room.freshName(),
      moves: [{ kind: 'commit', intent, replaced: [] }],
      effects: [{ kind: 'hold', placed: { path, hash: version.hash, disk: path }, versions: [version] }],
    };
  }

  /** Of an act half done it stays: it is pinned then. */
  async #unstage({ name }: Item): Promise<void> {
    const place = `.filemesh/stage/${name}`;
    if (this.#room.pinned.has(place)) return;
    // What cannot be removed now is nobody's: the next start removes it.
    await this.#room.options.disk.remove(place).catch(() => undefined);
  }
}

/** Rejects when none could be staged: then it may be another folder. */
async function stageAll(disk: Disk, wholes: readonly StagedWhole[]): Promise<readonly (FileStat | ActFault)[]> {
  const stats = await disk.stageMany(wholes);
  const [first] = stats;
  if (isFault(first) && stats.every(isFault)) throw errorOf(first);
  return stats;
}
