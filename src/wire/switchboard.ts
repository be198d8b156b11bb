import type { PeerId } from '../core/ids.ts';
import type { Ask, CallName, Note, NoteName, Reply } from './calls.ts';
import type { Link } from './link.ts';

/** What an answerer may return: the reply alone, or with raw bytes behind it. */
export type Answered<N extends CallName> = Reply<N> | { readonly reply: Reply<N>; readonly tail: Uint8Array };

/** Answers one call. A MeshError thrown goes back as its code; anything else as `failed`, and into the log. */
export type Answerer<N extends CallName> = (ask: Ask<N>, from: Link, tail: Uint8Array) => Promise<Answered<N>>;

export type Listener<N extends NoteName> = (body: Note<N>, from: Link) => void;

/** The live links, one a pair, and who answers what on them. Membership puts links in; every behaviour takes them from here. */
export interface Switchboard {
  /** Registers the one answerer of a call; asserts that there is none yet. */
  answer<N extends CallName>(name: N, answerer: Answerer<N>): void;
  hear<N extends NoteName>(name: N, listener: Listener<N>): void;
  /** The live link to that peer or client. */
  link(peer: PeerId): Link | undefined;
  /** Live links to peers (role `peer`), in id order. */
  peers(): Link[];
  /** Live links to clients. */
  clients(): Link[];
  /** Called after a link of either role came up or went down. */
  onUp(act: (link: Link) => void): void;
  onDown(act: (link: Link, reason: string) => void): void;
}
