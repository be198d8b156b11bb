import { existsSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { availableMemory, fileSystem } from './machine.ts';

const PLACE = '/dev/shm';
const PIECE = Buffer.alloc(4 * 2 ** 20, 1);
/** What must be left to everybody else. */
const OTHERS_BYTES = 4 * 2 ** 30;

/**
 * Memory that is really there. A virtual machine gets its memory from the host page by page, on first use, and gives it
 * back seconds after it was freed: writing a file into memory that is not there yet costs three times as much, and which
 * of two that are compared gets it is chance. So it is held here, and let go the moment before a clock starts.
 */
export class Reserve {
  readonly #bytes: number;
  #handle: FileHandle | undefined;

  constructor(bytes: number) {
    const isTmpfs = existsSync(PLACE) && fileSystem(PLACE) === 'tmpfs';
    if (!isTmpfs) console.warn(`memory is not warmed before each run: ${PLACE} is no tmpfs`);
    this.#bytes = isTmpfs ? bytes : 0;
  }

  /** Takes the memory, where there is enough. */
  async hold(): Promise<void> {
    await this.release();
    if (this.#bytes === 0) return;
    if (availableMemory() < this.#bytes + OTHERS_BYTES) {
      console.warn('memory is not warmed before this run: too little of it');
      return;
    }
    const file = join(PLACE, `filemesh-bench-${process.pid}`);
    this.#handle = await open(file, 'w', 0o600);
    // Without a name it ends with this process, however that ends.
    rmSync(file);
    for (let left = this.#bytes; left > 0; left -= PIECE.length) await this.#handle.write(PIECE);
  }

  async release(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
