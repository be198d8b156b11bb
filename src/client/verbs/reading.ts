import type { ChunkList } from '../../core/chunk-list.ts';
import { chunkAt, chunkBounds } from '../../core/chunking.ts';
import { MeshError } from '../../core/errors.ts';
import type { ContentHash, FilePath, PeerId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import type { Range } from '../../core/range.ts';
import type { ShownContent } from '../../wire/calls.ts';
import { SPAN_BYTES_MAX } from '../../wire/fetch-limits.ts';
import type { Link } from '../../wire/link.ts';
import { never } from '../attempt.ts';
import { ByChunks } from '../by-chunks.ts';
import { ContentSources, type FetchInto } from '../content-sources.ts';
import { InOrder } from '../in-order.ts';
import type { Session } from '../session.ts';
import type { RunningHash, VerbOptions } from '../transfer.ts';

/** How far ahead of its reader a content is asked for: less where a reader is slow than where a disk is. At least two chunks. Range 4–32 MiB. */
const AHEAD_BYTES = 8 * 1024 * 1024;
/** Times a content may come wrong: then the fault is not a single copy's. */
const WRONG_MAX = 3;

/** Takes the bytes that come, in order; the next ones when this resolved. They are used again then: nobody may keep them. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/**
 * Reads a range of one content, from the own peer where that has all of it, else from whoever has its chunks, through any number of failovers: only the chunks it touches travel,
 * and no byte is told before its chunk is proved. What is on its way takes some 8 MiB, and never more than 32; nothing more is
 * asked for while `take` waits. Rejects with `unavailable` when no holder is in reach, `changed` when another version took its place meanwhile,
 * `corrupt` when it comes wrong from everybody, or with what `take` rejected with.
 */
export async function readContent(
  session: Session,
  path: FilePath,
  content: ShownContent,
  range: Range,
  take: Take,
  options: Pick<VerbOptions, 'signal' | 'newHash'>,
): Promise<void> {
  if (range.length === 0) return;
  const reading = new Reading(session, path, content, range, take, options);
  await session.attempt((link) => reading.through(link), { signal: options.signal, changedMs: never });
}

class Reading {
  readonly #path: FilePath;
  readonly #content: ShownContent;
  readonly #range: Range;
  readonly #take: Take;
  readonly #options: Pick<VerbOptions, 'signal' | 'newHash'>;
  readonly #sources: ContentSources;
  #cut: ChunkList | undefined;
  #chunks: ByChunks | undefined;
  #attempts = 0;
  #wrong = 0;

  constructor(
    session: Session,
    path: FilePath,
    content: ShownContent,
    range: Range,
    take: Take,
    options: Pick<VerbOptions, 'signal' | 'newHash'>,
  ) {
    this.#path = path;
    this.#content = content;
    this.#range = range;
    this.#take = take;
    this.#options = options;
    this.#sources = new ContentSources(session, path, content, options.newHash);
  }

  async through(link: Link): Promise<void> {
    if (this.#attempts++ > 0) await this.#sources.refresh(link);
    const links = await this.#sources.reach(true);
    if (this.#sources.isSmall) return await this.#whole(link, links);
    this.#cut ??= await this.#sources.cut(link, links);
    if (this.#cut === undefined && !link.open) throw new MeshError('closed', 'the link is down');
    if (this.#cut === undefined) throw new MeshError('unavailable', `no holder tells the chunks of ${quote(this.#path)} now`);
    this.#chunks ??= this.#inChunks(this.#cut);
    const chunks = this.#chunks;
    const missing = chunks.missing();
    if (missing.length > 0) await this.#fetch(link, links, { sink: chunks, ends: chunks.ends, missing });
    await chunks.end();
  }

  /** Small ones come in one piece, and are proved by the hash of all. */
  async #whole(link: Link, links: readonly Link[]): Promise<void> {
    const bytes = Buffer.allocUnsafe(this.#content.size);
    const write = (offset: number, piece: Uint8Array) => Promise.resolve(void bytes.set(piece, offset));
    const givers = await this.#fetch(link, links, { sink: { write } });
    const hash = this.#options.newHash();
    hash.update(bytes);
    if (hash.hex() === this.#content.hash) return await this.#take(this.#part(bytes, 0));
    await this.#sources.tellWrong(givers.keys());
    const message = `the bytes of ${quote(this.#path)} that came are wrong; the holders check their copies, try again`;
    throw new MeshError(++this.#wrong < WRONG_MAX ? 'closed' : 'failed', message);
  }

  #inChunks(cut: ChunkList): ByChunks {
    const { offset, length } = this.#range;
    const first = chunkAt(cut.ends, offset);
    const end = chunkAt(cut.ends, offset + length - 1) + 1;
    const write = (at: number, bytes: Uint8Array) => {
      const part = this.#part(bytes, at);
      return part.length === 0 ? Promise.resolve() : this.#take(part);
    };
    const order = new InOrder({ write }, noHash, cut.offset(first));
    return new ByChunks(order, cut, this.#options.newHash, { first, end });
  }

  /** What of bytes that begin at `at` lies in the range. */
  #part(bytes: Uint8Array, at: number): Uint8Array {
    const { offset, length } = this.#range;
    return bytes.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at));
  }

  #fetch(link: Link, links: readonly Link[], into: Pick<FetchInto, 'sink' | 'ends' | 'missing'>): Promise<Map<PeerId, number>> {
    const spanBytes = Math.min(SPAN_BYTES_MAX, Math.max(AHEAD_BYTES, 2 * chunkBounds(this.#content.size).max));
    return this.#sources.bring(link, links, this.#cut, { ...into, spanBytes, stop: this.#options.signal });
  }
}

/** Each chunk is proved by itself. */
function noHash(): RunningHash {
  return { update: () => {}, hex: () => '' as ContentHash };
}
