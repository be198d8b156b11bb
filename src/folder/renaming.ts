import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import type { FileVersion, Version } from '../core/version.ts';
import type { DiskPath } from '../platform/disk.ts';
import type { Effect, Move } from './act.ts';
import type { Acts } from './acts.ts';
import { isCurrent } from './descent.ts';
import { groundAt } from './ground.ts';
import type { HeldCopy } from './held-table.ts';
import type { Room } from './room.ts';

/** Files that got another name elsewhere in the mesh. */
export class Renaming {
  readonly #room: Room;
  readonly #acts: Acts;
  readonly #arrange: (path: FilePath) => Promise<void>;

  constructor(room: Room, acts: Acts, arrange: (path: FilePath) => Promise<void>) {
    this.#room = room;
    this.#acts = acts;
    this.#arrange = arrange;
  }

  /**
   * Moves the file that lies here at `from` to `path`, as `version` of it, and records `by` as none: no byte is copied. False
   * when it stays where it is: it is not here, or wanted under its old name; or something lies under the new one, or the disk
   * does not take that. Rejects with `busy` when the folder has a change of its own at one of them.
   */
  async follow(from: FilePath, path: FilePath, version: FileVersion, by: Version): Promise<boolean> {
    this.#room.assertOpen();
    try {
      const isMoved = await this.#room.locks.with([from, path], () => this.#followLocked(from, path, version, by));
      if (!isMoved) return false;
    } catch (thrown) {
      if (asMeshError(thrown).code === 'bad-place') return false;
      throw thrown;
    }
    await this.#room.options.disk.removeEmptyFolders(from);
    // What ended it meanwhile was obeyed before the file lay here: nobody else comes by for it soon.
    if (!isCurrent(this.#room.options.ledger.view(path), version.hash))
      this.#room.spawn('arranging a name', () => this.#arrange(path));
    return true;
  }

  async #followLocked(from: FilePath, path: FilePath, version: FileVersion, by: Version): Promise<boolean> {
    const { hash } = version;
    const { held, options } = this.#room;
    const copy = held.find(from, hash);
    if (copy === undefined || isCurrent(options.ledger.view(from), hash)) return false;
    if (held.find(path, hash) !== undefined || !isCurrent(options.ledger.view(path), hash)) return false;
    if ((await groundAt(this.#room, path, from)).plain !== undefined) return false;
    const moves: Move[] = [];
    const staged = await this.#lift(copy, moves);
    moves.push({ kind: 'commit', intent: { path, staged, aside: this.#room.freshPlace('versions') }, replaced: [] });
    const effects: Effect[] = [
      { kind: 'drop', path: from, hash, by },
      { kind: 'hold', placed: { path, hash, disk: path }, versions: [version] },
    ];
    await this.#acts.run({ id: this.#room.freshName(), moves, effects });
    return true;
  }

  /** Tells where the file lies once it was taken away from its name. */
  async #lift(copy: HeldCopy, moves: Move[]): Promise<DiskPath> {
    if (copy.disk !== copy.path) return copy.disk;
    await groundAt(this.#room, copy.path);
    const aside = this.#room.freshPlace('stage');
    const intent = { path: copy.path, aside, replaces: copy.stat };
    moves.push({ kind: 'commit', intent, replaced: await this.#room.versionsOf(copy) });
    return aside;
  }
}
