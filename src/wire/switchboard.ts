import { asMeshError, invariant, MeshError } from '../core/errors.ts';
import { byCodeUnits, type PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Ask, CallName, Note, NoteName, Reply } from './calls.ts';
import { ClientMemory } from './client-memory.ts';
import { type Beating, Heartbeat } from './heartbeat.ts';
import type { Link } from './link.ts';
import type { RateLimits } from './rate-limit.ts';

/** What an answerer may return: the reply alone, or with raw bytes behind it. */
export type Answered<N extends CallName> = Reply<N> | { readonly reply: Reply<N>; readonly tail: Uint8Array };

/** Answers one call. A MeshError thrown goes back as its code; anything else as `failed`, and into the log. */
export type Answerer<N extends CallName> = (ask: Ask<N>, from: Link, tail: Uint8Array) => Promise<Answered<N>>;

/** Looks at a call of a client before it is answered; throws what it is refused with. */
export type Guard = <N extends CallName>(name: N, ask: Ask<N>, from: Link) => void;

/** What it returns counts when it is a promise: until it settles, the note is in work. */
export type Listener<N extends NoteName> = (body: Note<N>, from: Link) => unknown;

/** Messages that wait until their link is up: the other end may be a moment ahead. Above, the link is closed. Range 16–4,096. */
const EARLY_MESSAGES_MAX = 256;
/**
 * Bytes of them: of a peer, which may tell all its facts before it answers `hello`. Range 1–8 MiB: below what a link holds back
 * for, or the answer would not be read.
 */
const EARLY_BYTES_MAX = 6 * 1024 * 1024;
/** Of a client, which has nothing to say before. Range 4–256 KiB. */
const EARLY_CLIENT_BYTES_MAX = 64 * 1024;
/** Of all links that are not up: above, the one that said most is closed. Range EARLY_BYTES_MAX – 128 MiB. */
const EARLY_ALL_BYTES_MAX = 32 * 1024 * 1024;
/** Under this all clients are counted. */
export const CLIENTS = 'clients';
const TOO_EARLY = 'too much said before the link was up';
/** What is answered and heard before a link is up: it is how links come up. */
const EARLY_CALLS: ReadonlySet<CallName> = new Set<CallName>(['hello', 'ping']);
const EARLY_NOTES: ReadonlySet<NoteName> = new Set<NoteName>(['goodbye']);

/** What a link tells its switchboard. */
export interface Dispatcher {
  readonly limits: RateLimits;
  readonly memory: ClientMemory;
  /** A link was made: it is kept alive from now on, and closed when it falls silent. It is not up before `add`. */
  opened(link: Link & Beating): void;
  /** File data came over a link, or went into it. */
  moved(link: Link, inBytes: number, outBytes: number): void;
  /** A link is over, for whatever reason; told once. */
  closed(link: Link, reason: string): void;
  /** Rejects with what the answerer threw; with `protocol` when nobody here answers that call. `bytes`: it came as so many. */
  call<N extends CallName>(name: N, ask: Ask<N>, from: Link, tail: Uint8Array, bytes: number): Promise<Answered<N>>;
  /** A promise while the note is in work; it never rejects. */
  note<N extends NoteName>(name: N, body: Note<N>, from: Link, bytes: number): Promise<unknown> | undefined;
}

/** What came over a link before it was up. */
interface Early {
  readonly acts: (() => void)[];
  bytes: number;
}

/**
 * The live links, one a pair, and who answers what on them. Membership (in a client: the session) puts links in; every
 * behaviour takes them from here. A link that closes leaves by itself. What a link brings before it was added, other
 * than `hello`, `ping` and `goodbye`, waits until it is, in order: so whoever is asked may rely on `onDown`.
 */
