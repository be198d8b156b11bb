import type { FileHandle } from 'node:fs/promises';
import type { Incoming, Sink } from '../client/transfer.ts';
import type { Screen } from './screen.ts';
import { noTemporaryFile, openNameless } from './standard-input.ts';

/** Bytes copied to standard output at once. */
const COPY_BYTES = 1024 * 1024;

/** Standard output as a sink: nothing is written there before all of it was checked. */
export class OutputSink implements Sink {
  readonly #screen: Screen;
  readonly #handle: FileHandle;
  readonly #size: number;
  #over = false;

  private constructor(screen: Screen, handle: FileHandle, size: number) {
    this.#screen = screen;
    this.#handle = handle;
    this.#size = size;
  }

  static async open(screen: Screen, incoming: Pick<Incoming, 'size'>): Promise<OutputSink> {
    return new OutputSink(screen, await openNameless(), incoming.size);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const act = this.#handle.write(bytes, written, bytes.length - written, offset + written).catch(noTemporaryFile);
      written += (await act).bytesWritten;
    }
  }

  async finish(): Promise<string> {
    for (let offset = 0; offset < this.#size; ) {
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(COPY_BYTES), 0, COPY_BYTES, offset);
      if (bytesRead === 0) break;
      await this.#screen.bytes(buffer.subarray(0, Math.min(bytesRead, this.#size - offset)));
      offset += bytesRead;
    }
    await this.discard();
    return '-';
  }

  async discard(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#handle.close();
  }
}
