import { MeshError } from '../core/errors.ts';

/** A manifest that comes in order, piece by piece. A piece that came before may come again. */
export class ManifestPieces {
  readonly #bytes: Uint8Array;
  #have = 0;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** Of the whole manifest. */
  get bytes(): number {
    return this.#bytes.length;
  }

  /** Takes a piece; the whole once it is there, undefined while more is to come. Throws `usage` for one out of order. */
  add(offset: number, piece: Uint8Array): Uint8Array | undefined {
    const end = offset + piece.length;
    if (offset > this.#have || end > this.#bytes.length)
      throw new MeshError('usage', 'a piece of a manifest came out of order: begin with the first');
    this.#bytes.set(piece, offset);
    this.#have = Math.max(this.#have, end);
    return this.#have === this.#bytes.length ? this.#bytes : undefined;
  }
}