export class Switchboard implements Dispatcher {
  /** Of the file data of all links together. */
  readonly limits: RateLimits;
  readonly memory = new ClientMemory();
  /** File data that came in and went out, by who was at the other end. Bounded by the peers there are: clients are as many as like to. */
  readonly #traffic = new Map<PeerId | typeof CLIENTS, { inBytes: number; outBytes: number }>();
  readonly #log: Log;
  readonly #heartbeat: Heartbeat;
  readonly #answerers = new Map<CallName, Answerer<CallName>>();
  readonly #listeners = new Map<NoteName, Listener<NoteName>[]>();
  /** Links to peers, one a pair. */
  readonly #links = new Map<PeerId, Link>();
  /** Links to clients: several processes of one user share one identity. Bounded by who puts them in. */
  readonly #clients = new Set<Link>();
  readonly #early = new Map<Link, Early>();
  #guard: Guard | undefined;
  readonly #onUp: ((link: Link) => void)[] = [];
  readonly #onDown: ((link: Link, reason: string) => void)[] = [];

  constructor({ clock, log, limits = {} }: { readonly clock: Clock; readonly log: Log; readonly limits?: RateLimits }) {
    this.limits = limits;
    this.#log = log;
    this.#heartbeat = new Heartbeat(clock);
  }

