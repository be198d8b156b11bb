import { ChunkList } from '../core/chunk-list.ts';
import { CHUNKING_SCHEME, MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import type { Copies } from './copies.ts';
import type { Asker, Copy, Staging } from './face.ts';
import { type Lender, Lenders } from './lenders.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import { type Lent, WantedChunks } from './wanted-chunks.ts';

/** What is to be known of a content that is to come. */
export type ContentFacts = Pick<FileVersion, 'hash' | 'size' | 'manifest'>;

/** Chunks are copied by so many bytes: whatever else a hashing thread has to do waits so long, some 10 ms. 1…64 MiB. */
const LENT_BYTES_MAX = 8 * 1024 * 1024;

/** Contents as chunks: their manifests, and of a content that is to come what lies here already. */
export class Chunks {
  readonly #room: Room;
  readonly #copies: Copies;
  readonly #runs: Runs;
  readonly #lenders: Lenders;

  constructor(room: Room, copies: Copies, runs: Runs) {
    this.#room = room;
    this.#runs = runs;
    this.#copies = copies;
    this.#lenders = new Lenders(room, copies);
  }

  /** The encoded manifest of a content that lies here, or of which runs do. Rejects with `gone` or `paused`. */
  async manifest(path: FilePath, hash: ContentHash): Promise<Uint8Array> {
    const kept = this.#room.held.find(path, hash) === undefined ? await this.#runs.manifest(hash, path) : undefined;
    return kept ?? (await this.#copies.manifest(path, hash));
  }

  /** True when a content of so many bytes comes by chunks, each checked by itself. */
  isCut(size: number): boolean {
    return size >= (this.#room.options.config.chunkedBytesMin ?? MANIFEST_FILE_BYTES_MIN);
  }

  /** True when contents lie here that a new one may share chunks with: its manifest is worth asking for. */
  mayReuse(path: FilePath, version: ContentFacts): boolean {
    const { size, manifest } = version;
    return this.isCut(size) && manifest.scheme === CHUNKING_SCHEME && this.#lenders.areThere(path);
  }

  /**
   * Fills a staging that is cut so with what it has not and lies here in other contents. Each chunk counts once it is checked;
   * a wrong one stays missing. Resolves with what the staging is missing then. Rejects with `corrupt` for a manifest that is
   * not the content's, and with what the staging says. `asker`: for whom; absent: for this peer.
   */
  async fill(path: FilePath, version: ContentFacts, staging: Staging, manifest: Uint8Array, asker?: Asker): Promise<Range[]> {
    this.#room.assertOpen();
    const wanted = new WantedChunks(await this.#proven(path, version, manifest), staging.missing());
    for (const lender of this.#lenders.find(path, version.hash, manifest, wanted.keys(), asker)) {
      if (wanted.count === 0) break;
      await this.#takeFrom(lender, wanted, staging);
    }
    return staging.missing();
  }

  async #proven(path: FilePath, version: ContentFacts, manifest: Uint8Array): Promise<ChunkList> {
    const isShort = manifest.length <= STRIPED_MANIFEST_BYTES_MAX;
    const isAnnounced = isShort && (await this.#room.options.hasher.hashLarge(manifest)) === version.manifest.hash;
    if (!isAnnounced) throw new MeshError('corrupt', `the manifest that came for ${path} is not the announced one`);
    return ChunkList.of(manifest, version.size);
  }

  /** Whatever is wrong with the lender costs what it would have lent. */
  async #takeFrom(lender: Lender, wanted: WantedChunks, staging: Staging): Promise<void> {
    let isWrong = false;
    let copy: Copy | undefined;
    let taking = Promise.resolve();
    const take = async (source: Copy, some: readonly Lent[]) => {
      const wrong = new Set(await staging.takeFrom(source, some));
      wanted.take(some.filter(({ chunk }) => !wrong.has(chunk)));
      isWrong ||= wrong.size > 0;
    };
    try {
      const manifest = await lender.manifest();
      const theirs = manifest && ChunkList.of(manifest, lender.size);
      const lent = theirs === undefined ? [] : wanted.lentBy(theirs, lender, LENT_BYTES_MAX, () => this.#room.pause());
      for await (const some of lent) {
        copy ??= await lender.open();
        // Asked for while others are copied: the thread that does it never waits.
        const next = take(copy, some);
        next.catch(() => undefined);
        const before = taking;
        taking = next;
        await before;
        if (isWrong) break;
      }
      await taking;
    } catch (thrown) {
      const error = asMeshError(thrown);
      if (error.code === 'full') throw error;
      this.#room.options.log.debug('a content here could not lend chunks', { reason: error.message });
    } finally {
      await taking.catch(() => undefined);
      await copy?.close();
    }
    if (isWrong) lender.doubt();
  }
}
