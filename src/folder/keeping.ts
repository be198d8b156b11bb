import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { PathView } from '../core/namespace.ts';
import { type FileVersion, isBefore, type Version } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Act, Effect, Move } from './act.ts';
import type { Acts } from './acts.ts';
import { copyBytes, openNoted } from './copying.ts';
import { isCovered, isCurrent, replacerOf } from './descent.ts';
import type { Staging } from './face.ts';
import { type Ground, groundAt, isReplacedBy } from './ground.ts';
import type { HeldCopy } from './held-table.ts';
import type { OldRow } from './old-copies.ts';
import type { Room } from './room.ts';
import { asideOf, placedOf } from './setting-aside.ts';
import type { Staged } from './staged.ts';
import type { Stagings } from './stagings.ts';

/** Places tried for the same bytes: a wrong one is set aside by its own check, not here. */
const SOURCES_MAX = 4;

/** What the mesh has this peer keep and let go of: the acts of replication. */
export class Keeping {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #stagings: Stagings;

  constructor(room: Room, acts: Acts, stagings: Stagings) {
    this.#room = room;
    this.#acts = acts;
    this.#stagings = stagings;
  }

  /** See Folder.keep. */
  async keep(path: FilePath, version: FileVersion, staging: Staging): Promise<void> {
    this.#room.assertOpen();
    const staged = this.#stagings.own(staging);
    const digest = await staged.digest();
    // A hash that was claimed for other bytes, and is that of what somebody else keeps here, comes with another manifest.
    const isCutSo = digest.manifest.scheme !== version.manifest.scheme || digest.manifest.hash === version.manifest.hash;
    if (digest.hash !== version.hash || digest.size !== version.size || !isCutSo) {
      await staged.discard();
      throw new MeshError('corrupt', `what came for ${path} is not what was announced`);
    }
    // Of one that came by chunks nothing else has it.
    this.#room.manifests.note(digest);
    await this.#room.locks.with([path], () => this.#place(path, version, staged));
    // What ended it meanwhile was obeyed before the file lay here: nobody else comes by for it soon.
    if (!isCurrent(this.#room.options.ledger.view(path), version.hash))
      this.#room.spawn('arranging a name', () => this.arrange(path));
  }

  /** See Folder.keepFromHere. */
  async keepFromHere(path: FilePath, version: FileVersion): Promise<boolean> {
    this.#room.assertOpen();
    if (await this.#recordHeld(path, version)) return true;
    for (const place of this.#placesOf(version.hash)) {
      const source = await openNoted(this.#room, place).catch(() => undefined);
      if (source === undefined) continue;
      let staging: Staged | undefined;
      try {
        staging = await this.#stagings.open(`here-${this.#room.freshName()}`, version.size);
        await copyBytes(source, staging);
        await this.keep(path, version, staging);
        return true;
      } catch (thrown) {
        await staging?.discard();
        const { code } = asMeshError(thrown);
        if (code !== 'corrupt' && code !== 'changed') throw thrown;
      } finally {
        await source.close();
      }
    }
    return false;
  }

  /** See Folder.letGo. */
  async letGo(path: FilePath, hash: ContentHash, by: Version): Promise<void> {
    this.#room.assertOpen();
    const row = await this.#room.locks.with([path], () => this.#letGoLocked(path, hash, by));
    if (row === undefined) return;
    await this.#room.options.disk.removeEmptyFolders(path);
    if (row.byOthers === true) await this.#room.old.noteByOthers(row, this.#room.held.files);
  }

  /** Gives the row of what was set aside. */
  async #letGoLocked(path: FilePath, hash: ContentHash, by: Version): Promise<OldRow | undefined> {
    const copy = this.#room.held.find(path, hash);
    // Made anew since the caller looked, of the same content: then nothing is to go.
    if (copy === undefined || isCurrent(this.#room.options.ledger.view(path), hash)) return undefined;
    if (copy.disk === path) {
      const { plain } = await groundAt(this.#room, path);
      if (plain !== copy) return undefined;
    }
    const aside = await asideOf(this.#room, copy, by.kind === 'tombstone' ? 'trash' : 'versions');
    const row = { ...aside.effect.row, ...(!this.#isRename(copy, by) && { byOthers: true as const }) };
    await this.#acts.run({
      id: this.#room.freshName(),
      moves: [aside.move],
      effects: [
        { kind: 'drop', path, hash, by },
        { kind: 'old', row },
      ],
    });
    return row;
  }

  /** A tombstone is believed to tell of a rename only where its bytes are kept under another name. */
  #isRename(copy: HeldCopy, by: Version): boolean {
    if (by.kind !== 'tombstone' || by.renamedTo === undefined) return false;
    for (const other of this.#room.held.withHash(copy.hash)) if (other !== copy) return true;
    return false;
  }

  /** Records a version of a content that lies here already. */
  #recordHeld(path: FilePath, version: FileVersion): Promise<boolean> {
    return this.#room.locks.with([path], async () => {
      const copy = this.#room.held.find(path, version.hash);
      if (copy === undefined) return false;
      if (copy.disk === path) await groundAt(this.#room, path);
      await this.#acts.run({
        id: this.#room.freshName(),
        moves: [],
        effects: [{ kind: 'hold', placed: placedOf(copy), versions: [version] }],
      });
      return true;
    });
  }

  async #place(path: FilePath, version: FileVersion, staged: Staged): Promise<void> {
    const copy = this.#room.held.find(path, version.hash);
    const ground = await groundAt(this.#room, path);
    if (copy !== undefined) {
      const effect: Effect = { kind: 'hold', placed: placedOf(copy), versions: [version] };
      await this.#acts.run({ id: this.#room.freshName(), moves: [], effects: [effect] });
      await staged.discard();
      return;
    }
    // Deleted or replaced while it was on its way: it is not to come back, were it for a moment.
    const isOver = !isCurrent(this.#room.options.ledger.view(path), version.hash);
    if (isOver || ground.versions.some((held) => isBefore(version, held))) {
      throw new MeshError('overtaken', `a newer content of ${path} is known here already`);
    }
    await staged.finish(version.mode, version.modifiedMs);
    const isSibling = ground.plain !== undefined && !isReplacedBy(this.#room, path, ground, [version]);
    const act = isSibling ? this.#siblingAct(path, version, staged) : await this.#plainAct(path, version, staged, ground);
    await this.#acts.run(act);
    await staged.forget();
    for (const effect of act.effects)
      if (effect.kind === 'old') await this.#room.old.noteByOthers(effect.row, this.#room.held.files);
  }

  async #plainAct(path: FilePath, version: FileVersion, staged: Staged, ground: Ground): Promise<Act> {
    const moves: Move[] = [];
    const effects: Effect[] = [];
    const hold: Effect = { kind: 'hold', placed: { path, hash: version.hash, disk: path }, versions: [version] };
    if (ground.plain === undefined) {
      const intent = { path, staged: staged.place, aside: this.#room.freshPlace('versions') };
      moves.push({ kind: 'commit', intent, replaced: [] });
    } else {
      const aside = await asideOf(this.#room, ground.plain, 'versions', staged.place);
      moves.push(aside.move);
      const row = { ...aside.effect.row, byOthers: true as const };
      effects.push({ kind: 'drop', path, hash: ground.plain.hash }, { kind: 'old', row });
    }
    return { id: this.#room.freshName(), moves, effects: [...effects, hold] };
  }

  #siblingAct(path: FilePath, version: FileVersion, staged: Staged): Act {
    const disk = this.#room.freshPlace('siblings');
    return {
      id: this.#room.freshName(),
      moves: [{ kind: 'move', from: staged.place, to: disk }],
      effects: [{ kind: 'hold', placed: { path, hash: version.hash, disk }, versions: [version] }],
    };
  }

  /** Where these bytes lie here: held ones first. */
  #placesOf(hash: ContentHash): { disk: DiskPath; stat?: HeldCopy['stat'] }[] {
    const held = [...this.#room.held.withHash(hash)].slice(0, SOURCES_MAX);
    return [...held, ...this.#room.old.withHash(hash).slice(0, SOURCES_MAX)];
  }

  /** See Folder.arrange. */
  async arrange(path: FilePath): Promise<void> {
    if (this.isArranged(path)) return;
    this.#room.assertOpen();
    await this.#room.locks.with([path], async () => {
      const ground = await groundAt(this.#room, path);
      await this.#raiseSibling(path, ground);
      await this.#dropReplaced(path);
    });
  }

  /** Nothing lies here beside the plain file, and nothing that is neither current nor in the own index any more. */
  isArranged(path: FilePath): boolean {
    return this.#room.held.copies(path).every((copy) => copy.disk === path && !this.#isReplaced(copy));
  }

  /** A sibling takes the plain name when that is free, or has a content no longer current and the sibling a current one. */
  async #raiseSibling(path: FilePath, ground: Ground): Promise<void> {
    const view = this.#room.options.ledger.view(path);
    if (ground.plain !== undefined && isCurrent(view, ground.plain.hash)) return;
    const raised = await this.#siblingToRaise(path, view, ground.plain === undefined);
    if (raised === undefined) return;
    const { hash, disk } = raised.copy;
    const { versions } = raised;
    const effects: Effect[] = [
      { kind: 'drop', path, hash },
      { kind: 'hold', placed: { path, hash, disk: path }, versions },
    ];
    if (ground.plain === undefined) {
      const intent = { path, staged: disk, aside: this.#room.freshPlace('versions') };
      await this.#acts.run({ id: this.#room.freshName(), moves: [{ kind: 'commit', intent, replaced: [] }], effects });
      return;
    }
    if (!this.#isReplaced(ground.plain) && !isCovered(ground.versions, versions)) {
      // What replaces it may be lost for good, and is not this: it is kept beside, until it is let go of.
      const place = this.#room.freshPlace('siblings');
      const intent = { path, staged: disk, aside: place, replaces: ground.plain.stat };
      effects.unshift({ kind: 'drop', path, hash: ground.plain.hash });
      effects.push({ kind: 'note', placed: { ...placedOf(ground.plain), disk: place }, versions: ground.versions });
      const moves: Move[] = [{ kind: 'commit', intent, replaced: ground.versions }];
      await this.#acts.run({ id: this.#room.freshName(), moves, effects });
      return;
    }
    const aside = await asideOf(this.#room, ground.plain, 'versions', disk);
    const by = replacerOf(view, ground.versions);
    const row = { ...aside.effect.row, byOthers: true as const };
    effects.unshift({ kind: 'drop', path, hash: ground.plain.hash, ...(by && { by }) }, { kind: 'old', row });
    await this.#acts.run({ id: this.#room.freshName(), moves: [aside.move], effects });
    await this.#room.old.noteByOthers(row, this.#room.held.files);
  }

  /** The current one of the lowest origin; else, for a free name, one that is kept until its successor can be had. */
  async #siblingToRaise(
    path: FilePath,
    view: PathView | undefined,
    isFree: boolean,
  ): Promise<{ copy: HeldCopy; versions: readonly FileVersion[] } | undefined> {
    const siblings = this.#room.held.siblings(path);
    for (const { hash, versions } of view?.contents ?? []) {
      const copy = siblings.find((one) => one.hash === hash);
      // Not the versions it was kept for: the content may be current by a later one.
      if (copy !== undefined) return { copy, versions };
    }
    // Of a deleted file nothing is to come back, were it for a moment.
    if (!isFree || view === undefined || view.contents.length === 0) return undefined;
    const copy = siblings.find((one) => !this.#isReplaced(one));
    return copy && { copy, versions: await this.#room.versionsOf(copy) };
  }

  /** Copies replaced by what this peer has recorded; the others go when replication lets go of them. */
  async #dropReplaced(path: FilePath): Promise<void> {
    for (const copy of this.#room.held.copies(path)) {
      if (!this.#isReplaced(copy)) continue;
      if (copy.disk === path && (await groundAt(this.#room, path)).plain !== copy) continue;
      const aside = await asideOf(this.#room, copy, 'versions');
      const isPlain = copy.disk === path;
      const row = { ...aside.effect.row, ...(isPlain && { byOthers: true as const }) };
      const effects: Effect[] = [
        { kind: 'drop', path, hash: copy.hash },
        { kind: 'old', row },
      ];
      await this.#acts.run({ id: this.#room.freshName(), moves: [aside.move], effects });
      if (!isPlain) continue;
      await this.#room.options.disk.removeEmptyFolders(path);
      await this.#room.old.noteByOthers(row, this.#room.held.files);
    }
  }

  #isReplaced({ path, hash }: HeldCopy): boolean {
    const { ledger } = this.#room.options;
    if (isCurrent(ledger.view(path), hash)) return false;
    return !ledger
      .own(path)
      .some(({ version, holding }) => version.kind === 'file' && version.hash === hash && holding === 'all');
  }
}
