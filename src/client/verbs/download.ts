import { decodeManifest, MANIFEST_FILE_BYTES_MIN, type ManifestRow } from '../../core/chunking.ts';
import { asMeshError, MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import { quote } from '../../core/path.ts';
import type { Range } from '../../core/range.ts';
import { runEnds } from '../../core/striping.ts';
import type { Entry, Holder, ShownContent } from '../../wire/calls.ts';
import { fetchContent } from '../../wire/fetch.ts';
import type { Link } from '../../wire/link.ts';
import { fetchManifest, type ManifestSource } from '../../wire/manifest.ts';
import { reachOf } from '../../wire/stripe-reach.ts';
import { ask } from '../ask.ts';
import { ByChunks } from '../by-chunks.ts';
import { InOrder } from '../in-order.ts';
import { type DownloadResult, isAvailable, spreadOf } from '../results.ts';
import type { Session } from '../session.ts';
import type { OpenSink, Sink, VerbOptions } from '../transfer.ts';
import { checkStopped } from '../waiting.ts';
import { presentEntry } from './listing.ts';
import { unavailable } from './unavailable.ts';

/** Holders asked at once for one large content. Range 1–6. */
const HOLDERS_MAX = 4;
/** The same of a striped one, of which each has a part; the own peer relays the rest. Below EXTRA_LINKS_MAX. */
const PARTS_MAX = 12;
/** A content up to this size comes from one holder: more handshakes would cost more than they bring. */
const ONE_HOLDER_BYTES_MAX = 2 * 1024 * 1024;
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
  /** Peers whose bytes were wrong. */
  readonly #distrusted = new Set<PeerId>();
  readonly #from = new Set<PeerId>();
  #holders: readonly Holder[];
  /** How it is cut, once somebody told; undefined: it comes in one piece. */
  #rows: readonly ManifestRow[] | undefined;
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
    this.#holders = content.holders;
  }

  async into(open: OpenSink): Promise<{ name: string; from: string[] }> {
    const { shownPath, size, hash, mode, modified, origin } = this.#content;
    const label = this.#entry.contents.length > 1 ? { label: origin } : {};
    const sink = await open({ path: shownPath, size, hash, mode, modifiedMs: modified, ...label });
    try {
      await this.#fill(sink);
      checkStopped(this.#options.signal);
      const name = await sink.finish();
      return { name, from: [...this.#from].map((peer) => this.#nameOf(peer)) };
    } catch (thrown) {
      const error = asMeshError(thrown);
      const isCutShort = this.#options.signal?.aborted === true || error.advice !== 'never';
      if (isCutShort && (await sink.leave?.()) === true)
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
      await this.#session.attempt((link) => this.#fetch(link, order, sink), { signal: this.#options.signal });
      if ((await order.finish()) === this.#content.hash) return;
      // What was left may be wrong, and nobody who gave the rest be to blame.
      const wasLeft = !isResumed && sink.left !== undefined && this.#chunks === undefined;
      isResumed = true;
      if (!wasLeft) {
        await this.#tellWrong();
        if (++this.#wrong >= WRONG_MAX) {
          throw new MeshError(
            'corrupt',
            `the bytes of ${quote(this.#entry.path)} that came are wrong; the holders check their copies, try again`,
          );
        }
      }
      this.#isUncut = this.#chunks !== undefined;
      this.#rows = this.#chunks = undefined;
      order.startAgain();
    }
  }

  /** Goes on from what is there, with the peers in reach now; `link` relays when none of them has it any more. */
  async #fetch(link: Link, order: InOrder, sink: Sink): Promise<void> {
    const isFirst = this.#attempts++ === 0;
    if (!isFirst) await this.#refreshHolders(link);
    order.forgetEarly();
    const { path } = this.#entry;
    const { hash, size } = this.#content;
    const { signal, progress } = this.#options;
    // Some hundred gigabytes that were left take minutes: whoever waits is to see it, and may call it off.
    const readAgain = (bytes: number): void => {
      checkStopped(signal);
      progress?.(this.#content.shownPath, bytes, size, bytes);
    };
    const links = await this.#reach();
    this.#rows ??= await this.#cut(link, links);
    if (this.#chunks === undefined && !this.#isUncut && this.#rows !== undefined && order.bytes === 0) {
      this.#chunks = new ByChunks(order, this.#rows, this.#options.newHash);
      await this.#chunks.resume(sink, readAgain);
    } else if (isFirst) await order.resume(readAgain);
    const chunks = this.#chunks;
    const reach = this.#isStriped ? this.#reachOfRuns() : undefined;
    const missing = chunks?.missing() ?? [{ offset: order.bytes, length: size - order.bytes }];
    this.#savedBytes ??= size - missing.reduce((sum, { length }) => sum + length, 0);
    const given = await fetchContent({
      path,
      hash,
      size,
      ...(chunks === undefined ? { from: order.bytes } : { ends: chunks.ends, missing }),
      sources: () => links.filter((one) => one.open && !this.#distrusted.has(one.peer)),
      ...(reach === undefined ? {} : { reach }),
      ...(this.#distrusted.has(link.peer) ? {} : { relaySource: link }),
      sink: chunks ?? order,
      blamed: (liar) => this.#tellLiar(liar),
      clock: this.#session.clock,
      progress: (bytes) => progress?.(this.#content.shownPath, bytes, size, Math.min(bytes, this.#savedBytes ?? 0)),
      ...(signal === undefined ? {} : { stop: signal }),
    });
    for (const [peer, bytes] of given) if (bytes > 0) this.#from.add(peer);
  }

  /** Links to holders: one for a small content, else all that answer; more arrive while the first is already read from. */
  async #reach(): Promise<Link[]> {
    const live = this.#holders.filter((holder) => holder.live && !this.#distrusted.has(holder.id));
    const ordered = [
      ...live.filter((holder) => holder.id === this.#session.peer),
      ...live.filter((holder) => holder.id !== this.#session.peer),
    ];
    const links: Link[] = [];
    if (this.#content.size <= ONE_HOLDER_BYTES_MAX && !this.#isStriped) {
      for (const holder of ordered) {
        const link = await this.#session.linkTo(holder);
        if (link !== undefined) return [link];
      }
      return links;
    }
    const dials = ordered.slice(0, this.#isStriped ? PARTS_MAX : HOLDERS_MAX).map(async (holder) => {
      const link = await this.#session.linkTo(holder);
      if (link === undefined) throw new MeshError('unreachable', `${holder.name} cannot be reached`);
      links.push(link);
    });
    // None in reach: then the own peer relays.
    await Promise.any(dials).catch(() => undefined);
    return links;
  }

  get #isStriped(): boolean {
    return this.#holders.some(({ runs }) => runs !== undefined);
  }

  /** By the manifest its version announces, from the first that gives that one. Small ones come in one piece. */
  async #cut(link: Link, links: readonly Link[]): Promise<readonly ManifestRow[] | undefined> {
    const { hash, size, manifest: announced } = this.#content;
    if (size < MANIFEST_FILE_BYTES_MIN && !this.#isStriped) return undefined;
    const content = { path: this.#entry.path, hash, size };
    return await fetchManifest(sourcesIn(links, link), content, (manifest) => {
      const hashOfIt = this.#options.newHash();
      hashOfIt.update(manifest);
      if (announced !== undefined && hashOfIt.hex() !== announced)
        throw new MeshError('corrupt', 'the manifest that came is not the announced one');
      return decodeManifest(manifest, size);
    });
  }

  /** What of a striped content each peer has; nothing, where nobody tells how it is cut: then all of it is relayed. */
  #reachOfRuns(): (source: Link) => readonly Range[] | undefined {
    if (this.#rows === undefined) return () => [];
    const ends = runEnds(
      this.#rows.map(({ length }) => length),
      this.#content.size,
    );
    return reachOf(() => spreadOf({ ...this.#content, holders: [...this.#holders] }), ends);
  }

  async #refreshHolders(link: Link): Promise<void> {
    const { reply } = await ask(link, 'locate', { path: this.#entry.path }, { subject: this.#entry.path });
    const same = reply.contents.find((content) => content.hash === this.#content.hash);
    if (same === undefined) throw new MeshError('changed', `another version of ${quote(this.#entry.path)} took its place`);
    this.#holders = same.holders;
  }

  /** Told for the mesh's sake: this download goes on whether it is heard or not. */
  #tellLiar(liar: Link): void {
    this.#distrusted.add(liar.peer);
    liar.call('verify', { path: this.#entry.path, hash: this.#content.hash }).catch(() => undefined);
  }

  /** Makes whoever gave bytes hash its copy again; a wrong one is set aside and healed. */
  async #tellWrong(): Promise<void> {
    for (const peer of this.#from) {
      this.#distrusted.add(peer);
      const holder = this.#holders.find((one) => one.id === peer);
      const link = holder === undefined ? undefined : await this.#session.linkTo(holder);
      if (link !== undefined) this.#tellLiar(link);
    }
    this.#from.clear();
  }

  #nameOf(peer: PeerId): string {
    return this.#holders.find((holder) => holder.id === peer)?.name ?? `${peer.slice(0, 8)} (relayed)`;
  }
}

/** Links that come up meanwhile too; at last the own peer is to ask others. */
function* sourcesIn(links: readonly Link[], own: Link): Iterable<ManifestSource> {
  for (const link of links) yield { link };
  yield { link: own, relay: true };
}

function hashesOf(entry: Entry): string {
  return entry.contents.map((content) => content.hash).join();
}
