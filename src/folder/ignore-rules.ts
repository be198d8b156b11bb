import ignore, { type Ignore } from 'ignore';
import { asMeshError } from '../core/errors.ts';
import type { FilePath } from '../core/ids.ts';
import { IGNORE_FILE, isIgnoreFile } from '../core/path.ts';
import type { FileStat } from '../platform/disk.ts';
import type { Room } from './room.ts';
import { isSameStat } from './stats.ts';

/** Longer ones are not read. */
const FILE_BYTES_MAX = 1024 * 1024;
/** The library remembers every path it was asked; it is made anew after so many. */
const ASKED_MAX = 10_000;

/**
 * Which new files of the folder are left alone, by patterns in the syntax of `.gitignore`. What is held already stays held, as
 * with git. The file of patterns is this machine's own: one that came by the mesh would let others say what it keeps.
 */
export class IgnoreRules {
  readonly #room: Room;
  #text = '';
  #stat: FileStat | undefined;
  #rules: Ignore = ignore();
  #asked = 0;
  #isOfMesh = false;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Reads the patterns anew if their file changed. When it cannot be read the last ones stay. */
  async load(): Promise<void> {
    const { held, options } = this.#room;
    const { disk, log } = options;
    try {
      const stat = await disk.stat(IGNORE_FILE);
      const copies = stat === undefined ? [] : [held.plain(IGNORE_FILE as FilePath), held.withInode(stat.inode)];
      this.#isOfMesh = copies.some((copy) => copy !== undefined && isIgnoreFile(copy.path));
      if (this.#isOfMesh) {
        this.#take('', undefined);
        return;
      }
      if (stat !== undefined && this.#stat !== undefined && isSameStat(stat, this.#stat)) return;
      this.#take(stat === undefined ? '' : await this.#read(), stat);
    } catch (thrown) {
      log.warn(`${IGNORE_FILE} could not be read`, { reason: asMeshError(thrown).message });
    }
  }

  isIgnored(path: string): boolean {
    if (isIgnoreFile(path)) return true;
    if (this.#text === '') return false;
    this.#asked += 1;
    if (this.#asked > ASKED_MAX) this.#renew();
    return this.#rules.ignores(path);
  }

  /** For a person. `files`: how many the last scan left alone by the patterns. */
  told(files: number): { path: string; reason: string }[] {
    if (this.#isOfMesh) {
      const how = `rename it ("filemesh rename ${IGNORE_FILE} NAME"), then write this machine's own`;
      return [{ path: IGNORE_FILE, reason: `it is a file of the mesh, and is not obeyed: ${how}` }];
    }
    if (files === 0) return [];
    return [
      { path: IGNORE_FILE, reason: `this machine's own; it keeps ${files === 1 ? '1 file' : `${files} files`} out of the mesh` },
    ];
  }

  #take(text: string, stat: FileStat | undefined): void {
    this.#text = text;
    this.#stat = stat;
    this.#renew();
  }

  #renew(): void {
    this.#asked = 0;
    this.#rules = ignore().add(this.#text);
  }

  async #read(): Promise<string> {
    const file = await this.#room.options.disk.open(IGNORE_FILE);
    try {
      return new TextDecoder().decode(await file.read(0, FILE_BYTES_MAX));
    } finally {
      await file.close();
    }
  }
}
