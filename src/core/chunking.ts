import { gearWindow, searchGear } from './gear.ts';
import type { ContentHash } from './ids.ts';
import type { ManifestId } from './version.ts';

/** The chunking described in this file. Another way to cut, or another table, is another scheme. */
export const CHUNKING_SCHEME = 1;
/** Average chunk of files up to SMALL_FILE_BYTES_MAX, in bytes. */
const AVERAGE_BYTES_MIN = 64 * 1024;
/** Average chunk of the largest files: beyond 96 GiB the manifest grows instead. */
export const AVERAGE_BYTES_MAX = 8 * 1024 * 1024;
/**
 * Limits of file size lie between powers of two on purpose: a byte put into a file of exactly 1 GiB must not change the
 * average, which would move every cut.
 */
const SMALL_FILE_BYTES_MAX = 96 * 1024 * 1024;
/** Average chunks of a file above that: keeps a manifest within some 16,000 chunks (0.6 MiB) up to 128 GiB. */
const AVERAGE_CHUNKS_MAX = 12_288;
/** Bits by which the mask is harder before the average length and easier after it (FastCDC's normalization level 2). */
const NORMALIZATION_BITS = 2;
/** A smaller file travels whole: asking for its manifest would take as long. In bytes. */
export const MANIFEST_FILE_BYTES_MIN = 1024 * 1024;
/** A file has so many chunks at least, if it has so many bytes: one for each of the fewest parts it is spread in. */
const CHUNKS_MIN = 4;
/** Bytes of one row of a manifest: length (u32, little-endian) and hash. */
export const MANIFEST_ROW_BYTES = 36;

/** Lengths in bytes: every chunk but the last of a file has at least `min`, every chunk at most `max`. */
export interface ChunkBounds {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

/**
 * The bounds for a file of `size` bytes: a function of the size alone. A file of 4 bytes or more has at least four chunks, so
 * that it can be spread in four parts; a smaller one has one a byte, the empty one exactly one.
 */
export function chunkBounds(size: number): ChunkBounds {
  let average = AVERAGE_BYTES_MIN;
  if (size > SMALL_FILE_BYTES_MAX) {
    average *= 2;
    while (average < AVERAGE_BYTES_MAX && size > average * AVERAGE_CHUNKS_MAX) average *= 2;
  }
  const max = Math.max(1, Math.min(average * 4, Math.floor(size / CHUNKS_MIN)));
  return { min: Math.min(average / 4, max), average, max };
}

/**
 * Cuts a stream where its content says so (FastCDC, Xia et al. 2016: gear hash, the first `min` bytes of a chunk skipped,
 * normalized masks), so that an insertion moves the cuts near it only. Feed it the file from first byte to last.
 */
export class Chunker {
  readonly bounds: ChunkBounds;
  /** No bit of it may be set at a cut before the average length. */
  readonly #maskHard: number;
  readonly #maskEasy: number;
  /** Bytes pushed so far. */
  #offset = 0;
  /** Bytes of the open chunk. */
  #length = 0;
  #hash = 0;

  /** `size`: of the file as of its opening. It decides the bounds; more or fewer bytes may follow. */
  constructor(size: number) {
    this.bounds = chunkBounds(size);
    const bits = Math.log2(this.bounds.average);
    this.#maskHard = maskOfTopBits(bits + NORMALIZATION_BITS);
    this.#maskEasy = maskOfTopBits(bits - NORMALIZATION_BITS);
  }

  /** The ends of the chunks that `bytes` closes, as offsets in the file. Bytes of `gearWindow` itself cost no copy. */
  push(bytes: Uint8Array): number[] {
    const isThere = bytes.buffer === gearWindow.buffer;
    if (isThere) return this.#cut(bytes.byteOffset - gearWindow.byteOffset, bytes.length);
    const cuts: number[] = [];
    for (let from = 0; from < bytes.length; from += gearWindow.length) {
      const part = bytes.subarray(from, from + gearWindow.length);
      gearWindow.set(part);
      cuts.push(...this.#cut(0, part.length));
    }
    return cuts;
  }

  /** Call once, after the last push. The end of the last chunk, if one is open; the one of an empty file is empty. */
  finish(): number[] {
    return this.#length > 0 || this.#offset === 0 ? [this.#offset] : [];
  }

  #cut(begin: number, length: number): number[] {
    const cuts: number[] = [];
    let from = begin;
    while (from < begin + length) {
      const end = this.#endOfChunk(from, begin + length);
      this.#offset += end.to - from;
      from = end.to;
      if (!end.cut) continue;
      cuts.push(this.#offset);
      this.#length = 0;
      this.#hash = 0;
    }
    return cuts;
  }

  /** Goes on with the open chunk from `from` in the window to its end or to `limit`. */
  #endOfChunk(from: number, limit: number): { to: number; cut: boolean } {
    const { min, average, max } = this.bounds;
    const start = from - this.#length;
    const last = Math.min(limit, start + max);
    let at = Math.max(from, Math.min(start + min, last));
    const middle = Math.max(at, Math.min(start + average, last));
    let found = this.#search(at, middle, this.#maskHard);
    if (found < 0) {
      at = middle;
      found = this.#search(at, last, this.#maskEasy);
    }
    const to = found < 0 ? last : found;
    this.#length = to - start;
    return { to, cut: found >= 0 || this.#length === max };
  }

  #search(from: number, to: number, mask: number): number {
    const { end, hash } = searchGear(from, to, mask, this.#hash);
    this.#hash = hash;
    return end;
  }
}

/** Top bits, because they depend on the most bytes: bit 31 on the last 32 of them. */
function maskOfTopBits(bits: number): number {
  return (-1 << (32 - bits)) | 0;
}

/** One chunk of a file as a manifest has it. */
export interface ManifestRow {
  /** Bytes: up to 32 MiB. */
  readonly length: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** The bytes a manifest's name is the hash of: for all chunks in order, length (u32, little-endian) and hash. */
export function encodeManifest(rows: readonly ManifestRow[]): Uint8Array {
  const bytes = new Uint8Array(rows.length * MANIFEST_ROW_BYTES);
  const view = new DataView(bytes.buffer);
  rows.forEach((row, index) => {
    view.setUint32(index * MANIFEST_ROW_BYTES, row.length, true);
    bytes.set(row.hash, index * MANIFEST_ROW_BYTES + 4);
  });
  return bytes;
}

/** The chunk that has the byte at `offset`; as many as there are, when none has. `ends`: of all chunks, in bytes, in order. */
export function chunkAt(ends: ArrayLike<number>, offset: number): number {
  let [at, end] = [0, ends.length];
  while (at < end) {
    const middle = (at + end) >> 1;
    if ((ends[middle] ?? 0) > offset) end = middle;
    else at = middle + 1;
  }
  return at;
}

/** The name of a manifest. `hash`: BLAKE3-256 in hex (core knows no hash library). */
export function manifestDigest(rows: readonly ManifestRow[], hash: (bytes: Uint8Array) => string): ManifestId {
  return { scheme: CHUNKING_SCHEME, hash: hash(encodeManifest(rows)) as ContentHash };
}

/** The rows of a whole content held in memory. `hash`: BLAKE3-256, 32 bytes. */
export function chunkContent(content: Uint8Array, hash: (bytes: Uint8Array) => Uint8Array): ManifestRow[] {
  const chunker = new Chunker(content.length);
  const rows: ManifestRow[] = [];
  let from = 0;
  for (const to of [...chunker.push(content), ...chunker.finish()]) {
    rows.push({ length: to - from, hash: hash(content.subarray(from, to)) });
    from = to;
  }
  return rows;
}
