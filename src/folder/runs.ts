import { ChunkList } from '../core/chunk-list.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { hasRun, maskOf, NO_RUNS, type RunMask, runEnds, STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import type { FileVersion, Version } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Act, Effect, Move } from './act.ts';
import type { Acts } from './acts.ts';
import { isCurrent } from './descent.ts';
import type { Asker, Copy, Staging } from './face.ts';
import type { Room } from './room.ts';
import { RunsProof } from './runs-proof.ts';
import { RunsReader } from './runs-reader.ts';
import { type HeldRuns, keyOf, placeOfRun, type RunFacts, runsFor } from './runs-table.ts';
import { lockOf, removeRuns } from './runs-upkeep.ts';
import type { Staged } from './staged.ts';
import type { Stagings } from './stagings.ts';

/** The permission bits of a run: it is this program's own. */
const RUN_MODE = 0o600;

type Taken = Effect & { readonly kind: 'hold-runs' | 'keep-runs' };

/** A content of which runs are to be kept: its manifest, proved to be the announced one. */
export interface Striped extends RunFacts {
  readonly chunks: ChunkList;
  readonly manifest: Uint8Array;
}

/** Striped contents: runs of them that lie here, in files of their own, and their manifests. */
export class Runs {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #stagings: Stagings;
  readonly #proof: RunsProof;

