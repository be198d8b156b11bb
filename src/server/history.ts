import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath, PeerId } from '../core/ids.ts';
import type { PathView } from '../core/namespace.ts';
import { ALL_RUNS, keepersOf, NO_RUNS, type RunMask, unionOf } from '../core/striping.ts';
import type { Folder } from '../folder/folder.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Answer, Link } from '../wire/link.ts';
import type { Switchboard } from '../wire/switchboard.ts';

import { firstWithin } from './answer-bytes.ts';

/** Older contents told of one name, newest first. */
const COPIES_MAX = 500;
/** Peers named for one of them. */
const PEERS_MAX = 64;
/** Older contents of which it is remembered who gives them: more than are read at once. Range 16–1,000. */
const GIVERS_MAX = 128;
/** A peer that does not answer in time is left out. */
const ASK_DEADLINE_MS = 3_000;
/** The one that gave bytes last is waited for so long alone, then all. Both together are less than what a client waits. */
const READ_AGAIN_DEADLINE_MS = 3_000;
const READ_DEADLINE_MS = 6_000;

interface Slice {
  readonly catalog: Catalog;
  readonly folder: Folder;
  readonly switchboard: Switchboard;
}

type Copy = Reply<'history'>['copies'][number];

interface Telling {
  /** What is kept whole here of that content is not counted: it is bad. */
  readonly badHere?: ContentHash | undefined;
  /** Runs of a content are one entry, and whole copies of it another. So peers tell each other: who asks unites. */
  readonly apart?: boolean;
}

/** Answers `history` and `read-old`: what the live peers keep of a name's past. */
export class History {
  readonly #slice: Slice;
  /** Which peer gave an older content last, the latest last: a client reads piece after piece. */
  readonly #givers = new Map<string, Link>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /**
   * `ask`: the other peers too. Equal contents are one entry with all who have it. Current ones first, then what was deleted, then the
   * newest by their own times.
   */
  async of(ask: Ask<'history'>, { badHere, apart = !ask.ask }: Telling = {}): Promise<Reply<'history'>> {
    const own = (await this.#here(ask)).filter(
      ({ hash, current, manifest }) => current || manifest !== undefined || hash !== badHere,
    );
    const others = ask.ask ? await this.#elsewhere(ask) : [];
    const byContent = new Map<string, Copy>();
    for (const copy of [...own, ...others]) {
      const key = apart ? `${copy.hash}/${copy.manifest ?? 'whole'}` : copy.hash;
      const known = byContent.get(key);
      const united = known === undefined ? copy : unite(known, copy);
      byContent.set(key, united);
    }
    const last = lastOf(this.#slice.catalog.view(ask.path));
    const rank = ({ current, hash }: Copy) => (current ? 0 : last.includes(hash) ? 1 : 2);
    const copies = [...byContent.values()].sort((a, b) => rank(a) - rank(b) || b.modified - a.modified);
    const marked = copies.map((copy) => (rank(copy) === 1 ? { ...copy, deleted: true as const } : copy));
    return { copies: firstWithin(marked.slice(0, COPIES_MAX)) };
  }

  /**
   * `relay`: also what another live peer keeps. Whoever gave wrong bytes looks at what it keeps. Rejects with `gone`; where it is
   * asked to relay with `not-found`.
   */
  async readOld(ask: Ask<'read-old'>, relay: boolean): Promise<Answer<'read-old'>> {
    const { path, hash, offset, without = [] } = ask;
    const { catalog, folder, switchboard } = this.#slice;
    const isWrong = (peer: PeerId) => without.includes(peer);
    try {
      if (!isWrong(catalog.self)) return given(await this.#readHere(ask), catalog.self);
      if (offset === 0) folder.restoring.doubt(path, hash);
      throw new MeshError('gone', 'wrong bytes of it came from here');
    } catch (thrown) {
      if (!relay) throw thrown;
    }
    const links = switchboard.peers();
    if (offset === 0) for (const link of links) if (isWrong(link.peer)) tellWrong(link, path, hash);
    const others = links.filter(({ peer }) => !isWrong(peer));
    // The next piece of what one reads comes from where the last one came.
    const key = `${hash}/${path}`;
    const last = others.find((link) => link === this.#givers.get(key));
    if (last !== undefined) {
      const answer = await this.#readAt(last, ask, READ_AGAIN_DEADLINE_MS).catch(() => undefined);
      if (answer !== undefined) return answer;
    }
    // All at once: one that hangs is waited for by nobody, and those that do not keep it send no bytes.
    const asked = others.map(async (link) => {
      const answer = await this.#readAt(link, ask, READ_DEADLINE_MS);
      return { link, answer };
    });
    const first = await Promise.any(asked).catch(() => undefined);
    if (first === undefined) throw new MeshError('not-found', 'no live peer keeps that older content');
    this.#noteGiver(key, first.link);
    return first.answer;
  }

  #noteGiver(key: string, link: Link): void {
    this.#givers.delete(key);
    this.#givers.set(key, link);
    const oldest = this.#givers.size > GIVERS_MAX ? this.#givers.keys().next().value : undefined;
    if (oldest !== undefined) this.#givers.delete(oldest);
  }

  async #readAt(link: Link, ask: Ask<'read-old'>, deadlineMs: number): Promise<Answer<'read-old'>> {
    return given(await link.call('read-old', ask, { deadlineMs }), link.peer);
  }

  async #readHere(ask: Ask<'read-old'>): Promise<Answer<'read-old'>> {
    const copy = await this.#slice.folder.restoring.open(ask.path, ask.hash);
    try {
      return { reply: { size: copy.size }, tail: await copy.read(ask.offset, ask.length) };
    } finally {
      await copy.close();
    }
  }

