import type { ChunkList } from '../../core/chunk-list.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import type { Entry, ShownContent } from '../../wire/calls.ts';
import type { Link } from '../../wire/link.ts';
import { never } from '../attempt.ts';
import { ByChunks } from '../by-chunks.ts';
import { ContentSources } from '../content-sources.ts';
import { InOrder } from '../in-order.ts';
import { type DownloadResult, isAvailable } from '../results.ts';
import type { Session } from '../session.ts';
import type { OpenSink, Sink, VerbOptions } from '../transfer.ts';
import { checkStopped } from '../waiting.ts';
import { presentEntry } from './listing.ts';
import { unavailable } from './unavailable.ts';

/** Fetches of one content whose bytes were wrong each time: then the fault is not a single copy's. */
const WRONG_MAX = 3;
/** A name that gets new versions faster than it is downloaded is given up after so many. */
const NEW_VERSIONS_MAX = 5;

/** What a download brought, and what it could not bring. */
export interface Downloaded extends DownloadResult {
  /** Several versions were saved, or were to be. */
  readonly conflict: boolean;
  /** Origins of versions whose holders are all away. */
  readonly missing: readonly string[];
}

/**
 * Brings all contents of one name to sinks: one as a rule, every one that can be had in a conflict. Rejects with
 * `unavailable` when none can be had.
 */
export async function download(session: Session, entry: Entry, open: OpenSink, options: VerbOptions): Promise<Downloaded> {
  let present = entry;
  for (let replaced = 0; ; replaced++) {
    try {
      return await downloadContents(session, present, open, options);
    } catch (thrown) {
      const error = asMeshError(thrown);
      if (error.advice === 'never' || options.signal?.aborted === true || replaced >= NEW_VERSIONS_MAX) throw error;
      // Another version may have taken its place meanwhile: then the bytes are gone for good, and the new ones are wanted.
      const now = await presentEntry(session, entry.path, options);
      if (hashesOf(now) === hashesOf(present)) throw error;
      present = now;
    }
  }
}

async function downloadContents(session: Session, entry: Entry, open: OpenSink, options: VerbOptions): Promise<Downloaded> {
  const wanted = entry.contents.filter(isAvailable);
  if (wanted.length === 0) throw await unavailable(session, entry, options);
  const files: string[] = [];
  const from = new Set<string>();
  let bytes = 0;
  for (const content of wanted) {
    const saved = await new ContentDownload(session, entry, content, options).into(open);
    files.push(saved.name);
    for (const name of saved.from) from.add(name);
    bytes += content.size;
  }
  const missing = entry.contents.filter((content) => !isAvailable(content)).map((content) => content.origin);
  return { path: entry.path, files, bytes, from: [...from], conflict: entry.contents.length > 1, missing };
}

/** One content on its way into one sink, through any number of failovers. */
class ContentDownload {
  readonly #session: Session;
  readonly #entry: Entry;
  readonly #content: ShownContent;
  readonly #options: VerbOptions;
  readonly #from = new Set<PeerId>();
  readonly #sources: ContentSources;
  /** How it is cut, once somebody told; undefined: it comes in one piece. */
  #cut: ChunkList | undefined;
  #chunks: ByChunks | undefined;
  /** It did not come right by its chunks, whoever gave them. */
  #isUncut = false;
  #attempts = 0;
  /** What an earlier try left: it does not come again. */
  #savedBytes: number | undefined;
  #wrong = 0;

  constructor(session: Session, entry: Entry, content: ShownContent, options: VerbOptions) {
    this.#session = session;
    this.#entry = entry;
    this.#content = content;
    this.#options = options;
    this.#sources = new ContentSources(session, entry.path, content, options.newHash);
  }

  async into(open: OpenSink): Promise<{ name: string; from: string[] }> {
    const { shownPath, size, hash, mode, modified, origin } = this.#content;
    const label = this.#entry.contents.length > 1 ? { label: origin } : {};
    const sink = await open({ path: shownPath, size, hash, mode, modifiedMs: modified, ...label });
    try {
      await this.#fill(sink);
      checkStopped(this.#options.signal);
      const name = await sink.finish();
      return { name, from: [...this.#from].map((peer) => this.#sources.nameOf(peer)) };
    } catch (thrown) {
      const error = asMeshError(thrown);
      // What came is right where this machine refused more of it too: once its disk has room, it is not fetched again.
      const isCutShort = this.#options.signal?.aborted === true || error.advice !== 'never' || error.code === 'failed';
      if (isCutShort && (await sink.leave?.().catch(() => false)) === true)
        throw new MeshError(error.code, `${error.message}; what came is kept: the same download goes on with it`, {
          cause: thrown,
        });
      await sink.discard();
      throw thrown;
    }
  }

  async #fill(sink: Sink): Promise<void> {
    const order = new InOrder(sink, this.#options.newHash);
    let isResumed = false;
    for (;;) {
      await this.#session.attempt((link) => this.#fetch(link, order, sink), { signal: this.#options.signal, changedMs: never });
      if ((await order.finish()) === this.#content.hash) return;
      // What was left may be wrong, and nobody who gave the rest be to blame.
      const wasLeft = !isResumed && sink.left !== undefined && this.#chunks === undefined;
      isResumed = true;
      if (!wasLeft) {
        await this.#sources.tellWrong(this.#from);
        this.#from.clear();
        if (++this.#wrong >= WRONG_MAX) {
          throw new MeshError(
            'corrupt',
            `the bytes of ${quote(this.#entry.path)} that came are wrong; the holders check their copies, try again`,
          );
        }
      }
      this.#isUncut = this.#chunks !== undefined;
      this.#cut = this.#chunks = undefined;
      order.startAgain();
    }
  }

  /** Goes on from what is there, with the peers in reach now; `link` relays when none of them has it any more. */
  async #fetch(link: Link, order: InOrder, sink: Sink): Promise<void> {
    const isFirst = this.#attempts++ === 0;
    if (!isFirst) await this.#sources.refresh(link);
    order.forgetEarly();
    const { size } = this.#content;
    const { signal, progress } = this.#options;
    // Some hundred gigabytes that were left take minutes: whoever waits is to see it, and may call it off.
    const readAgain = (bytes: number): void => {
      checkStopped(signal);
      progress?.(this.#content.shownPath, bytes, size, bytes);
    };
    const sources = this.#sources;
    const links = await sources.reach();
    this.#cut ??= await sources.cut(link, links);
    if (this.#chunks === undefined && !this.#isUncut && this.#cut !== undefined && order.bytes === 0) {
      this.#chunks = new ByChunks(order, this.#cut, this.#options.newHash);
      await this.#chunks.resume(sink, readAgain);
    } else if (isFirst) await order.resume(readAgain);
    const chunks = this.#chunks;
    const missing = chunks?.missing() ?? [{ offset: order.bytes, length: size - order.bytes }];
    this.#savedBytes ??= size - missing.reduce((sum, { length }) => sum + length, 0);
    const given = await sources.bring(link, links, this.#cut, {
      ...(chunks === undefined ? { from: order.bytes } : { ends: chunks.ends, missing }),
      sink: chunks ?? order,
      progress: (bytes) => progress?.(this.#content.shownPath, bytes, size, Math.min(bytes, this.#savedBytes ?? 0)),
      stop: signal,
    });
    for (const [peer, bytes] of given) if (bytes > 0) this.#from.add(peer);
  }
}

function hashesOf(entry: Entry): string {
  return entry.contents.map((content) => content.hash).join();
}
