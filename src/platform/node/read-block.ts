/** Bytes of memory: TLS gives records of 16 KiB. Range 16–256 KiB. */
const BLOCK_BYTES = 64 * 1024;

/**
 * One block of memory that a socket puts all it reads into, instead of a new one each time: a GiB is 65,536 records. Only a
 * socket that dials can be given one.
 */
export class ReadBlock {
  readonly #early: Uint8Array[] = [];
  #listener: ((bytes: Uint8Array) => void) | undefined;

  /** For whoever dials: `tls.connect` hands on what `net.connect` takes, whatever its types say. */
  get options(): object {
    return {
      onread: {
        buffer: new Uint8Array(BLOCK_BYTES),
        callback: (count: number, block: Uint8Array): boolean => this.#take(block.subarray(0, count)),
      },
    };
  }

  /** From now on `listener` gets what comes, only lent; what came before is given, in order. */
  listen(listener: (bytes: Uint8Array) => void): Uint8Array[] {
    this.#listener = listener;
    return this.#early.splice(0);
  }

  /** False: no more, until the socket is resumed. */
  #take(bytes: Uint8Array): boolean {
    if (this.#listener === undefined) {
      this.#early.push(bytes.slice());
      return false;
    }
    this.#listener(bytes);
    return true;
  }
}
