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

  /** `listener` gets what came meanwhile, in order, and from now on what comes, only lent, until `hold`. False: held again. */
  give(listener: (bytes: Uint8Array) => void): boolean {
    this.#listener = listener;
    while (this.#listener !== undefined) {
      const bytes = this.#early.shift();
      if (bytes === undefined) return true;
      listener(bytes);
    }
    return false;
  }

  /** Keeps what comes: a socket that was told to stop still gives what it has deciphered. */
  hold(): void {
    this.#listener = undefined;
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
