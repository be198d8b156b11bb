import { asMeshError } from '../core/errors.ts';
import type { StageFile } from '../platform/disk.ts';
import type { Log } from '../platform/log.ts';

/** A staging is synced and noted each time so much was added: what a crash costs to fetch again. 1…256 MiB. */
const NOTE_EVERY_BYTES = 16 * 1024 * 1024;
/** So many bytes may wait for the sync of those before: beyond it the writers wait too. 1…16 × NOTE_EVERY_BYTES. */
const UNNOTED_BYTES_MAX = 4 * NOTE_EVERY_BYTES;

/** When what was written to a staging is synced and noted. */
export class StagingNotes {
  readonly #log: Log;
  readonly #noteNow: (file: StageFile) => Promise<void>;
  #writtenBytes = 0;
  #notedBytes = 0;
  #noting: Promise<void> | undefined;

  /** `noteNow`: syncs the file and notes what was there before. */
  constructor(log: Log, noteNow: (file: StageFile) => Promise<void>) {
    this.#log = log;
    this.#noteNow = noteNow;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Something was written that no note begun so far tells of. */
  get isBehind(): boolean {
    return this.#writtenBytes > this.#notedBytes;
  }

  async wrote(file: StageFile, bytes: number): Promise<void> {
    this.#writtenBytes += bytes;
    const unnoted = this.#writtenBytes - this.#notedBytes;
    if (unnoted >= UNNOTED_BYTES_MAX) await this.#noting;
    if (unnoted >= NOTE_EVERY_BYTES) this.note(file).catch(this.#notNoted);
  }

  /** One at a time; a failure is told to the writer that met it. */
  note(file: StageFile): Promise<void> {
    this.#noting ??= this.#begin(file).finally(() => {
      this.#noting = undefined;
    });
    return this.#noting;
  }

  /** The one under way is over, however it ended. */
  async settled(): Promise<void> {
    await this.#noting?.catch(this.#notNoted);
  }

  #begin(file: StageFile): Promise<void> {
    this.#notedBytes = this.#writtenBytes;
    return this.#noteNow(file);
  }

  /** Bytes the disk lost are told by the next act on it; anything else costs what a crash leaves to fetch again. */
  readonly #notNoted = (thrown: unknown): void =>
    this.#log.debug('a staging was not noted', { reason: asMeshError(thrown).message });
}
