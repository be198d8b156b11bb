import type { Socket } from 'node:net';

/** Bytes of memory: a record of TLS at the most, and each read is one record. */
const BLOCK_BYTES = 16 * 1024;

/** What sockets of Node have inside, as far as this asks for it: see `#lend`. */
interface Lendable {
  readonly _handle?: { readonly useUserBuffer?: unknown } | null;
  [inside: symbol]: unknown;
}

/**
 * One block of memory that a socket puts all it reads into, instead of a new one each time: a GiB is 65,536 records, and to
 * make and collect as many buffers takes a receiver half as much work again.
 */
export class ReadBlock {
  readonly #bytes = new Uint8Array(BLOCK_BYTES);
  readonly #early: Uint8Array[] = [];
  #listener: ((bytes: Uint8Array) => void) | undefined;

  /** For whoever dials: `tls.connect` hands on what `net.connect` takes, whatever its types say. */
  get options(): object {
    return { onread: { buffer: this.#bytes, callback: this.#taken } };
  }

  /**
   * For a socket that was accepted, or made by somebody else. Node lends memory to dialling sockets alone; for the others it
   * is done as Node does it inside, and where a Node has changed there, the block is fed by `data`: the same, but dearer.
   */
  adopt(socket: Socket): void {
    while (socket.readableLength > 0) this.#early.push(socket.read());
    if (this.#lend(socket as unknown as Lendable)) return;
    socket.on('data', (bytes) => {
      if (!this.#take(bytes)) socket.pause();
    });
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

  /** As `initSocketHandle` in Node's lib/net.js does for the option `onread`. False: this Node is another inside. */
  #lend(socket: Lendable): boolean {
    const inside = Object.getOwnPropertySymbols(socket);
    const buffer = inside.find(({ description }) => description === 'kBuffer');
    const callback = inside.find(({ description }) => description === 'kBufferCb');
    const handle = socket._handle;
    if (buffer === undefined || callback === undefined || typeof handle?.useUserBuffer !== 'function') return false;
    if (socket[buffer] !== null || socket[callback] !== null) return false;
    socket[buffer] = this.#bytes;
    socket[callback] = this.#taken;
    handle.useUserBuffer(this.#bytes);
    return true;
  }

  readonly #taken = (count: number): boolean => this.#take(this.#bytes.subarray(0, count));

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
