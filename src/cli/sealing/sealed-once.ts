import { createHash } from 'node:crypto';
import { MeshError } from '../../core/errors.ts';
import { PLAIN_CHUNK_BYTES } from './age-body.ts';

/** Bytes of a chunk's tag that are remembered: nobody meets them by chance. For a TiB that is 128 MiB. */
const MARK_BYTES = 8;

/**
 * Sees to it that no chunk is sealed to something else than the first time: two contents under one key would tell of each
 * other. Whether a file changed its times and its size do not always tell: memory that is mapped is written without them.
 */
export class SealedOnce {
  readonly #marks: Buffer;
  readonly #isMarked: Uint8Array;
  #left: number;
  #allSealed: ((mark: string) => Promise<void>) | undefined;

  /**
   * For a content of so many plain bytes. `allSealed`: called once, when each chunk was sealed; `mark` stands for what they
   * were; what is rejected with ends the read.
   */
  constructor(plainBytes: number, allSealed?: (mark: string) => Promise<void>) {
    this.#left = Math.max(1, Math.ceil(plainBytes / PLAIN_CHUNK_BYTES));
    this.#marks = Buffer.alloc(this.#left * MARK_BYTES);
    this.#isMarked = new Uint8Array(this.#left);
    this.#allSealed = allSealed;
  }

  /** `tag`: of a chunk just sealed, which nobody has yet. Throws `changed` when it was another content before. */
  check(index: number, tag: Uint8Array): void {
    const mark = this.#marks.subarray(index * MARK_BYTES, (index + 1) * MARK_BYTES);
    if (this.#isMarked[index] === 1) {
      if (mark.equals(tag.subarray(0, MARK_BYTES))) return;
      throw new MeshError('changed', 'the file changed while it was read; nothing was stored, try again');
    }
    mark.set(tag.subarray(0, MARK_BYTES));
    this.#isMarked[index] = 1;
    this.#left--;
  }

  /** To be awaited before sealed bytes are given to anybody. */
  async settle(): Promise<void> {
    const tell = this.#allSealed;
    if (this.#left > 0 || tell === undefined) return;
    this.#allSealed = undefined;
    await tell(createHash('sha256').update(this.#marks).digest('hex'));
  }
}
