import type { Catalog } from '../catalog/catalog.ts';
import { MeshError } from '../core/errors.ts';
import type { ContentHash, FilePath } from '../core/ids.ts';
import { keepersOf } from '../core/striping.ts';
import type { Folder } from '../folder/folder.ts';
import type { Ask, Reply } from '../wire/calls.ts';
import type { Link } from '../wire/link.ts';
import type { Answered, Switchboard } from '../wire/switchboard.ts';

import { firstWithin } from './answer-bytes.ts';

/** Older contents told of one name, newest first. */
const COPIES_MAX = 500;
/** Peers named for one of them. */
const PEERS_MAX = 64;
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

/** Answers `history` and `read-old`: what the live peers keep of a name's past. */
export class History {
  readonly #slice: Slice;
  /** Which older content another peer gave last, and which peer: a client reads piece after piece. */
  #lastRead: { readonly path: FilePath; readonly hash: ContentHash; readonly link: Link } | undefined;

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** `ask`: the other peers too. Equal contents are one entry with all who have it. */
  async of(ask: Ask<'history'>): Promise<Reply<'history'>> {
    const own = await this.#here(ask);
    const others = ask.ask ? await this.#elsewhere(ask) : [];
    const byContent = new Map<ContentHash, Copy>();
    for (const copy of [...own, ...others]) {
      const known = byContent.get(copy.hash);
      const united = known === undefined ? copy : unite(known, copy);
      byContent.set(copy.hash, united);
    }
    const copies = [...byContent.values()].sort((a, b) => Number(b.current) - Number(a.current) || b.modified - a.modified);
    return { copies: firstWithin(copies.slice(0, COPIES_MAX)) };
  }

  /** `relay`: also what another live peer keeps. Rejects with `gone`; where it is asked to relay with `not-found`. */
  async readOld(ask: Ask<'read-old'>, relay: boolean): Promise<Answered<'read-old'>> {
    try {
      return await this.#readHere(ask);
    } catch (thrown) {
      if (!relay) throw thrown;
    }
    const links = this.#slice.switchboard.peers();
    const { path, hash } = ask;
    // The next piece of what one reads comes from where the last one came.
    const last = links.find((link) => link === this.#lastRead?.link);
    if (last !== undefined && this.#lastRead?.path === path && this.#lastRead.hash === hash) {
      const answer = await this.#readAt(last, ask, READ_AGAIN_DEADLINE_MS).catch(() => undefined);
      if (answer !== undefined) return answer;
    }
    // All at once: one that hangs is waited for by nobody, and those that do not keep it send no bytes.
    const asked = links.map(async (link) => {
      const answer = await this.#readAt(link, ask, READ_DEADLINE_MS);
      return { link, answer };
    });
    const first = await Promise.any(asked).catch(() => undefined);
    if (first === undefined) throw new MeshError('not-found', 'no live peer keeps that older content');
    this.#lastRead = { path, hash, link: first.link };
    return first.answer;
  }

  #readAt(link: Link, ask: Ask<'read-old'>, deadlineMs: number): Promise<Answered<'read-old'>> {
    return link.call('read-old', ask, { deadlineMs });
  }

  async #readHere(ask: Ask<'read-old'>): Promise<Answered<'read-old'>> {
    const copy = await this.#slice.folder.openOld(ask.path, ask.hash);
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

function unite(a: Copy, b: Copy): Copy {
  const peers = [...new Set([...a.peers, ...b.peers])].slice(0, PEERS_MAX);
  const manifest = a.manifest ?? b.manifest;
  return {
    ...(a.current ? a : b),
    ...(manifest !== undefined && { manifest }),
    modified: Math.max(a.modified, b.modified),
    peers,
    current: a.current || b.current,
  };
}
