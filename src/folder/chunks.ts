import { CHUNKING_SCHEME, MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import { STRIPED_MANIFEST_BYTES_MAX } from '../core/striping.ts';
import type { FileVersion } from '../core/version.ts';
import { ChunkList } from './chunk-list.ts';
import type { Copies } from './copies.ts';
import type { Copy, Staging } from './face.ts';
import { type Lender, Lenders } from './lenders.ts';
import type { Room } from './room.ts';
import type { Runs } from './runs.ts';
import { type Block, WantedChunks } from './wanted-chunks.ts';

/** What is to be known of a content that is to come. */
export type ContentFacts = Pick<FileVersion, 'hash' | 'size' | 'manifest'>;

/** Bytes a file gives at once. */
const READ_BYTES_MAX = 1024 * 1024;

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
    const kept = this.#room.held.find(path, hash) === undefined ? await this.#runs.manifest(hash) : undefined;
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
   * not the content's, and with what the staging says.
   */
  async fill(path: FilePath, version: ContentFacts, staging: Staging, manifest: Uint8Array): Promise<Range[]> {
    this.#room.assertOpen();
    const wanted = new WantedChunks(this.#proven(path, version, manifest), staging.missing());
    for (const lender of this.#lenders.find(path, version.hash, manifest, wanted.keys())) {
      if (wanted.count === 0) break;
      await this.#takeFrom(lender, wanted, staging);
    }
    return staging.missing();
  }

  #proven(path: FilePath, version: ContentFacts, manifest: Uint8Array): ChunkList {
    const isAnnounced =
      manifest.length <= STRIPED_MANIFEST_BYTES_MAX && this.#room.options.hasher.hash(manifest) === version.manifest.hash;
    if (!isAnnounced) throw new MeshError('corrupt', `the manifest that came for ${path} is not the announced one`);
    return new ChunkList(manifest, version.size);
  }

  /** Whatever is wrong with the lender costs what it would have lent. */
  async #takeFrom(lender: Lender, wanted: WantedChunks, staging: Staging): Promise<void> {
    /** False once a wrong chunk came. */
    let taking: Promise<boolean> = Promise.resolve(true);
    let copy: Copy | undefined;
    try {
      const manifest = await lender.manifest();
      const blocks = manifest === undefined ? [] : wanted.blocksIn(new ChunkList(manifest, lender.size), lender);
      let [memory, other] = [new Uint8Array(READ_BYTES_MAX), new Uint8Array(READ_BYTES_MAX)];
      for (const block of blocks) {
        copy ??= await lender.open();
        // The next one is read while one is written and checked.
        const bytes = await readBlock(copy, block, memory);
        [memory, other] = [other, memory];
        if (!(await taking)) break;
        taking = takeBlock(staging, wanted, block, bytes);
        // Awaited a read later. Until then a full disk must not look like a failure nobody listens for.
        taking.catch(() => undefined);
      }
    } catch (thrown) {
      this.#room.options.log.debug('a content here could not lend chunks', { reason: asMeshError(thrown).message });
    } finally {
      await copy?.close();
    }
    if (!(await taking)) lender.doubt();
  }
}

/** False when a chunk of it is wrong. */
async function takeBlock(staging: Staging, wanted: WantedChunks, block: Block, bytes: Uint8Array): Promise<boolean> {
  await staging.write(block.offset, bytes);
  const chunks = Array.from({ length: block.end - block.first }, (_, index) => block.first + index);
  const wrong = await staging.check(chunks);
  if (wrong.length === 0) wanted.take(block);
  return wrong.length === 0;
}

/** Rejects with `changed` when there are fewer bytes. */
async function readBlock(copy: Copy, { from, length }: Block, memory: Uint8Array): Promise<Uint8Array> {
  // Only a chunk that is larger alone is a larger block.
  const whole = length <= memory.length ? memory.subarray(0, length) : new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const into = whole.subarray(at, Math.min(length, at + READ_BYTES_MAX));
    const bytes = await copy.read(from + at, into.length, into);
    if (bytes.length === 0) throw new MeshError('changed', 'the source became shorter while it was copied');
    if (bytes.buffer !== into.buffer || bytes.byteOffset !== into.byteOffset) into.set(bytes);
    at += bytes.length;
  }
  return whole;
}
