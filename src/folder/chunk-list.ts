import { MANIFEST_ROW_BYTES } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';

/**
 * First bytes of a chunk's hash that stand for it where much is looked up: 32 bits, which a map takes without a box for each.
 * Never a proof: two chunks of 100,000 may share one.
 */
export type ChunkKey = number;

/** The chunks of an encoded manifest in their order, by index: no object for each, as there may be 100,000. */
export class ChunkList {
  readonly count: number;
  readonly #bytes: Buffer;
  /** Where each begins in the content, and at last where the content ends. */
  readonly #offsets: Float64Array;

  /** Throws `corrupt` when these bytes are no manifest of a content of `size` bytes. */
  constructor(manifest: Uint8Array, size: number) {
    this.#bytes = Buffer.from(manifest.buffer, manifest.byteOffset, manifest.length);
    this.count = Math.floor(manifest.length / MANIFEST_ROW_BYTES);
    this.#offsets = new Float64Array(this.count + 1);
    let offset = 0;
    for (let index = 0; index < this.count; index++) {
      offset += this.#bytes.readUInt32LE(index * MANIFEST_ROW_BYTES);
      this.#offsets[index + 1] = offset;
    }
    if (this.count * MANIFEST_ROW_BYTES !== manifest.length || offset !== size)
      throw new MeshError('corrupt', `a manifest of ${manifest.length} bytes is none of a content of ${size} bytes`);
  }

  offset(index: number): number {
    return this.#offsets[index] as number;
  }

  length(index: number): number {
    return this.offset(index + 1) - this.offset(index);
  }

  key(index: number): ChunkKey {
    return keyAt(this.#bytes, index * MANIFEST_ROW_BYTES);
  }

  /** True when that chunk of another content is the same. */
  isSame(index: number, other: ChunkList, there: number): boolean {
    const [at, from] = [index * MANIFEST_ROW_BYTES, there * MANIFEST_ROW_BYTES];
    return this.#bytes.compare(other.#bytes, from, from + MANIFEST_ROW_BYTES, at, at + MANIFEST_ROW_BYTES) === 0;
  }
}

/** The keys of all chunks of an encoded manifest. */
export function keysOf(manifest: Uint8Array): Int32Array {
  const bytes = Buffer.from(manifest.buffer, manifest.byteOffset, manifest.length);
  const keys = new Int32Array(Math.floor(bytes.length / MANIFEST_ROW_BYTES));
  for (let index = 0; index < keys.length; index++) keys[index] = keyAt(bytes, index * MANIFEST_ROW_BYTES);
  return keys;
}

function keyAt(bytes: Buffer, row: number): ChunkKey {
  return bytes.readInt32BE(row + 4);
}