  /** Registers the one answerer of a call; asserts that there is none yet. `ping` is answered here unless a room does. */
  answer<N extends CallName>(name: N, answerer: Answerer<N>): void {
    invariant(!this.#answerers.has(name), `two rooms answer "${name}"`);
    this.#answerers.set(name, answerer as unknown as Answerer<CallName>);
  }

  /** Sets the one guard: no call that comes over a client's link is answered but by its leave. */
  guard(guard: Guard): void {
    invariant(this.#guard === undefined, 'two rooms guard the calls of clients');
    this.#guard = guard;
  }

  /** Adds a listener; all of them hear every note of that name, in the order of registration. */
  hear<N extends NoteName>(name: N, listener: Listener<N>): void {
    const listeners = this.#listeners.get(name) ?? [];
    listeners.push(listener as unknown as Listener<NoteName>);
    this.#listeners.set(name, listeners);
  }

  /** The live link to that peer. A client may have several: see `clients`. */
  link(peer: PeerId): Link | undefined {
    return this.#links.get(peer);
  }

  /** Live links to peers (role `peer`), in id order. */
  peers(): Link[] {
    return inIdOrder(this.#links.values());
  }

  /** Live links to clients, in id order; of one identity in the order in which they came up. */
  clients(): Link[] {
    return inIdOrder(this.#clients);
  }

  /** Called after a link of either role came up. */
  onUp(act: (link: Link) => void): void {
    this.#onUp.push(act);
  }

  /** Called after a link of either role went down: it is closed and no longer found here. */
  onDown(act: (link: Link, reason: string) => void): void {
    this.#onDown.push(act);
  }

  /**
   * Puts a link in and tells `onUp`, then lets in what it brought meanwhile. Asserts that no other link to that peer is
   * there: who replaces one removes it first. False, and nothing done, when the link has closed already.
   */
  add(link: Link): boolean {
    if (!link.open) return false;
    invariant(!this.#isIn(link) && !(link.role === 'peer' && this.#links.has(link.peer)), 'two live links to one peer');
    if (link.role === 'client') this.#clients.add(link);
    else this.#links.set(link.peer, link);
    for (const act of this.#onUp) {
      if (link.open) this.#guarded('onUp', () => act(link));
    }
    const early = this.#early.get(link)?.acts ?? [];
    this.#early.delete(link);
    for (const act of early) {
      if (link.open) act();
    }
    return true;
  }

  /** Closes a link, and takes it out if it is in; then tells `onDown`. */
  remove(link: Link, reason: string): void {
    link.close(reason);
    this.closed(link, reason);
  }

  /** File data since the start, by the peer at the other end, and of all clients together. */
  get traffic(): ReadonlyMap<PeerId | typeof CLIENTS, { readonly inBytes: number; readonly outBytes: number }> {
    return this.#traffic;
  }

  moved(link: Link, inBytes: number, outBytes: number): void {
    const who = link.role === 'client' ? CLIENTS : link.peer;
    const before = this.#traffic.get(who);
    if (before === undefined) this.#traffic.set(who, { inBytes, outBytes });
    else {
      before.inBytes += inBytes;
      before.outBytes += outBytes;
    }
  }

  opened(link: Link & Beating): void {
    this.#heartbeat.watch(link);
  }

  closed(link: Link, reason: string): void {
    this.#early.delete(link);
    if (!this.#isIn(link)) return;
    if (link.role === 'client') this.#clients.delete(link);
    else this.#links.delete(link.peer);
    for (const act of this.#onDown) this.#guarded('onDown', () => act(link, reason));
  }

  async call<N extends CallName>(name: N, ask: Ask<N>, from: Link, tail: Uint8Array, bytes: number): Promise<Answered<N>> {
    if (!EARLY_CALLS.has(name)) await this.#untilUp(from, bytes);
    if (from.role === 'client') this.#guard?.(name, ask, from);
    const answerer = this.#answerers.get(name) as unknown as Answerer<N> | undefined;
    if (answerer !== undefined) return answerer(ask, from, tail);
    if (name === 'ping') return {} as Answered<N>;
    this.#log.error('a call that nobody here answers', { name });
    throw new MeshError('protocol', `nobody here answers "${name}"`);
  }

  note<N extends NoteName>(name: N, body: Note<N>, from: Link, bytes: number): Promise<unknown> | undefined {
    if (EARLY_NOTES.has(name) || this.#isUp(from)) return this.#hear(name, body, from);
    return new Promise((resolve) => this.#whenUp(from, bytes, () => resolve(this.#hear(name, body, from))));
  }

  #hear<N extends NoteName>(name: N, body: Note<N>, from: Link): Promise<unknown> | undefined {
    const working: Promise<unknown>[] = [];
    for (const listener of this.#listeners.get(name) ?? []) {
      this.#guarded(name, () => {
        const heard = listener(body as Note<NoteName>, from);
        if (heard instanceof Promise) working.push(heard);
      });
    }
    return working.length === 0 ? undefined : Promise.allSettled(working);
  }

  #isUp(link: Link): boolean {
    return this.#isIn(link) && !this.#early.has(link);
  }

  #isIn(link: Link): boolean {
    return link.role === 'client' ? this.#clients.has(link) : this.#links.get(link.peer) === link;
  }

  /** Never resolves when the link closes before: then nobody waits for the answer either. */
  #untilUp(link: Link, bytes: number): Promise<void> {
    if (this.#isUp(link)) return Promise.resolve();
    return new Promise((resolve) => this.#whenUp(link, bytes, resolve));
  }

  #whenUp(link: Link, bytes: number, act: () => void): void {
    if (!link.open) return;
    const early = this.#early.get(link) ?? { acts: [], bytes: 0 };
    this.#early.set(link, early);
    early.acts.push(act);
    early.bytes += bytes;
    const bytesMax = link.role === 'client' ? EARLY_CLIENT_BYTES_MAX : EARLY_BYTES_MAX;
    if (early.acts.length > EARLY_MESSAGES_MAX || early.bytes > bytesMax) this.remove(link, TOO_EARLY);
    const all = [...this.#early].sort(([, a], [, b]) => b.bytes - a.bytes);
    const [most] = all;
    if (most !== undefined && all.reduce((sum, [, one]) => sum + one.bytes, 0) > EARLY_ALL_BYTES_MAX)
      this.remove(most[0], TOO_EARLY);
  }

  /** One room's fault stays its own: the others are told all the same. */
  #guarded(what: string, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#log.error('a listener of the switchboard failed', { what, error: asMeshError(thrown).message });
    }
  }
}

function inIdOrder(links: Iterable<Link>): Link[] {
  return [...links].sort((a, b) => byCodeUnits(a.peer, b.peer));
}
