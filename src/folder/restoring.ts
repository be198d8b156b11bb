import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { OpenFile } from '../platform/disk.ts';
import type { Acts } from './acts.ts';
import { copyBytes, openNoted } from './copying.ts';
import { isCurrent } from './descent.ts';
import type { Copy, OldCopy, Staging } from './face.ts';
import type { HeldCopy } from './held-table.ts';
import { type OldRow, oldFacts, shownOldCopy, unknownFacts } from './old-copies.ts';
import type { Room } from './room.ts';
import type { Stagings } from './stagings.ts';
import { isSameStat } from './stats.ts';

/** One that was found right is not read again for so long, whoever says that it is bad. Range 1 min – 1 day. */
const RIGHT_MS = 3_600_000;

/** Giving back what was set aside, or is still to be, and looking whether it is right. */
export class Restoring {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #stagings: Stagings;
  /** Those that are to be looked at: one after the other, each once, whoever asks how often. */
  readonly #doubted = new Set<OldRow>();
  /** When one was found right. */
  readonly #rightMs = new WeakMap<OldRow, number>();
  #isLooking = false;

  constructor(room: Room, acts: Acts, stagings: Stagings) {
    this.#room = room;
    this.#acts = acts;
    this.#stagings = stagings;
  }

  /** See Folder.oldCopies. */
  async copiesOf(path: FilePath): Promise<OldCopy[]> {
    const replaced = await Promise.all(this.#replacedAt(path).map((copy) => this.#shown(copy)));
    const runs = [...this.#replacedRunsAt(path), ...this.#room.runs.pastOf(path)];
    return [...replaced, ...this.#room.old.of(path).map(shownOldCopy), ...runs];
  }

  /** The same of striped ones. */
  #replacedRunsAt(path: FilePath): OldCopy[] {
    const { ledger } = this.#room.options;
    const replaced = this.#room.runs.hashesOf(path).filter((hash) => !isCurrent(ledger.view(path), hash));
    return replaced.flatMap((hash) => {
      const held = this.#room.runs.heldFor(path, hash);
      const version = this.#room.runs.recordsOf(ledger, path).find((one) => one.version.hash === hash)?.version;
      if (held === undefined) return [];
      const { modifiedMs, mode, origin } = version ?? unknownFacts(ledger.self);
      const { size, manifestHash: manifest, mask: runs } = held;
      return [{ path, copy: hash, hash, size, manifest, runs, modifiedMs, mode, origin, asideMs: this.#room.calendar.stampMs }];
    });
  }

  /** What lies here as before, until there are copies of what replaces it: whoever has that may be away for long. */
  #replacedAt(path: FilePath): HeldCopy[] {
    const view = this.#room.options.ledger.view(path);
    return this.#room.held.copies(path).filter(({ hash }) => !isCurrent(view, hash));
  }

  async #shown(copy: HeldCopy): Promise<OldCopy> {
    const { path, hash, stat } = copy;
    const [version] = await this.#room.versionsOf(copy);
    const facts = oldFacts(path, hash, stat, version, this.#room.options.ledger.self);
    return { copy: hash, ...facts, asideMs: this.#room.calendar.stampMs };
  }

  /** Rejects with `gone` when it is not here, or not as long as it was: then it is looked at. */
  async open(path: FilePath, hash: ContentHash): Promise<Copy> {
    this.#room.assertOpen();
    const replaced = this.#replacedAt(path).find((one) => one.hash === hash);
    if (replaced !== undefined) return await openNoted(this.#room, replaced);
    const row = this.#room.old.find(path, hash);
    const copy = await this.#open(row);
    if (copy.size === row.size) return copy;
    await copy.close();
    this.#doubt(row);
    throw new MeshError('gone', `the older content of ${path} is not what was set aside`);
  }

  /** One of them becomes a staging, to be put as a new version. Rejects with `gone`, or `corrupt` when it is wrong. */
  async stage(path: FilePath, copy: string, name: string): Promise<Staging> {
    this.#room.assertOpen();
    const replaced = this.#replacedAt(path).find((one) => one.hash === copy);
    // It may have been set aside since it was told of.
    const row = this.#room.old.row(copy) ?? this.#room.old.withHash(copy as ContentHash).find((one) => one.path === path);
    if (replaced === undefined && row?.path !== path)
      throw new MeshError('gone', `no such older content of ${path} is kept here`);
    const source = replaced === undefined ? await this.#open(row as OldRow) : await openNoted(this.#room, replaced);
    try {
      const staging = await this.#stagings.open(name, source.size);
      await copyBytes(source, staging);
      if ((await staging.digest()).hash === (replaced ?? row)?.hash) return staging;
      await staging.discard();
      if (row !== undefined) this.#doubt(row);
      throw new MeshError('corrupt', `the older content of ${path} is bad`);
    } finally {
      await source.close();
    }
  }

  /** Somebody had wrong bytes of it from here: it is read again, and a bad one is offered no more. */
  doubt(path: FilePath, hash: ContentHash): void {
    for (const row of this.#room.old.withHash(hash)) if (row.path === path) this.#doubt(row);
  }

  async #open(row: OldRow): Promise<Copy> {
    try {
      return await openNoted(this.#room, { disk: row.disk });
    } catch (thrown) {
      if (asMeshError(thrown).code === 'gone') this.#doubt(row);
      throw thrown;
    }
  }

  #doubt(row: OldRow): void {
    const { clock } = this.#room.options;
    if (clock.now() - (this.#rightMs.get(row) ?? Number.NEGATIVE_INFINITY) < RIGHT_MS) return;
    this.#doubted.add(row);
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#room.spawn('looking at older contents', () => this.#lookAll());
  }

  async #lookAll(): Promise<void> {
    for (const row of this.#doubted) {
      await this.#look(row).catch((thrown: unknown) => {
        const facts = { path: row.path, reason: asMeshError(thrown).message };
        this.#room.options.log.warn('an older content could not be looked at', facts);
      });
      this.#doubted.delete(row);
    }
    this.#isLooking = false;
  }

  /** A bad one is offered no more; its file stays where it is as long as others do that were set aside. */
  async #look(row: OldRow): Promise<void> {
    const { old, options, belief } = this.#room;
    if (this.#room.isStopped || !this.#room.isOpen || !(await belief.check())) return;
    // Somebody may still be writing to it: that is an edit, and seen when it rests.
    if (old.row(row.copy) !== row || this.#acts.isWatched(row.disk)) return;
    if (!(await this.#isBad(row))) {
      this.#rightMs.set(row, options.clock.now());
      return;
    }
    await old.forget(row.copy);
    options.log.warn('an older content is bad, and is offered no more', { path: row.path, place: row.disk });
  }

  async #isBad({ disk, hash }: OldRow): Promise<boolean> {
    let file: OpenFile;
    try {
      file = await this.#room.options.disk.open(disk);
    } catch (thrown) {
      if (asMeshError(thrown).code === 'gone') return true;
      throw thrown;
    }
    try {
      const digest = await this.#room.options.hasher.digest(file);
      return digest.hash !== hash && isSameStat(await file.restat(), file.stat);
    } finally {
      await file.close();
    }
  }
}
