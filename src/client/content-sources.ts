import { ChunkList } from '../core/chunk-list.ts';
import { MANIFEST_FILE_BYTES_MIN } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import { quote } from '../core/path.ts';
import type { Range } from '../core/range.ts';
import { runEnds } from '../core/striping.ts';
import type { Entry, Holder, ShownContent } from '../wire/calls.ts';
import { fetchContent } from '../wire/fetch.ts';
import type { FetchOptions } from '../wire/fetch-options.ts';
import type { Link } from '../wire/link.ts';
import { fetchManifest, type ManifestSource } from '../wire/manifest.ts';
import { reachOf } from '../wire/stripe-reach.ts';
import { ask } from './ask.ts';
import { spreadOf } from './results.ts';
import type { Session } from './session.ts';
import type { RunningHash } from './transfer.ts';

/** Holders asked at once for one large content. Range 1–6. */
const HOLDERS_MAX = 4;
/** The same of a striped one, of which each has a part; the own peer relays the rest. Below EXTRA_LINKS_MAX. */
const PARTS_MAX = 12;
/** A content up to this size comes from one holder: more handshakes would cost more than they bring. */
const ONE_HOLDER_BYTES_MAX = 2 * 1024 * 1024;

/** What of the content is fetched, and where to. */
export type FetchInto = Pick<FetchOptions, 'sink' | 'ends' | 'missing' | 'from' | 'spanBytes' | 'progress' | 'stop'>;

/** Who can give one content now, and whom not to believe any more. */
export class ContentSources {
  readonly #session: Session;
  readonly #path: Entry['path'];
  readonly #content: ShownContent;
  readonly #newHash: () => RunningHash;
  readonly #distrusted = new Set<PeerId>();
  #holders: readonly Holder[];

  constructor(session: Session, path: Entry['path'], content: ShownContent, newHash: () => RunningHash) {
    this.#session = session;
    this.#path = path;
    this.#content = content;
    this.#newHash = newHash;
    this.#holders = content.holders;
  }

  get isStriped(): boolean {
    return this.#holders.some(({ runs }) => runs !== undefined);
  }

  /** It comes in one piece: nobody has a manifest of it. */
  get isSmall(): boolean {
    return this.#content.size < MANIFEST_FILE_BYTES_MIN && !this.isStriped;
  }

  /** True until that peer gave wrong bytes. */
  #trusts(peer: PeerId): boolean {
    return !this.#distrusted.has(peer);
  }

  nameOf(peer: PeerId): string {
    return this.#holders.find((holder) => holder.id === peer)?.name ?? `${peer.slice(0, 8)} (relayed)`;
  }

  /**
   * Links to holders: one for a small content, else all that answer; more arrive while the first is already read from. `ownFirst`:
   * the own peer alone when it has all of it, for it is nearer than any other.
   */
  async reach(ownFirst = false): Promise<Link[]> {
    const live = this.#holders.filter((holder) => holder.live && this.#trusts(holder.id));
    const ordered = [
      ...live.filter((holder) => holder.id === this.#session.peer),
      ...live.filter((holder) => holder.id !== this.#session.peer),
    ];
    const links: Link[] = [];
    const [nearest] = ordered;
    const isOwn = ownFirst && nearest?.id === this.#session.peer && nearest?.runs === undefined;
    if (isOwn || (this.#content.size <= ONE_HOLDER_BYTES_MAX && !this.isStriped)) {
      for (const holder of ordered) {
        const link = await this.#session.linkTo(holder);
        if (link !== undefined) return [link];
      }
      return links;
    }
    const dials = ordered.slice(0, this.isStriped ? PARTS_MAX : HOLDERS_MAX).map(async (holder) => {
      const link = await this.#session.linkTo(holder);
      if (link === undefined) throw new MeshError('unreachable', `${holder.name} cannot be reached`);
      links.push(link);
    });
    // None in reach: then the own peer relays.
    await Promise.any(dials).catch(() => undefined);
    return links;
  }

  /** How it is cut, by the manifest its version announces, from the first that gives that one; undefined: it is small, or nobody tells. */
  async cut(link: Link, links: readonly Link[]): Promise<ChunkList | undefined> {
    const { hash, size, manifest: announced } = this.#content;
    if (this.isSmall) return undefined;
    return await fetchManifest(sourcesIn(links, link), { path: this.#path, hash, size }, (manifest) => {
      const hashOfIt = this.#newHash();
      hashOfIt.update(manifest);
      if (announced !== undefined && hashOfIt.hex() !== announced)
        throw new MeshError('corrupt', 'the manifest that came is not the announced one');
      return ChunkList.of(manifest, size);
    });
  }

  /** What of a striped content each peer has; nothing, where nobody tells how it is cut: then all of it is relayed. Undefined: all have all. */
  #reachOf(chunks: ChunkList | undefined): ((source: Link) => readonly Range[] | undefined) | undefined {
    if (!this.isStriped) return undefined;
    if (chunks === undefined) return () => [];
    const ends = runEnds(chunks.ends, this.#content.size);
    return reachOf(() => spreadOf({ ...this.#content, holders: [...this.#holders] }), ends);
  }

  /**
   * Brings it, or what `into` says of it, from those of `links` that are trusted; `link` relays what none of them has. Rejects as
   * `fetchContent` does.
   */
  bring(link: Link, links: readonly Link[], chunks: ChunkList | undefined, into: FetchInto): Promise<Map<PeerId, number>> {
    const { hash, size } = this.#content;
    const reach = this.#reachOf(chunks);
    return fetchContent({
      path: this.#path,
      hash,
      size,
      ...into,
      sources: () => links.filter((one) => one.open && this.#trusts(one.peer)),
      ...(reach === undefined ? {} : { reach }),
      relaySource: this.#trusts(link.peer) ? link : undefined,
      blamed: (liar) => this.#tellLiar(liar),
      clock: this.#session.clock,
    });
  }

  /** Asks who has it now. Rejects with `changed` when another version took its place. */
  async refresh(link: Link): Promise<void> {
    const { reply } = await ask(link, 'locate', { path: this.#path }, { subject: this.#path });
    const same = reply.contents.find((content) => content.hash === this.#content.hash);
    if (same === undefined) throw new MeshError('changed', `another version of ${quote(this.#path)} took its place`);
    this.#holders = same.holders;
  }

  /** It is not asked again, and is to look at its copy: told for the mesh's sake, whether it is heard or not. */
  #tellLiar(liar: Link): void {
    this.#distrusted.add(liar.peer);
    liar.call('verify', { path: this.#path, hash: this.#content.hash }).catch(() => undefined);
  }

  /** Makes each of these hash its copy again; a wrong one is set aside and healed. */
  async tellWrong(givers: Iterable<PeerId>): Promise<void> {
    for (const peer of givers) {
      this.#distrusted.add(peer);
      const holder = this.#holders.find((one) => one.id === peer);
      const link = holder === undefined ? undefined : await this.#session.linkTo(holder);
      if (link !== undefined) this.#tellLiar(link);
    }
  }
}

/** Links that come up meanwhile too; at last the own peer is to ask others. */
function* sourcesIn(links: readonly Link[], own: Link): Iterable<ManifestSource> {
  for (const link of links) yield { link };
  yield { link: own, relay: true };
}