  constructor(room: Room, acts: Acts, stagings: Stagings) {
    this.#room = room;
    this.#acts = acts;
    this.#stagings = stagings;
    this.#proof = new RunsProof({
      room,
      manifest: (hash, path) => this.manifest(hash, path),
      lose: (key, runs) => this.lose(key, runs),
    });
  }

  /** Runs held for this name; undefined: it has none here, not even the word of them. */
  heldFor(path: FilePath, hash: ContentHash): HeldRuns | undefined {
    return this.#room.runs.heldFor(path, hash);
  }

  /** Runs that lie here of a content so cut, under whatever name that `asker` sees, or kept for a while under none. */
  lying(hash: ContentHash, manifestHash: ContentHash, asker?: Asker): RunMask {
    const held = this.#room.runs.of(hash, manifestHash);
    return held === undefined ? NO_RUNS : runsFor(held, asker);
  }

  /** The encoded manifest, when something of that content lies here: as that path has it, where two claim the hash. */
  async manifest(hash: ContentHash, path?: FilePath): Promise<Uint8Array | undefined> {
    const held = (path && this.#meant(path, hash)) ?? this.#room.runs.at(hash);
    const kept = held && (await this.#room.kept.of(keyOf(held)));
    // Where all of it lies here too, and these runs are a lie about its hash, the one that is kept is not theirs.
    return kept !== undefined && (await this.#room.options.hasher.hashLarge(kept)) === held?.manifestHash ? kept : undefined;
  }

  #meant(path: FilePath, hash: ContentHash): HeldRuns | undefined {
    const content = this.#room.options.ledger.view(path)?.contents.find((one) => one.hash === hash);
    return this.heldFor(path, hash) ?? (content && this.#room.runs.of(hash, content.shown.manifest.hash));
  }

  /** Proves a manifest that came. Rejects with `corrupt` when it is not the version's. */
  async striped(version: FileVersion, manifest: Uint8Array): Promise<Striped> {
    const striped = manifest.length <= STRIPED_MANIFEST_BYTES_MAX ? await this.cut(version, manifest) : undefined;
    if (striped?.manifestHash !== version.manifest.hash)
      throw new MeshError('corrupt', 'the manifest that came is not the announced one');
    return striped;
  }

  /** A content as its manifest cuts it. Rejects with `corrupt` when no content of that size has such a manifest. */
  async cut({ hash, size }: { readonly hash: ContentHash; readonly size: number }, manifest: Uint8Array): Promise<Striped> {
    const chunks = ChunkList.of(manifest, size);
    const manifestHash = await this.#room.options.hasher.hashLarge(manifest);
    return { hash, size, ends: runEnds(chunks.ends, size), chunks, manifest, manifestHash };
  }

  /**
   * Takes a fetched run in: each of its chunks verified, durable, recorded; the staging ends. Rejects with `corrupt` (the
   * staging is gone then), `overtaken`, `paused`, `full`: the staging stays.
   */
  async keep(path: FilePath, version: FileVersion, striped: Striped, run: number, staging: Staging): Promise<void> {
    this.#room.assertOpen();
    const staged = this.#stagings.own(staging);
    await staged.digest();
    await this.#locked(path, striped.hash, async () => {
      if (this.#room.held.find(path, striped.hash) !== undefined) return await staged.discard();
      if (!isCurrent(this.#room.options.ledger.view(path), striped.hash))
        throw new MeshError('overtaken', `a newer content of ${path} is known here already`);
      const effect = { kind: 'hold-runs', path, runs: factsOf(striped), more: maskOf([run]), versions: [version] } as const;
      await this.#take(striped, run, staged, effect);
    });
  }

  /**
   * The same for a version that is not made yet: the run is held for no name, until one tells of the content. `by`: the person
   * who sent it, where people are told apart.
   */
  async keepLoose(striped: Striped, run: number, staging: Staging, by?: string): Promise<void> {
    this.#room.assertOpen();
    const staged = this.#stagings.own(staging);
    await staged.digest();
    await this.#room.locks.with([lockOf(striped.hash)], () =>
      this.#take(striped, run, staged, { kind: 'keep-runs', runs: factsOf(striped), more: maskOf([run]), ...(by && { by }) }),
    );
  }

  /** The caller holds the lock of the content. */
  async #take(striped: Striped, run: number, staged: Staged, taken: Taken): Promise<void> {
    const held = this.#room.runs.of(striped.hash, striped.manifestHash);
    const key = this.#room.runs.keyFor(striped);
    const effect = { ...taken, runs: { ...taken.runs, key } };
    await staged.finish(RUN_MODE, this.#room.options.clock.wall());
    if (!(await this.#proof.isRight(await this.#room.options.disk.open(staged.place), striped, run))) {
      await staged.discard();
      throw new MeshError('corrupt', 'a run that came is not what was announced');
    }
    // Not before: that a run lies here already is no proof that whoever sent these bytes has them.
    if (held !== undefined && hasRun(held.mask, run)) {
      await this.#run({ moves: [], effects: [effect] });
      return await staged.discard();
    }
    if (held === undefined) await this.#room.kept.save(key, striped.manifest);
    await this.#run({ moves: [{ kind: 'move', from: staged.place, to: placeOfRun(key, run) }], effects: [effect] });
    await staged.forget();
  }

  /** Records what lies here of a content for one more version or name. False when nothing lies here. */
  async adopt(path: FilePath, version: FileVersion): Promise<boolean> {
    this.#room.assertOpen();
    return await this.#locked(path, version.hash, async () => {
      const held = this.#room.runs.of(version.hash, version.manifest.hash);
      if (held === undefined) return false;
      await this.#run({
        moves: [],
        effects: [{ kind: 'hold-runs', path, runs: factsOf(held), more: NO_RUNS, versions: [version] }],
      });
      return true;
    });
  }

  /** Holds runs for this name no more; they stay for a while, as older contents do, unless all of it lies here. */
  async letGo(path: FilePath, hash: ContentHash, by?: Version): Promise<void> {
    this.#room.assertOpen();
    const key = await this.#locked(path, hash, async () => {
      // Made anew since the caller looked, of the same content: then nothing is to go.
      const isAnew = by !== undefined && isCurrent(this.#room.options.ledger.view(path), hash);
      const held = this.#room.runs.heldFor(path, hash);
      if (isAnew || held === undefined) return hash;
      await this.#run({ moves: [], effects: [{ kind: 'drop-runs', path, hash, key: keyOf(held), ...(by && { by }) }] });
      return keyOf(held);
    });
    if (this.#room.held.hasHash(hash)) await removeRuns(this.#room, key);
  }

  /** Lets go of runs held for a name whose content is neither current nor in the own index any more. */
  async arrange(path: FilePath): Promise<void> {
    for (const hash of this.#room.runs.hashesOf(path)) if (this.#isOver(path, hash)) await this.letGo(path, hash);
  }

  /** False while `arrange` has something to do. */
  isArranged(path: FilePath): boolean {
    return !this.#room.runs.hashesOf(path).some((hash) => this.#isOver(path, hash));
  }

  #isOver(path: FilePath, hash: ContentHash): boolean {
    const { ledger } = this.#room.options;
    const isRecorded = this.#room.runs.recordsOf(ledger, path).some(({ version }) => version.hash === hash);
    return !isRecorded && !isCurrent(ledger.view(path), hash);
  }

  /** Reads runs as if they were the whole content: a range that is not held rejects with `gone`. */
  open(path: FilePath, hash: ContentHash): Copy {
    this.#room.assertOpen();
    const held = this.#room.runs.heldFor(path, hash);
    if (held === undefined) throw new MeshError('gone', `nothing of ${path} is held here`);
    return new RunsReader(this.#room, held, (range) => this.#proof.doubt(path, hash, range));
  }

  /** See RunsProof.verify. */
  verify(path: FilePath, hash: ContentHash, range?: Range): Promise<boolean> {
    return this.#proof.verify(path, hash, range);
  }

  /** Told as not held, whatever names they were held for; what of them lies there is set aside. */
  async lose(key: ContentHash, runs: readonly number[]): Promise<void> {
    const { paths = [], hash = key } = this.#room.runs.at(key) ?? {};
    this.#room.options.log.warn('runs of a content are wrong or missing, and not held any more', { hash, runs: runs.length });
    const isDone = await this.#room.locks.with([...paths, lockOf(hash)], async () => {
      // A name that came meanwhile would go on telling of them.
      if (this.#room.runs.at(key)?.paths.some((path) => !paths.includes(path)) === true) return false;
      const lying = this.#room.runs.at(key)?.mask ?? NO_RUNS;
      const lost = runs.filter((run) => hasRun(lying, run));
      const moves: Move[] = [];
      const effects: Effect[] = paths.map((path) => ({ kind: 'lose-runs', path, hash, key, lost: maskOf(lost) }) as const);
      for (const run of lost) {
        const from = placeOfRun(key, run);
        const stat = await this.#room.options.disk.stat(from);
        if (stat === undefined) continue;
        const disk: DiskPath = `.filemesh/trash/rot-${this.#room.freshName()}`;
        moves.push({ kind: 'move', from, to: disk });
        const [path] = paths;
        if (path !== undefined)
          effects.push({ kind: 'leave', path, hash, left: { disk, stat, why: 'wrong', run, versions: [] } });
      }
      // Of a folder that went away nothing is there, and nothing is lost.
      if (!(await this.#room.belief.check())) this.#room.belief.assert();
      await this.#run({ moves, effects });
      return true;
    });
    if (!isDone) await this.lose(key, runs);
  }

  async #run(act: Omit<Act, 'id'>): Promise<void> {
    await this.#acts.run({ id: this.#room.freshName(), ...act });
  }

  #locked<T>(path: FilePath, hash: ContentHash, act: () => Promise<T>): Promise<T> {
    return this.#room.locks.with([path, lockOf(hash)], act);
  }
}

function factsOf({ hash, size, ends, manifestHash, key }: RunFacts): RunFacts {
  return { hash, size, ends, manifestHash, ...(key && { key }) };
}
