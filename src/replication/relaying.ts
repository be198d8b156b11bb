import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import type { Range } from '../core/range.ts';
import { hasRun, keepersOf, rangeOfRun } from '../core/striping.ts';
import type { Folder } from '../folder/folder.ts';
import { type Ask, TURN_MS_MAX } from '../wire/calls.ts';
import type { Answer, Link } from '../wire/link.ts';
import { firstManifest } from '../wire/manifest-deadline.ts';
import type { Answered, Switchboard } from '../wire/switchboard.ts';
import { announcedManifest } from './announced-manifest.ts';

/** Striped contents whose runs are remembered, for the reads that follow. */
const ENDS_KEPT_MAX = 32;
/** Contents of which it is remembered who gave what was relayed. */
const GIVERS_KEPT_MAX = 256;

interface Slice {
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
  /** Rejects with `gone` unless all of it lies here. */
  readonly readHere: (ask: Ask<'read'>) => Promise<Answer<'read'>>;
}

/** One content of one path. */
type Place = Pick<Ask<'read'>, 'path' | 'hash'>;

/** Reads from others for a client that cannot reach them itself. `reason`: why it does not come from here. */
export class Relaying {
  readonly #slice: Slice;
  /** Where the runs of striped contents end, by manifest, used last the last. */
  readonly #ends = new Map<ContentHash, Promise<readonly number[]>>();
  /** Who gave bytes of a content, relayed last the last: only this peer can say so when they were wrong. */
  readonly #givers = new Map<string, Set<PeerId>>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  async manifest(ask: Ask<'manifest'>, reason: unknown): Promise<Answered<'manifest'>> {
    const content = this.#content(ask);
    const links = this.#links(content === undefined ? [] : keepersOf(content));
    const from = (link: Link, deadlineMs: number) => link.call('manifest', { ...ask, relay: false }, { deadlineMs });
    return await firstManifest(links, content?.size ?? 0, from).catch((cause: unknown) => {
      throw unavailable(ask, cause ?? reason);
    });
  }

  async read(ask: Ask<'read'>, reason: unknown): Promise<Answered<'read'>> {
    const content = this.#content(ask);
    if (content?.parts === undefined)
      return await firstOf(this.#links(content?.holders ?? []), ask, reason, (link) => this.#readFrom(link, ask));
    const ends = await this.#endsOf(ask, content, reason);
    const tails: Uint8Array[] = [];
    // A read may go over the end of a run, and who has the next may be somebody else.
    for (const part of partsOf(ends, ask, content)) {
      const { reply, tail } = await this.#readPart({ ...ask, ...part.range }, content, part.peers, reason);
      tails.push(tail);
      if (reply.given !== undefined) break;
    }
    const tail = Buffer.concat(tails);
    const isShort = tail.length < Math.min(ask.length, content.size - ask.offset);
    return { reply: { size: content.size, ...(isShort && { given: tail.length }) }, tail };
  }

  /** The bytes that were relayed may be wrong: whoever gave some looks at what it has. False when one was wrong or is gone. */
  async verify(place: Place, range: Range | undefined): Promise<boolean> {
    const links = this.#links([...(this.#givers.get(keyOf(place)) ?? [])]);
    const looked = await Promise.allSettled(links.map((link) => link.call('verify', { ...place, ...range })));
    return looked.every((one) => one.status === 'fulfilled' && one.value.reply.intact);
  }

  #noteGiver(place: Place, peer: PeerId): void {
    const key = keyOf(place);
    const givers = this.#givers.get(key) ?? new Set();
    this.#givers.delete(key);
    this.#givers.set(key, givers.add(peer));
    for (const oldest of this.#givers.keys()) {
      if (this.#givers.size <= GIVERS_KEPT_MAX) return;
      this.#givers.delete(oldest);
    }
  }

  async #readFrom(link: Link, ask: Ask<'read'>): Promise<Answer<'read'>> {
    const { down } = this.#slice.switchboard.limits;
    const length = (await down?.grant(`relay/${ask.hash}/${ask.path}`, ask.length, TURN_MS_MAX)) ?? ask.length;
    const answer = await link.call('read', { ...ask, length, relay: false });
    down?.giveBack(length - answer.tail.length);
    this.#noteGiver(ask, link.peer);
    return length < ask.length ? { ...answer, reply: { ...answer.reply, given: answer.tail.length } } : answer;
  }

  /** Of one run; `peers` have it. */
  async #readPart(ask: Ask<'read'>, { holders }: Content, peers: readonly PeerId[], reason: unknown): Promise<Answer<'read'>> {
    if (peers.includes(this.#slice.catalog.self)) {
      const here = await this.#slice.readHere(ask).catch(() => undefined);
      if (here !== undefined) return here;
    }
    return await firstOf(this.#links([...holders, ...peers]), ask, reason, (link) => this.#readFrom(link, ask));
  }

  /** Asked for once, however many reads wait for it. */
  #endsOf(place: Place, content: Content, cause: unknown): Promise<readonly number[]> {
    const key = content.shown.manifest.hash;
    const ends = this.#ends.get(key) ?? this.#findEnds(place, content, cause);
    this.#ends.delete(key);
    this.#ends.set(key, ends);
    ends.catch(() => this.#ends.delete(key));
    for (const [oldest] of this.#ends) if (this.#ends.size > ENDS_KEPT_MAX) this.#ends.delete(oldest);
    return ends;
  }

  /** By the first manifest that is the announced one. */
  async #findEnds(place: Place, content: Content, cause: unknown): Promise<readonly number[]> {
    const striped = await announcedManifest(this.#slice.folder, this.#links(keepersOf(content)), place.path, content.shown);
    if (striped === undefined) throw unavailable(place, cause);
    return striped.ends;
  }

  #links(peers: readonly PeerId[]): Link[] {
    return peers.map((peer) => this.#slice.switchboard.link(peer)).filter((link) => link !== undefined);
  }

  #content({ path, hash }: Place): Content | undefined {
    return this.#slice.catalog.view(path)?.contents.find((one) => one.hash === hash);
  }
}

function keyOf({ path, hash }: Place): string {
  return `${hash}/${path}`;
}

/** The parts of a read that lie in one run each, and who has that run. */
function partsOf(
  ends: readonly number[],
  { offset, length }: Range,
  { parts, size }: Content,
): { range: Range; peers: PeerId[] }[] {
  const found: { range: Range; peers: PeerId[] }[] = [];
  const end = Math.min(offset + length, size);
  for (let run = 0; run < ends.length; run++) {
    const { offset: begin, length: runLength } = rangeOfRun(ends, run);
    const [from, to] = [Math.max(offset, begin), Math.min(end, begin + runLength)];
    if (to <= from) continue;
    const peers = [...(parts ?? [])].filter(([, mask]) => hasRun(mask, run)).map(([peer]) => peer);
    found.push({ range: { offset: from, length: to - from }, peers });
  }
  return found;
}

/** The first that answers. */
async function firstOf<T>(links: readonly Link[], place: Place, reason: unknown, act: (link: Link) => Promise<T>): Promise<T> {
  let cause = reason;
  for (const link of links) {
    try {
      return await act(link);
    } catch (error) {
      cause = error;
    }
  }
  throw unavailable(place, cause);
}

function unavailable({ path }: Place, cause: unknown): MeshError {
  return new MeshError('unavailable', `no holder of ${path} can be reached`, { cause });
}
