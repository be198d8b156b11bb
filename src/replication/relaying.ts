import type { Catalog } from '../catalog/catalog.ts';
import { decodeManifest } from '../core/chunking.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, PeerId } from '../core/ids.ts';
import type { Content } from '../core/namespace.ts';
import type { Range } from '../core/range.ts';
import { hasRun, keepersOf, rangeOfRun, runEnds } from '../core/striping.ts';
import type { Ask } from '../wire/calls.ts';
import type { Answer, Link } from '../wire/link.ts';
import { fetchManifest } from '../wire/manifest.ts';
import { manifestDeadlineMs } from '../wire/manifest-deadline.ts';
import type { Answered, Switchboard } from '../wire/switchboard.ts';

/** A relayed read waits so long for its turn, when what is taken in is limited: then its answer has no bytes yet. In ms. */
const TURN_MS_MAX = 750;
/** Striped contents whose runs are remembered, for the reads that follow. */
const ENDS_KEPT_MAX = 32;

interface Slice {
  readonly catalog: Catalog;
  readonly switchboard: Switchboard;
}

/** One content of one path. */
type Place = Pick<Ask<'read'>, 'path' | 'hash'>;

/** Reads from others for a client that cannot reach them itself. `reason`: why it does not come from here. */
export class Relaying {
  readonly #slice: Slice;
  /** Where the runs of striped contents end, used last the last. */
  readonly #ends = new Map<ContentHash, readonly number[]>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  manifest(ask: Ask<'manifest'>, reason: unknown): Promise<Answered<'manifest'>> {
    const content = this.#content(ask);
    const options = { deadlineMs: manifestDeadlineMs(content?.size ?? 0) };
    const links = this.#links(content === undefined ? [] : keepersOf(content));
    return firstOf(links, ask, reason, (link) => link.call('manifest', { ...ask, relay: false }, options));
  }

  async read(ask: Ask<'read'>, reason: unknown): Promise<Answered<'read'>> {
    const content = this.#content(ask);
    if (content?.parts === undefined)
      return await firstOf(this.#links(content?.holders ?? []), ask, reason, (link) => this.#readFrom(link, ask));
    const ends = await this.#endsOf(ask, content, reason);
    const tails: Uint8Array[] = [];
    // A read may go over the end of a run, and who has the next may be somebody else.
    for (const part of partsOf(ends, ask, content)) {
      const links = this.#links([...content.holders, ...part.peers]);
      const asked = { ...ask, ...part.range };
      const { reply, tail } = await firstOf(links, ask, reason, (link) => this.#readFrom(link, asked));
      tails.push(tail);
      if (reply.given !== undefined) break;
    }
    const tail = Buffer.concat(tails);
    const isShort = tail.length < Math.min(ask.length, content.size - ask.offset);
    return { reply: { size: content.size, ...(isShort && { given: tail.length }) }, tail };
  }

  async #readFrom(link: Link, ask: Ask<'read'>): Promise<Answer<'read'>> {
    const { down } = this.#slice.switchboard.limits;
    const length = (await down?.grant(`relay/${ask.hash}/${ask.path}`, ask.length, TURN_MS_MAX)) ?? ask.length;
    const answer = await link.call('read', { ...ask, length, relay: false });
    down?.giveBack(length - answer.tail.length);
    return length < ask.length ? { ...answer, reply: { ...answer.reply, given: answer.tail.length } } : answer;
  }

  async #endsOf(place: Place, content: Content, cause: unknown): Promise<readonly number[]> {
    const known = this.#ends.get(place.hash);
    if (known !== undefined) return known;
    const manifest = await fetchManifest(this.#links(keepersOf(content)), { ...place, size: content.size });
    if (manifest === undefined) throw unavailable(place, cause);
    // Not verified: who lies about it is found out by whoever hashes the whole.
    const lengths = decodeManifest(manifest, content.size).map(({ length }) => length);
    const ends = runEnds(lengths, content.size);
    this.#ends.set(place.hash, ends);
    for (const [oldest] of this.#ends) if (this.#ends.size > ENDS_KEPT_MAX) this.#ends.delete(oldest);
    return ends;
  }

  #links(peers: readonly PeerId[]): Link[] {
    return peers.map((peer) => this.#slice.switchboard.link(peer)).filter((link) => link !== undefined);
  }

  #content({ path, hash }: Place): Content | undefined {
    return this.#slice.catalog.view(path)?.contents.find((one) => one.hash === hash);
  }
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
