import { ChunkList } from '../../core/chunk-list.ts';
import { MeshError } from '../../core/errors.ts';
import type { ContentHash, FilePath, RequestId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import type { Range } from '../../core/range.ts';
import { hasRun, type RunMask, rangeOfRun, runEnds } from '../../core/striping.ts';
import { type Ask, type Reply, TAIL_BYTES_MAX } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { sendManifest } from '../../wire/manifest.ts';
import { ask } from '../ask.ts';
import { cutSource } from '../cut-source.ts';
import type { Cut, Source, VerbOptions } from '../transfer.ts';
import { checkStopped } from '../waiting.ts';
import { WriteWindow } from './write-window.ts';

/** How long one write may take: a slow disk, or one of many at a peer with a limit; a dead peer the heartbeat tells. */
const WRITE_MS = 60_000;
/** Chunks that come wrong are sent so often: then the fault is not the wire's. */
const ROUNDS_MAX = 3;

/** The bytes of one source on their way to peers, in the way that suits it. */
export class Sending {
  readonly #path: FilePath;
  readonly #source: Source;
  readonly #options: VerbOptions;
  #cut: Promise<Cut> | undefined;

  constructor(path: FilePath, source: Source, options: VerbOptions) {
    this.#path = path;
    this.#source = source;
    this.#options = options;
  }

  /** What is told of the content at the begin, so that the peer may ask for chunks; nothing of a source that cannot cut itself. */
  async content(): Promise<Pick<Ask<'begin'>, 'content'>> {
    if (this.#source.cut === undefined) return {};
    const { hash, manifestHash } = await this.#cutOnce();
    return { content: { hash, manifest: manifestHash } };
  }

  /** All that the peer has not, in the way it asks for. Resolves with the hash of the content. */
  whole(link: Link, upload: RequestId, begun: Reply<'begin'>): Promise<ContentHash> {
    return begun.byChunks === true ? this.#chunks(link, upload, begun) : this.#inOrder(link, upload, begun);
  }

  /** In runs, through this peer to those that are to have them; what is kept already is not sent. */
  async stripes(link: Link, upload: RequestId): Promise<ContentHash> {
    const { size } = this.#source;
    const { hash, manifest } = await this.#cutOnce();
    const ends = runEnds(ChunkList.of(manifest, size).ends, size);
    const have = await this.#beginStripes(link, upload, hash, manifest);
    const ranges = ends.map((_, run) => rangeOfRun(ends, run));
    const saved = ranges.reduce((sum, { length }, run) => sum + (hasRun(have, run) ? length : 0), 0);
    let done = saved;
    const window = new WriteWindow();
    // No write goes over the end of a run.
    for (const range of ranges.filter((_, run) => !hasRun(have, run))) {
      for (const piece of piecesOf([range], TAIL_BYTES_MAX)) {
        const bytes = await this.#read(piece.offset, piece.length);
        await window.add(() => this.#write(link, upload, piece.offset, bytes));
        done += bytes.length;
        this.#tell(done, saved);
      }
    }
    await window.end();
    await this.#source.check();
    return hash;
  }

  /** From its start, but for the bytes the peer has. Resolves with the hash of all. */
  async #inOrder(link: Link, upload: RequestId, { have, writeBytes = TAIL_BYTES_MAX }: Reply<'begin'>): Promise<ContentHash> {
    const { size } = this.#source;
    const hash = this.#options.newHash();
    const window = new WriteWindow();
    for (let offset = 0; offset < size; ) {
      const bytes = await this.#read(offset, Math.min(writeBytes, size - offset));
      hash.update(bytes);
      const end = offset + bytes.length;
      const at = offset;
      if (end > have) await window.add(() => this.#write(link, upload, at, bytes));
      offset = end;
      this.#tell(offset, Math.min(have, offset));
    }
    await window.end();
    await this.#source.check();
    return hash.hex();
  }

  /** The chunks that the peer says are wanted, until none is. */
  async #chunks(link: Link, upload: RequestId, { writeBytes = TAIL_BYTES_MAX }: Reply<'begin'>): Promise<ContentHash> {
    const { size } = this.#source;
    const { hash, manifest } = await this.#cutOnce();
    const chunks = ChunkList.of(manifest, size);
    let saved: number | undefined;
    for (let round = 0; ; round++) {
      const wanted = await this.#askChunks(link, upload, manifest, chunks, round === 0);
      let left = wanted.reduce((sum, { length }) => sum + length, 0);
      saved ??= size - left;
      this.#tell(size - left, saved);
      if (left === 0) return hash;
      // It may be another file by now than the one that was cut.
      if (round > 0) await this.#source.check();
      if (round >= ROUNDS_MAX) throw new MeshError('corrupt', `the bytes of ${quote(this.#path)} come damaged; try again`);
      const window = new WriteWindow();
      for (const piece of piecesOf(wanted, writeBytes)) {
        const bytes = await this.#read(piece.offset, piece.length);
        await window.add(() => this.#write(link, upload, piece.offset, bytes));
        left -= bytes.length;
        this.#tell(size - left, saved);
      }
      await window.end();
      await this.#source.check();
    }
  }

  /** Read once for all peers. Rejects with `changed` when it is not what it was at its opening. */
  #cutOnce(): Promise<Cut> {
    this.#cut ??= this.#cutNow();
    return this.#cut;
  }

  async #cutNow(): Promise<Cut> {
    const { newHash, signal, progress } = this.#options;
    if (this.#source.cut === undefined) return await cutSource(this.#source, newHash, signal);
    const tell = (bytes: number) => progress?.(`reading ${this.#path}`, bytes, this.#source.size);
    const cut = await this.#source.cut({ signal, progress: tell });
    await this.#source.check();
    return cut;
  }

  /** The ranges that are wanted, in order: whole chunks. `isFirst`: the peer does not know the manifest yet. */
  async #askChunks(link: Link, upload: RequestId, manifest: Uint8Array, chunks: ChunkList, isFirst: boolean): Promise<Range[]> {
    for (let offset = isFirst ? 0 : manifest.length; ; ) {
      checkStopped(this.#options.signal);
      const piece = manifest.subarray(offset, offset + TAIL_BYTES_MAX);
      const about = { upload, offset, manifestBytes: manifest.length };
      const { reply, tail } = await ask(link, 'chunks', about, { tail: piece, deadlineMs: WRITE_MS, subject: this.#path });
      if (reply.state === 'ready') return rangesOf(tail, chunks);
      if (reply.state === 'more' && piece.length === 0)
        throw new MeshError('protocol', 'a peer wants more of a manifest than there is');
      offset += piece.length;
      if (reply.state === 'filling') this.#tell(reply.here, reply.here);
    }
  }

  async #beginStripes(link: Link, upload: RequestId, hash: ContentHash, manifest: Uint8Array): Promise<RunMask> {
    const stripe = { upload, size: this.#source.size, hash, manifestBytes: manifest.length };
    const told = await sendManifest(manifest, async (offset, tail) => {
      checkStopped(this.#options.signal);
      return (await ask(link, 'stripe', { ...stripe, offset }, { tail, deadlineMs: WRITE_MS, subject: this.#path })).reply;
    });
    return told.have;
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    checkStopped(this.#options.signal);
    const bytes = await this.#source.read(offset, length);
    if (bytes.length > 0) return bytes;
    throw new MeshError(
      'changed',
      `the file for ${quote(this.#path)} became shorter while it was read; nothing was stored, try again`,
    );
  }

  async #write(link: Link, upload: RequestId, offset: number, tail: Uint8Array): Promise<void> {
    await ask(link, 'write', { upload, offset }, { tail, deadlineMs: WRITE_MS, subject: this.#path });
  }

  #tell(done: number, saved: number): void {
    this.#options.progress?.(this.#path, done, this.#source.size, saved);
  }
}

/** The bytes of the chunks whose bit is 1, in order; what touches is one range. */
function rangesOf(bits: Uint8Array, chunks: ChunkList): Range[] {
  if (bits.length !== Math.ceil(chunks.count / 8)) throw new MeshError('protocol', 'a peer told of other chunks than there are');
  const ranges: Range[] = [];
  for (let chunk = 0; chunk < chunks.count; chunk++) {
    if (((bits[chunk >> 3] ?? 0) & (1 << (chunk & 7))) === 0) continue;
    const [offset, length] = [chunks.offset(chunk), chunks.length(chunk)];
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === offset)
      ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
    else ranges.push({ offset, length });
  }
  return ranges;
}

/** Ranges in pieces of at most so many bytes. */
function* piecesOf(ranges: readonly Range[], bytesMax: number): Iterable<Range> {
  for (const { offset, length } of ranges) {
    for (let at = 0; at < length; at += bytesMax) yield { offset: offset + at, length: Math.min(bytesMax, length - at) };
  }
}
