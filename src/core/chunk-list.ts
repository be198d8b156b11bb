import { chunkAt, chunkBounds, MANIFEST_ROW_BYTES } from './chunking.ts';
import { MeshError } from './errors.ts';

/**
 * First bytes of a chunk's hash that stand for it where much is looked up: 32 bits, which a map takes without a box for each.
 * Never a proof: two chunks of 100,000 may share one.
 */
export type ChunkKey = number;

/**
 * The chunks of a content in their order, by number, as its encoded manifest has them: no object for each. There may be 500,000,
 * which are made in one turn of the event loop, and whoever sends or takes a content in holds them until it is whole.
 */
export class ChunkList {
  /** Where each ends, in bytes; the last where the content ends. */
  readonly ends: Float64Array;
  readonly #rows: Uint8Array;
  readonly #view: DataView;

  private constructor(rows: Uint8Array, ends: Float64Array) {
    this.#rows = rows;
    this.#view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    this.ends = ends;
  }

  /** Of an encoded manifest, which stays in use. Throws `corrupt` when no content of `size` bytes is cut so. */
  static of(manifest: Uint8Array, size: number): ChunkList {
    const view = new DataView(manifest.buffer, manifest.byteOffset, manifest.length);
    const count = Math.floor(manifest.length / MANIFEST_ROW_BYTES);
    const { min, max } = chunkBounds(size);
    const ends = new Float64Array(count);
    let end = 0;
    let isOdd = false;
    for (let index = 0; index < count; index++) {
      const length = view.getUint32(index * MANIFEST_ROW_BYTES, true);
      isOdd ||= length > max || length < (index === count - 1 ? Math.min(1, size) : min);
      end += length;
      ends[index] = end;
    }
    if (count * MANIFEST_ROW_BYTES !== manifest.length || end !== size || isOdd)
      throw new MeshError('corrupt', `a manifest of ${manifest.length} bytes is none of a content of ${size} bytes`);
    return new ChunkList(manifest, ends);
  }

  get count(): number {
    return this.ends.length;
  }

  /** Where it begins; of the number behind the last one, where the content ends. */
  offset(index: number): number {
    return index === 0 ? 0 : (this.ends[index - 1] as number);
  }

  length(index: number): number {
    return (this.ends[index] as number) - this.offset(index);
  }

  /** 32 bytes, in the memory of the manifest. */
  hash(index: number): Uint8Array {
    return this.#rows.subarray(index * MANIFEST_ROW_BYTES + 4, (index + 1) * MANIFEST_ROW_BYTES);
  }

  key(index: number): ChunkKey {
    return this.#view.getInt32(index * MANIFEST_ROW_BYTES + 4);
  }

  /** True when that chunk of another content is the same. */
  isSame(index: number, other: ChunkList, there: number): boolean {
    const [at, from] = [index * MANIFEST_ROW_BYTES, there * MANIFEST_ROW_BYTES];
    for (let byte = 0; byte < MANIFEST_ROW_BYTES; byte++) {
      if (this.#rows[at + byte] !== other.#rows[from + byte]) return false;
    }
    return true;
  }

  /** Those in bytes `from` ≤ offset < `to`, as if they were a content, and the number of the first here. Both are ends of chunks. */
  within(from: number, to: number): { readonly first: number; readonly chunks: ChunkList } {
    const first = chunkAt(this.ends, from);
    const end = to <= from ? first : chunkAt(this.ends, to - 1) + 1;
    const rows = this.#rows.subarray(first * MANIFEST_ROW_BYTES, end * MANIFEST_ROW_BYTES);
    const ends = this.ends.subarray(first, end).map((each) => each - from);
    return { first, chunks: new ChunkList(rows, ends) };
  }
}

/** The keys of all chunks of an encoded manifest. */
export function keysOf(manifest: Uint8Array): Int32Array {
  const view = new DataView(manifest.buffer, manifest.byteOffset, manifest.length);
  const keys = new Int32Array(Math.floor(manifest.length / MANIFEST_ROW_BYTES));
  for (let index = 0; index < keys.length; index++) keys[index] = view.getInt32(index * MANIFEST_ROW_BYTES + 4);
  return keys;
}
