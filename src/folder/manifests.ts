import type { ContentHash } from '../core/ids.ts';
import type { OpenFile, StageFile } from '../platform/disk.ts';
import type { Digest, Following, Hasher, LentChunk, Likeness, Proving } from '../platform/hasher.ts';

/** Bytes of manifests in memory: 36 a chunk, 0.3 MiB for 1 GiB of content. Range 1–64 MiB. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The hasher of this room: what it reads it cuts into chunks too, and the manifests of the large files read last stay in
 * memory, until they are recorded with the content and for the peers that ask for them soon after.
 */
export class Manifests implements Hasher {
  readonly #hasher: Hasher;
  /** Of the whole content, the latest last. */
  readonly #kept = new Map<ContentHash, Uint8Array>();
  /** Of what was hashed, while somebody has it: no manifest is written to. */
  readonly #hashes = new WeakMap<Uint8Array, Promise<ContentHash>>();
  #bytes = 0;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  hash(bytes: Uint8Array): ContentHash {
    return this.#hasher.hash(bytes);
  }

  /** A manifest of many MiB is sent in pieces, each after it was looked at: it is hashed for the first. */
  hashLarge(bytes: Uint8Array): Promise<ContentHash> {
    const hash = this.#hashes.get(bytes) ?? this.#hasher.hashLarge(bytes);
    this.#hashes.set(bytes, hash);
    return hash;
  }

  async digest(file: OpenFile, like?: Likeness): Promise<Digest> {
    return this.note(await this.#hasher.digest(file, like));
  }

  follow(file: OpenFile, size: number): Following {
    const following = this.#hasher.follow(file, size);
    return {
      reach: (end) => following.reach(end),
      finish: async () => this.note(await following.finish()),
      drop: () => following.drop(),
    };
  }

  prove(file: OpenFile): Proving {
    return this.#hasher.prove(file);
  }

  copy(source: OpenFile, target: StageFile, chunks: readonly LentChunk[]): Promise<readonly number[]> {
    return this.#hasher.copy(source, target, chunks);
  }

  hashPieces(file: OpenFile, lengths: readonly number[]): Promise<Uint8Array> {
    return this.#hasher.hashPieces(file, lengths);
  }

  /** The encoded manifest of a content that was read lately. */
  of(hash: ContentHash): Uint8Array | undefined {
    return this.#kept.get(hash);
  }

  /** Keeps the manifest that a digest has. */
  note(digest: Digest): Digest {
    if (digest.rows !== undefined) this.keep(digest.hash, digest.rows);
    return digest;
  }

  /** Keeps one that came from elsewhere than the content itself. */
  keep(hash: ContentHash, rows: Uint8Array): void {
    this.#bytes += rows.length - (this.#kept.get(hash)?.length ?? 0);
    this.#kept.delete(hash);
    this.#kept.set(hash, rows);
    for (const [oldest, { length }] of this.#kept) {
      // The latest stays, however large: it was made because somebody asks for it.
      if (this.#bytes <= KEPT_BYTES_MAX || this.#kept.size === 1) return;
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
  }
}
