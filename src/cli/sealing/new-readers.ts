import type { FileHandle } from 'node:fs/promises';
import type { Sink, Source } from '../../client/transfer.ts';
import { MeshError } from '../../core/errors.ts';
import { openNameless } from '../standard-input.ts';

/**
 * A sealed file on its way to other readers: takes its bytes, and gives them with another header. Only so far in a nameless
 * file: the hash of the new content is that of all its bytes.
 */
export class NewReaders implements Sink, Source {
  readonly size: number;
  readonly #file: FileHandle;
  /** Bytes the header grew by, or shrank. */
  readonly #shift: number;
  readonly #oldHeader: Uint8Array;
  readonly mode: number;
  readonly modifiedMs: number;
  #isOther = false;

  private constructor(file: FileHandle, oldHeader: Uint8Array, header: Uint8Array, facts: Facts) {
    this.#file = file;
    this.#oldHeader = oldHeader;
    this.#shift = header.length - oldHeader.length;
    this.size = facts.size + this.#shift;
    this.mode = facts.mode;
    this.modifiedMs = facts.modifiedMs;
  }

  /** `oldHeader`: that the new one was made from; `facts`: of the sealed file. The caller closes it. */
  static async open(oldHeader: Uint8Array, header: Uint8Array, facts: Facts): Promise<NewReaders> {
    const file = await openNameless();
    await writeAll(file, header, 0);
    return new NewReaders(file, oldHeader, header, facts);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset === 0) this.#isOther = false;
    const headBytes = Math.max(0, Math.min(bytes.length, this.#oldHeader.length - offset));
    const head = this.#oldHeader.subarray(offset, offset + headBytes);
    if (!Buffer.from(head).equals(bytes.subarray(0, headBytes))) this.#isOther = true;
    await writeAll(this.#file, bytes.subarray(headBytes), offset + headBytes + this.#shift);
  }

  /** The header that was looked at came from one peer, unproved: an earlier one of that file would bring back whom it was for then. */
  finish(): Promise<string> {
    if (!this.#isOther) return Promise.resolve('');
    return Promise.reject(
      new MeshError('corrupt', 'a peer told of another head than the sealed file has; nothing was changed, try again'),
    );
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - offset)));
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  }

  /** Nobody else can change it. */
  check(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Of a sealed file. */
interface Facts {
  readonly size: number;
  readonly mode: number;
  /** Wall ms. */
  readonly modifiedMs: number;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
}
