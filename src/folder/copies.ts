import { chunkContent, encodeManifest, MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { FileStat, OpenFile } from '../platform/disk.ts';
import type { Acts } from './acts.ts';
import { canBeRead, openNoted, openUnlessBad } from './copying.ts';
import type { Copy } from './face.ts';
import type { HeldCopy } from './held-table.ts';
import { type Fault, loseCopy } from './losing.ts';
import type { Room } from './room.ts';
import { placedOf } from './setting-aside.ts';
import { isSameStat } from './stats.ts';

/** Reading what is held, and looking whether it is still right. */
export class Copies {
  readonly #room: Room;
  readonly #acts: Acts;
  /** Manifests being made, by content. */
  readonly #making = new Map<ContentHash, Promise<Uint8Array>>();
  /** Copies being looked at. */
  readonly #verifying = new Map<HeldCopy, Promise<boolean>>();

  constructor(room: Room, acts: Acts) {
    this.#room = room;
    this.#acts = acts;
  }

  /** See Folder.open. */
  async open(path: FilePath, hash: ContentHash): Promise<Copy> {
    this.#room.assertOpen();
    const copy = this.#copy(path, hash);
    try {
      const opened = await openNoted(this.#room, copy);
      let isClosed = false;
      return {
        ...opened,
        read: (...asked) =>
          this.#watched(
            copy,
            ({ code }) => code === 'failed' && !isClosed,
            () => opened.read(...asked),
          ),
        // It fails for what it writes to as well.
        copyTo: (...asked) =>
          this.#watched(
            copy,
            () => false,
            () => opened.copyTo(...asked),
          ),
        close: () => {
          isClosed = true;
          return opened.close();
        },
      };
    } catch (thrown) {
      this.#doubt(copy, asMeshError(thrown).code === 'failed');
      throw thrown;
    }
  }

  /** See Folder.verify. */
  async verify(path: FilePath, hash: ContentHash): Promise<boolean> {
    this.#room.assertOpen();
    const copy = this.#room.held.find(path, hash);
    if (copy === undefined) return false;
    // It may take hours to read: all who doubt it meanwhile wait for one reading.
    const verifying = this.#verifying.get(copy) ?? this.#verify(copy).finally(() => this.#verifying.delete(copy));
    this.#verifying.set(copy, verifying);
    return await verifying;
  }

  async #verify(copy: HeldCopy): Promise<boolean> {
    const { path } = copy;
    const found = await this.#look(copy);
    if (found === 'right') {
      await this.#keepManifest(copy);
      return true;
    }
    if (found === 'other' && copy.disk === path) this.#room.suspect(path);
    // Somebody may still be writing to what was set aside: that is an edit, and seen when it rests.
    else if (found !== 'other' || !this.#acts.isWatched(copy.disk))
      await this.#room.locks.with([path], () => loseCopy(this.#room, this.#acts, copy, found));
    return false;
  }

  /**
   * A held file that a person may have changed could not be read, twice: what is neither as it was noted nor known is no copy.
   * It stays where it is, and is held again, or an edit, once it can be read.
   */
  async loseUnreadable(path: FilePath): Promise<void> {
    const copy = this.#room.held.plain(path);
    if (copy === undefined || !this.#room.isOpen || (await this.#isReadable(copy))) return;
    await this.#room.locks.with([path], () => loseCopy(this.#room, this.#acts, copy, 'unreadable'));
  }

  async #isReadable({ disk }: HeldCopy): Promise<boolean> {
    const file = await openUnlessBad(this.#room, disk);
    try {
      return file !== undefined && (await canBeRead(file));
    } finally {
      await file?.close();
    }
  }

  /** See Chunks.manifest. */
  async manifest(path: FilePath, hash: ContentHash): Promise<Uint8Array> {
    this.#room.assertOpen();
    const copy = this.#copy(path, hash);
    const kept = await this.#keptManifest(copy);
    if (kept !== undefined) return kept;
    if (copy.stat.size < MANIFEST_FILE_BYTES_MIN) return await this.#manifestOfSmall(path, hash);
    // It may take hours to read: all who ask meanwhile wait for one reading.
    const making = this.#making.get(hash) ?? this.#makeManifest(copy).finally(() => this.#making.delete(hash));
    this.#making.set(hash, making);
    return await making;
  }

  async #makeManifest(copy: HeldCopy): Promise<Uint8Array> {
    if ((await this.#look(copy)) !== 'right') this.#doubt(copy, false);
    const made = this.#room.manifests.of(copy.hash);
    if (made === undefined) throw new MeshError('gone', `${copy.path} has no manifest here: it is not what was noted`);
    await this.#keepManifest(copy, true);
    return made;
  }

  /** Of a copy that was read just now, and is from a time before manifests were kept, or whose own was lost. */
  async #keepManifest({ path, hash }: HeldCopy, isLost = false): Promise<void> {
    const read = this.#room.kept.has(hash) && !isLost ? undefined : this.#room.manifests.of(hash);
    if (read === undefined) return;
    await this.#room.kept.save(hash, read).catch((thrown) => {
      this.#room.options.log.warn('a manifest could not be kept', { path, reason: asMeshError(thrown).message });
    });
  }

  /** Undefined when the store has none, or not the one of this content. */
  async #keptManifest(copy: HeldCopy): Promise<Uint8Array | undefined> {
    const kept = copy.stat.size < MANIFEST_FILE_BYTES_MIN ? undefined : await this.#room.kept.of(copy.hash);
    if (kept === undefined) return undefined;
    const [version] = await this.#room.versionsOf(copy);
    return version?.manifest.hash === (await this.#room.options.hasher.hashLarge(kept)) ? kept : undefined;
  }

  /** Nobody keeps those: asked for when a small content is striped. */
  async #manifestOfSmall(path: FilePath, hash: ContentHash): Promise<Uint8Array> {
    const { hasher } = this.#room.options;
    const copy = await this.open(path, hash);
    try {
      const content = await copy.read(0, copy.size);
      return encodeManifest(chunkContent(content, (chunk) => Buffer.from(hasher.hash(chunk), 'hex')));
    } finally {
      await copy.close();
    }
  }

  #copy(path: FilePath, hash: ContentHash): HeldCopy {
    const copy = this.#room.held.find(path, hash);
    if (copy === undefined) throw new MeshError('gone', `${path} is not held here`);
    return copy;
  }

  async #watched<Result>(copy: HeldCopy, isBad: (error: MeshError) => boolean, read: () => Promise<Result>): Promise<Result> {
    try {
      this.#room.belief.assert();
      return await read();
    } catch (thrown) {
      const error = asMeshError(thrown);
      if (error.code === 'changed' || isBad(error)) this.#doubt(copy, isBad(error));
      throw thrown;
    }
  }

  /** The file is not the one noted: a user's is looked at, one of ours is hashed anew, as is whatever the disk did not give. */
  #doubt(copy: HeldCopy, isBad: boolean): void {
    if (copy.disk === copy.path && !isBad) this.#room.suspect(copy.path);
    else this.#room.spawn('looking at a copy', async () => void (await this.verify(copy.path, copy.hash)));
  }

  /** `other`: the file was touched since it was noted, so a wrong hash would prove nothing. Of a sibling it is only touched. */
  async #look(copy: HeldCopy): Promise<'right' | Fault> {
    let file: OpenFile | undefined;
    try {
      file = await openUnlessBad(this.#room, copy.disk);
    } catch (thrown) {
      if (asMeshError(thrown).code === 'gone') return 'other';
      throw thrown;
    }
    // Whatever its stat says now: nobody is served from it.
    if (file === undefined) return 'unreadable';
    try {
      const isTouched = !isSameStat(file.stat, copy.stat);
      if (isTouched && copy.disk === copy.path) return 'other';
      const hash = await this.#hashOf(file);
      const isQuiet = isSameStat(await file.restat(), file.stat);
      if (hash !== copy.hash) return isTouched || !isQuiet ? 'other' : hash === undefined ? 'unreadable' : 'wrong';
      if (isTouched && isQuiet) await this.#note(copy, file.stat);
      return 'right';
    } finally {
      await file.close();
    }
  }

  /** Undefined: the disk cannot read it, tried twice. */
  async #hashOf(file: OpenFile): Promise<ContentHash | undefined> {
    try {
      return (await this.#room.options.hasher.digest(file)).hash;
    } catch (thrown) {
      if (await canBeRead(file)) throw thrown;
      return undefined;
    }
  }

  /** Its owner or mode was changed, or it was copied, with all of the folder: it is what it was. */
  #note(copy: HeldCopy, stat: FileStat): Promise<void> {
    const { path, hash } = copy;
    return this.#room.locks.with([path], async () => {
      if (this.#room.held.find(path, hash) !== copy) return;
      const placed = { ...placedOf(copy), stat };
      const versions = await this.#room.versionsOf(copy);
      await this.#acts.run({ id: this.#room.freshName(), moves: [], effects: [{ kind: 'note', placed, versions }] });
    });
  }
}
