import type { Cut, CutOptions } from '../client/transfer.ts';
import { checkStopped } from '../client/waiting.ts';
import type { ContentHash } from '../core/ids.ts';
import { digestOf } from '../platform/node/hash-answers.ts';
import { HasherThread } from '../platform/node/hasher-thread.ts';

/** Bytes hashed between two looks at whether it is called off: some 30 ms. Range 1–256 MiB. */
const STRIDE_BYTES = 32 * 1024 * 1024;

/** Cuts local files into chunks, in a thread of its own: one file's turn after the other's. */
export class FileCutter {
  #thread: HasherThread | undefined;
  #files = 0;

  /** `descriptor`: of a file that stays open until this has ended. Rejects with `failed` when it cannot be read. */
  async cut(descriptor: number, size: number, { signal, progress }: CutOptions): Promise<Cut> {
    this.#thread ??= new HasherThread({
      idle: () => {},
      gone: () => {
        this.#thread = undefined;
      },
    });
    const thread = this.#thread;
    const file = this.#files++;
    const job = { descriptor, size };
    try {
      for (let end = STRIDE_BYTES; end < size; end += STRIDE_BYTES) {
        checkStopped(signal);
        await thread.do({ kind: 'follow', file, job, end, isLast: false });
        progress?.(end);
      }
      checkStopped(signal);
    } catch (thrown) {
      await thread.do({ kind: 'drop', file }).catch(() => undefined); // A thread that broke has nothing to drop.
      throw thrown;
    }
    const [told] = await thread.do({ kind: 'follow', file, job, end: size, isLast: true });
    const { hash, manifest, rows = new Uint8Array(0) } = digestOf(told);
    return { hash: hash as ContentHash, manifest: rows, manifestHash: manifest.hash };
  }

  /** Ends the thread; what is under way is rejected. */
  async close(): Promise<void> {
    await this.#thread?.end();
  }
}