  async #here({ path }: Ask<'history'>): Promise<Copy[]> {
    const { catalog, folder } = this.#slice;
    const current = (catalog.view(path)?.contents ?? []).map((content) => ({
      copy: content.hash,
      hash: content.hash,
      size: content.size,
      modified: content.modifiedMs,
      mode: content.shown.mode,
      origin: catalog.shownName(content.shown.origin),
      peers: keepersOf(content)
        .slice(0, PEERS_MAX)
        .map((peer) => catalog.shownName(peer)),
      current: true,
    }));
    const old = (await folder.oldCopies(path)).map((copy) => ({
      copy: copy.hash,
      hash: copy.hash,
      size: copy.size,
      modified: copy.modifiedMs,
      mode: copy.mode,
      origin: catalog.shownName(copy.origin),
      peers: [catalog.shownName(catalog.self)],
      current: false,
      ...(copy.manifest !== undefined && { manifest: copy.manifest }),
      ...(copy.runs !== undefined && { runs: copy.runs }),
    }));
    return [...current, ...old];
  }

  async #elsewhere(ask: Ask<'history'>): Promise<Copy[]> {
    const links = this.#slice.switchboard.peers();
    const asked = links.map((link) => link.call('history', { ...ask, ask: false }, { deadlineMs: ASK_DEADLINE_MS }));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value.reply.copies : []));
  }
}

/** That peer gave wrong bytes, and looks at what it keeps. Nobody waits for that. */
export function tellWrong(link: Link, path: FilePath, hash: ContentHash): void {
  const ask: Ask<'read-old'> = { path, hash, offset: 0, length: 0, without: [link.peer] };
  // It answers that it has nothing to give.
  link.call('read-old', ask, { deadlineMs: ASK_DEADLINE_MS }).catch(() => undefined);
}

/**
 * What a name had when it was deleted, several in conflict, which a restore is to bring back: a file may say to be older than
 * what it replaced.
 */
function lastOf(view: PathView | undefined): readonly ContentHash[] {
  if (view === undefined || view.contents.length > 0) return [];
  const [latest] = view.tombstones.toSorted((a, b) => b.modifiedMs - a.modifiedMs);
  return latest?.buried ?? [];
}

function given({ reply, tail }: Answer<'read-old'>, by: PeerId): Answer<'read-old'> {
  return { reply: { ...reply, by }, tail };
}

/**
 * Nothing is told of those of a current one: it may be kept by nobody in reach. Where runs are told of and not which, by a peer that
 * does not know the word yet, they are taken for all.
 */
function runsKept(copy: Copy, manifest: ContentHash): RunMask {
  if (copy.manifest === undefined) return copy.current ? NO_RUNS : ALL_RUNS;
  return copy.manifest === manifest ? (copy.runs ?? ALL_RUNS) : NO_RUNS;
}

function unite(a: Copy, b: Copy): Copy {
  const peers = [...new Set([...a.peers, ...b.peers])].slice(0, PEERS_MAX);
  const manifest = a.manifest ?? b.manifest;
  return {
    ...(a.current || (!b.current && a.modified >= b.modified) ? a : b),
    ...(manifest !== undefined && { manifest, runs: unionOf(runsKept(a, manifest), runsKept(b, manifest)) }),
    modified: Math.max(a.modified, b.modified),
    peers,
    current: a.current || b.current,
  };
}
