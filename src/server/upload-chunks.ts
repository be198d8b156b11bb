import { CHUNKING_SCHEME } from '../core/chunking.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import type { Range } from '../core/range.ts';
import type { Asker, Folder, Staging, Striped } from '../folder/folder.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask } from '../wire/calls.ts';
import { ChunkWatch } from '../wire/chunk-watch.ts';
import type { Answered } from '../wire/switchboard.ts';
import { checkManifestBytes, ManifestPieces } from './manifest-pieces.ts';

/** A client is told so often how far the filling is. Below any deadline of an answer. 100…10,000 ms. */
const TELL_MS = 1_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: Folder;
}

/** What a client says it will send. */
export interface UploadContent {
  readonly asker: Asker;
  readonly path: FilePath;
  readonly size: number;
  readonly hash: ContentHash;
  readonly manifestHash: ContentHash;
}

/**
 * The chunks of one upload: what of them lies here, in an earlier try or in other contents, need not be sent; each that comes
 * is checked by its own hash.
 */
export class UploadChunks {
  readonly #slice: Slice;
  readonly #content: UploadContent;
  readonly #staging: Staging;
  /** Books memory for a manifest of so many bytes instead of what was booked before. Throws `busy`. */
  readonly #book: (bytes: number) => void;
  #pieces: ManifestPieces | undefined;
  #filling: Promise<Striped> | undefined;
  #cut: Striped | undefined;
  #watch: ChunkWatch<'client'> | undefined;

  constructor(slice: Slice, content: UploadContent, staging: Staging, book: (bytes: number) => void) {
    this.#slice = slice;
    this.#content = content;
    this.#staging = staging;
    this.#book = book;
  }

  /** What lies here is being taken together: that goes on whoever waits for it. */
  get isFilling(): boolean {
    return this.#filling !== undefined && this.#cut === undefined;
  }

  /** Throws `corrupt` when the manifest that came is not the announced one, or cuts no content so. */
  async tell(ask: Ask<'chunks'>, tail: Uint8Array): Promise<Answered<'chunks'>> {
    if (this.#filling === undefined) {
      // From the first on it is told anew: a client that is gone may have told less, or something else.
      if (this.#pieces === undefined || ask.offset === 0) this.#pieces = this.#newPieces(ask.manifestBytes);
      if (ask.manifestBytes !== this.#pieces.bytes)
        throw new MeshError('usage', 'a manifest of another size was begun: tell it from its first piece');
      const manifest = this.#pieces.add(ask.offset, tail);
      if (manifest === undefined) return { state: 'more', here: 0 };
      this.#pieces = undefined;
      this.#filling = this.#fill(manifest);
    }
    const cut = await this.#soon(this.#filling);
    const missing = this.#staging.missing();
    const here = this.#content.size - missing.reduce((sum, { length }) => sum + length, 0);
    if (cut === undefined) return { state: 'filling', here };
    // What a link that is gone began to send is sent anew.
    this.#watch = new ChunkWatch(cut.chunks.ends);
    return { reply: { state: 'ready', here }, tail: bitsOf(cut, missing) };
  }

  /** Bytes to be written at `offset`. Throws `usage` when no chunk there is waited for. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const watch = this.#watch;
    if (watch === undefined || offset + bytes.length > this.#content.size)
      throw new MeshError('usage', 'ask which chunks are wanted before you send some');
    await this.#staging.write(offset, bytes);
    const whole = watch.wrote({ offset, length: bytes.length }, 'client');
    for (const chunk of whole) watch.end(chunk);
    // A wrong one is still missing when the client asks again.
    if (whole.length > 0) await this.#staging.check(whole);
  }

  #newPieces(bytes: number): ManifestPieces {
    checkManifestBytes(bytes, this.#content.size);
    this.#book(bytes);
    return new ManifestPieces(bytes);
  }

  async #fill(manifest: Uint8Array): Promise<Striped> {
    const { folder, log } = this.#slice;
    const { asker, path, size, hash, manifestHash } = this.#content;
    let isKept = false;
    try {
      const cut = await folder.runs.cut(this.#content, manifest);
      if (cut.manifestHash !== manifestHash) throw new MeshError('corrupt', 'that is not the manifest announced');
      isKept = true;
      await this.#staging.cut(cut);
      const facts = { hash, size, manifest: { scheme: CHUNKING_SCHEME, hash: manifestHash } };
      await folder.chunks.fill(path, facts, this.#staging, manifest, asker).catch((error: unknown) => {
        log.debug('what lies here of an upload could not be used', { path, reason: asMeshError(error).message });
      });
      this.#cut = cut;
      return cut;
    } catch (error) {
      this.#filling = undefined;
      if (!isKept) this.#book(0);
      throw error;
    }
  }

  /** Undefined when it takes longer. */
  async #soon<T>(work: Promise<T>): Promise<T | undefined> {
    let late = () => {};
    const timer = this.#slice.clock.after(TELL_MS, () => late());
    const lateness = new Promise<undefined>((resolve) => {
      late = () => resolve(undefined);
    });
    try {
      return await Promise.race([work, lateness]);
    } finally {
      timer.cancel();
    }
  }
}

/** A bit a chunk: 1 for those in `missing`, which is of whole chunks and in order. */
function bitsOf({ chunks }: Striped, missing: readonly Range[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(chunks.count / 8));
  let at = 0;
  for (let chunk = 0; chunk < chunks.count; chunk++) {
    const range = missing[at];
    if (range === undefined) break;
    if (chunks.offset(chunk) >= range.offset) bits[chunk >> 3] = (bits[chunk >> 3] ?? 0) | (1 << (chunk & 7));
    if (chunks.offset(chunk + 1) >= range.offset + range.length) at += 1;
  }
  return bits;
}
