import { chunkBounds, MANIFEST_ROW_BYTES } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';

/** No manifest may be larger than one of the smallest chunks. Throws `corrupt`. */
export function checkManifestBytes(bytes: number, size: number): void {
  if (bytes > MANIFEST_ROW_BYTES * (size / chunkBounds(size).min + 1))
    throw new MeshError('corrupt', 'a content of that size has no such manifest');
}

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
    // It is being looked at: what comes again changes nothing any more.
    if (this.#have === this.#bytes.length) return this.#bytes;
    const end = offset + piece.length;
    if (offset > this.#have || end > this.#bytes.length)
      throw new MeshError('usage', 'a piece of a manifest came out of order: begin with the first');
    this.#bytes.set(piece, offset);
    this.#have = Math.max(this.#have, end);
    return this.#have === this.#bytes.length ? this.#bytes : undefined;
  }
}
