import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { hasRun, NO_RUNS, type RunMask, rangesOf, runsIn } from '../core/striping.ts';
import type { Copy, Folder } from '../folder/folder.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { type Ask, TAIL_BYTES_MAX } from '../wire/calls.ts';
import type { Answer, Link } from '../wire/link.ts';
import { covers } from '../wire/missing-ranges.ts';
import type { Answered, Switchboard } from '../wire/switchboard.ts';
import { takeTail } from '../wire/tail-memory.ts';
import { Relaying } from './relaying.ts';

/** Copies kept open between two reads: one for each transfer under way, of clients and peers. 8…256. */
const OPEN_COPIES_MAX = 128;
/** An open copy nobody reads is closed after so long. */
const IDLE_MS = 5_000;

interface Slice {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
}

interface OpenCopy {
  readonly path: FilePath;
  readonly hash: ContentHash;
  readonly copy: Promise<Copy>;
  /** The runs that were held when it was opened; undefined: all of it was. */
  readonly runs: RunMask | undefined;
  usedMs: number;
}

/** Answers `read`, `manifest` and `verify`: bytes of what is held here, or, when asked to relay, of what a linked holder has. */
export class Serving {
  readonly #slice: Slice;
  readonly #open = new Map<string, OpenCopy>();
  readonly #relaying: Relaying;
  #sweeper: Timer | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
    this.#relaying = new Relaying({ ...slice, readHere: (ask) => this.#readHere(ask) });
    slice.catalog.onPaths((paths) => this.#closeLost(paths));
  }

  async read(ask: Ask<'read'>): Promise<Answered<'read'>> {
    if (!ask.relay) return await this.#readHere(ask);
    // The own copy may have been touched just now, or its disk be sick: then another peer's serves as well.
    return await this.#readHere(ask).catch((cause: unknown) => this.#relaying.read(ask, cause));
  }

  /** What is here as it was noted, as far as one tail has room. Under a limit nothing is given: single reads are shared out. */
  async readMany({ items }: Ask<'read-many'>): Promise<Answer<'read-many'>> {
    const { folder, switchboard } = this.#slice;
    const isLimited = switchboard.limits.up !== undefined;
    const read = isLimited ? [] : await folder.many.read(items, TAIL_BYTES_MAX);
    const given = read.filter((bytes) => bytes !== undefined);
    return { reply: { sizes: items.map((_, index) => read[index]?.length ?? -1) }, tail: Buffer.concat(given) };
  }

  async manifest(ask: Ask<'manifest'>, from: Link): Promise<Answered<'manifest'>> {
    if (ask.relay !== true) return await this.#manifestHere(ask, from);
    return await this.#manifestHere(ask, from).catch((cause: unknown) => this.#relaying.manifest(ask, cause));
  }

  /** Looks at what lies here; and, asked by a client, lets those look whose bytes were relayed to it. */
  async verify({ path, hash, offset, length }: Ask<'verify'>, from: Link): Promise<Answered<'verify'>> {
    const range = offset === undefined || length === undefined ? undefined : { offset, length };
    const others = from.role === 'client' ? this.#relaying.verify({ path, hash }, range) : true;
    const here = await this.#slice.folder.verify(path, hash, range);
    return { intact: (await others) && here };
  }

  /** Closes what is open: the peer stops. */
  close(): void {
    for (const key of [...this.#open.keys()]) this.#close(key);
    this.#sweeper?.cancel();
  }

  /**
   * What is open and not held any more is not read again: the file was set aside, and healed there may be another in its
   * place that says the same of itself.
   */
  #closeLost(changed: ReadonlySet<FilePath>): void {
    for (const [key, open] of [...this.#open]) if (changed.has(open.path) && !this.#isHeldStill(open)) this.#close(key);
  }

  #isHeldStill({ path, hash, runs }: OpenCopy): boolean {
    const { folder } = this.#slice;
    if (runs === undefined) return folder.holds(path, hash);
    const now = folder.runs.heldFor(path, hash)?.mask ?? NO_RUNS;
    return runsIn(runs).every((run) => hasRun(now, run));
  }

  async #manifestHere(ask: Ask<'manifest'>, from: Link): Promise<Answered<'manifest'>> {
    if (from.role === 'client' && !this.#isOf(ask))
      throw new MeshError('gone', `that is no content of ${ask.path} which is held here`);
    const rows = await this.#slice.folder.chunks.manifest(ask.path, ask.hash);
    return { reply: { size: rows.length }, tail: rows.subarray(ask.offset, ask.offset + TAIL_BYTES_MAX) };
  }

  /** A client may know the hash of what it is not to see: it is told of contents of the path alone. */
  #isOf({ path, hash }: Ask<'manifest'>): boolean {
    const { catalog, folder } = this.#slice;
    if (folder.holds(path, hash) || folder.runs.heldFor(path, hash) !== undefined) return true;
    const content = catalog.view(path)?.contents.find((one) => one.hash === hash);
    return content !== undefined && folder.runs.lying(hash, content.shown.manifest.hash) !== NO_RUNS;
  }

  async #readHere(ask: Ask<'read'>): Promise<Answer<'read'>> {
    // What is open stays open: others read of it what is here.
    if (!this.#isHere(ask)) throw new MeshError('gone', `${ask.path} is not held here`);
    const key = `${ask.hash}/${ask.path}`;
    try {
      const copy = await this.#copyOf(key, ask.path, ask.hash);
      const tail = await copy.read(ask.offset, ask.length, takeTail(ask.length));
      return { reply: { size: copy.size }, tail };
    } catch (error) {
      this.#close(key);
      throw error;
    }
  }

  #isHere({ path, hash, offset, length }: Ask<'read'>): boolean {
    const { folder } = this.#slice;
    const held = folder.runs.heldFor(path, hash);
    if (folder.holds(path, hash) || held === undefined) return folder.holds(path, hash);
    const end = Math.min(offset + length, held.size);
    return covers(rangesOf(held.ends, held.mask), { offset, length: Math.max(0, end - offset) });
  }

  #copyOf(key: string, path: FilePath, hash: ContentHash): Promise<Copy> {
    const open = this.#open.get(key);
    this.#open.delete(key);
    const { copy, runs } = open ?? this.#openCopy(path, hash);
    this.#open.set(key, { path, hash, copy, runs, usedMs: this.#slice.clock.now() });
    if (this.#open.size > OPEN_COPIES_MAX) this.#close(this.#open.keys().next().value as string);
    this.#sweeper ??= this.#slice.clock.after(IDLE_MS, () => this.#sweep());
    return copy;
  }

  #openCopy(path: FilePath, hash: ContentHash): Pick<OpenCopy, 'copy' | 'runs'> {
    const { folder } = this.#slice;
    if (folder.holds(path, hash)) return { copy: folder.open(path, hash), runs: undefined };
    const runs = folder.runs.heldFor(path, hash)?.mask ?? NO_RUNS;
    // A promise, whatever it throws.
    return { copy: (async () => folder.runs.open(path, hash))(), runs };
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const oldestMs = this.#slice.clock.now() - IDLE_MS;
    for (const [key, { usedMs }] of this.#open) if (usedMs <= oldestMs) this.#close(key);
    if (this.#open.size > 0) this.#sweeper = this.#slice.clock.after(IDLE_MS, () => this.#sweep());
  }

  #close(key: string): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    open?.copy
      .then((copy) => copy.close())
      .catch((error: unknown) => this.#slice.log.debug('a copy was not closed', { error: String(error) }));
  }
}
