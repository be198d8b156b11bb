import ignore, { type Ignore } from 'ignore';
import { asMeshError } from '../core/errors.ts';
import type { FileStat } from '../platform/disk.ts';
import type { Room } from './room.ts';
import { isSameStat } from './stats.ts';

/** The file of patterns, in the syntax of `.gitignore`. It is itself a file of the mesh like any other. */
export const IGNORE_FILE = '.filemeshignore';
/** Longer ones are not read. */
const FILE_BYTES_MAX = 1024 * 1024;
/** The library remembers every path it was asked; it is made anew after so many. */
const ASKED_MAX = 10_000;

/** Which new files of the folder are left alone. What is held already stays held, as with git. */
export class IgnoreRules {
  readonly #room: Room;
  #text = '';
  #stat: FileStat | undefined;
  #rules: Ignore = ignore();
  #asked = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Reads the patterns anew if their file changed. When it cannot be read the last ones stay. */
  async load(): Promise<void> {
    const { disk, log } = this.#room.options;
    try {
      const stat = await disk.stat(IGNORE_FILE);
      if (stat !== undefined && this.#stat !== undefined && isSameStat(stat, this.#stat)) return;
      this.#text = stat === undefined ? '' : await this.#read();
      this.#stat = stat;
      this.#renew();
    } catch (thrown) {
      log.warn(`${IGNORE_FILE} could not be read`, { reason: asMeshError(thrown).message });
    }
  }

  isIgnored(path: string): boolean {
    if (this.#text === '' || path === IGNORE_FILE) return false;
    this.#asked += 1;
    if (this.#asked > ASKED_MAX) this.#renew();
    return this.#rules.ignores(path);
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
