import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId, RequestId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import { randomHex } from '../platform/random.ts';
import type { Ask, CallName, Holder } from '../wire/calls.ts';
import type { Answer, Link } from '../wire/link.ts';
import { CALL_DEADLINE_MS } from '../wire/pending-calls.ts';
import { ask } from './ask.ts';
import type { AttemptOptions, AttemptState } from './attempt.ts';
import { dialRound, refused } from './connector.ts';
import { ExtraLinks } from './extra-links.ts';
import type { SessionOptions, SessionPorts } from './session-ports.ts';
import type { SignIn } from './sign-in.ts';
import { checkStopped, pause, stopped, unlessStopped } from './waiting.ts';

/** After so long a change is no longer repeated: versions remember request ids for a number of changes, not for ever. */
const REPLAY_MS_MAX = 3_600_000;
/** First pause before a busy name is asked for again, and the longest one; doubled in between. */
const BUSY_PAUSE_MS_MIN = 40;
const BUSY_PAUSE_MS_MAX = 1000;
/** How long a busy name is waited for. Range: above the longest claim of an ordinary change, 5–60 s. */
const BUSY_MS_MAX = 30_000;
/** So long after a failover "unavailable" may only mean that the new peer has not yet seen the old one's death. */
const SETTLING_MS = 4000;
/** Pause between rounds of dials while no peer answers: doubled from the first to the second. */
const ROUND_PAUSE_MS_MIN = 200;
const ROUND_PAUSE_MS_MAX = 2000;
/** How long another peer is looked for when this one declines or is silent. Range: above one silent dial, 6–30 s. */
const OTHER_MS_MAX = 10_000;
/** Multicast is asked when the known addresses have not answered by then: a verb on a known mesh needs no sockets for it. */
const BROWSE_AFTER_MS = 250;
/** Failures in a row on a link that stays open: then the fault is not the link's. */
const REPLAYS_IN_PLACE_MAX = 4;

/** An answer so soon after a link came up shows no progress: the peers are asked for in the background then. */
const FIRST_ANSWERS_MS = 1000;
/** Shortest time a call is given, however short the timeout is. */
const DEADLINE_MS_MIN = 1000;

/**
 * One client's conversation with the mesh, whichever peer it goes through. When the peer dies, or cannot do what is
 * asked, the same request goes to the next, without a word.
 */
export class Session {
  readonly clock: Clock;
  readonly #ports: SessionPorts;
  readonly #options: SessionOptions;
  readonly #extra: ExtraLinks;
  #link: Link | undefined;
  #connecting: Promise<Link> | undefined;
  #failedOverMs = Number.NEGATIVE_INFINITY;
  #waiting = false;
  #closed = false;

  constructor(ports: SessionPorts, options: SessionOptions) {
    this.clock = ports.clock;
    this.#ports = ports;
    this.#options = options;
    this.#extra = new ExtraLinks(ports.open);
  }

  /** The peer this session goes through now; undefined while there is none. */
  get peer(): PeerId | undefined {
    return this.#link?.open === true ? this.#link.peer : undefined;
  }

  /** Who this session is for, once they logged in. */
  get signIn(): SignIn {
    return this.#ports.signIn;
  }

  /** A fresh id for one change: repeat it in every replay. */
  newRequest(): RequestId {
    return randomHex(this.#ports.random, 16) as RequestId;
  }

  /** Waits for a peer. Rejects with `unreachable` after the timeout, or `not-allowed` when all that answer refuse. */
  async connect(options: AttemptOptions = {}): Promise<Link> {
    checkStopped(options.signal);
    if (this.#closed) throw new MeshError('closed', 'this session is over');
    if (this.#link?.open === true) return this.#link;
    this.#connecting ??= this.#connectNow().finally(() => {
      this.#connecting = undefined;
    });
    return await unlessStopped(this.#connecting, options.signal);
  }

  /** One call, carried through like `attempt`. `subject`: the name it is about, for words of errors. */
  call<N extends CallName>(
    name: N,
    body: Ask<N>,
    options: AttemptOptions & { readonly subject?: string } = {},
  ): Promise<Answer<N>> {
    const { subject, signal } = options;
    return this.attempt((link) => ask(link, name, body, { subject, deadlineMs: this.#deadlineMs() }), { signal });
  }

  /**
   * Runs `act` at a peer, and again at the next one when that peer dies, does not answer in time, or says that another
   * may do it; after a growing pause when the name is busy. `act` must be safe to repeat: reads are, changes are by
   * their request id. Rejects with what no peer could mend.
   */
  async attempt<T>(act: (link: Link) => Promise<T>, options: AttemptOptions = {}): Promise<T> {
    const beganMs = this.clock.now();
    const state: AttemptState = {
      changedMs: options.changedMs ?? (() => beganMs),
      declined: new Map(),
      pauseMs: BUSY_PAUSE_MS_MIN,
      pausedMs: 0,
      inPlace: 0,
      mute: new Set(),
      triedMs: this.clock.now(),
      silentMs: 0,
      signal: options.signal,
    };
    for (;;) {
      const link = await this.connect(options);
      state.triedMs = this.clock.now();
      try {
        return await unlessStopped(act(link), options.signal);
      } catch (thrown) {
        if (options.signal?.aborted === true) throw stopped();
        await this.#prepareReplay(asMeshError(thrown), link, state);
      }
    }
  }

  /** A link to one holder, kept for later; undefined when it cannot be reached. The own peer's link when it is that. */
  async linkTo(holder: Holder): Promise<Link | undefined> {
    if (this.#link?.open === true && this.#link.peer === holder.id) return this.#link;
    return await this.#extra.to(holder);
  }

  /** Leaves all links. Calls under way reject with `closed`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#extra.close();
    const link = this.#link;
    this.#link = undefined;
    if (link?.open === true) {
      link.note('goodbye', {});
      link.close('the client is done');
    }
    await this.#ports.close();
  }

  /** To be told when any link goes down: an idle session looks for its next peer at once. */
  linkWentDown(link: Link): void {
    this.#extra.forget(link);
    if (this.#closed || link !== this.#link) return;
    this.#leave(link, 'it went away');
    // Nobody waits for this one; whoever calls next finds its result, or tries anew and hears the reason.
    this.connect().catch(() => undefined);
  }

  /** Resolves when the same is to be asked again, at whatever link is then the session's own; else throws the error. */
  async #prepareReplay(error: MeshError, link: Link, state: AttemptState): Promise<void> {
    const now = this.clock.now();
    if (this.#closed || now - (state.changedMs() ?? now) > REPLAY_MS_MAX) throw error;
    if (link.open && error.code === 'timeout') {
      await this.#leaveMute(link, state);
    } else if (!link.open || error.code === 'timeout') {
      this.#leave(link, 'it does not answer');
    } else if (error.code === 'closed') {
      if (++state.inPlace > REPLAYS_IN_PLACE_MAX) throw error;
    } else if (error.advice === 'elsewhere') {
      state.declined.set(link.peer, error);
      if (!(await unlessStopped(this.#moveOn(link, state.declined), state.signal))) throw error;
    } else if (this.#mayPass(error, state.pausedMs)) {
      await unlessStopped(pause(this.clock, state.pauseMs), state.signal);
      state.pausedMs += state.pauseMs;
      state.pauseMs = Math.min(state.pauseMs * 2, BUSY_PAUSE_MS_MAX);
    } else {
      throw await this.#ports.signIn.explained(error, link);
    }
  }

  async #connectNow(): Promise<Link> {
    const began = this.clock.now();
    const browse = this.clock.after(this.#ports.routes.inOrder().length === 0 ? 0 : BROWSE_AFTER_MS, () => this.#ports.browse());
    let pauseMs = ROUND_PAUSE_MS_MIN;
    try {
      for (;;) {
        const limitMs = this.#options.timeoutMs;
        const result = await this.#round(new Set(), limitMs === 'never' ? limitMs : limitMs - (this.clock.now() - began));
        if (result.link !== undefined) return this.#take(result.link);
        const spentMs = this.clock.now() - began;
        // A shell waits for its mesh, but not for those who told it that it is none of theirs.
        if (result.refusal !== undefined && (limitMs !== 'never' || result.isOnlyRefused)) throw refused(result.refusal);
        if (limitMs !== 'never' && spentMs + pauseMs > limitMs) throw this.#unreachable();
        this.#sayWaiting();
        this.#ports.browse();
        await pause(this.clock, pauseMs);
        if (this.#closed) throw new MeshError('closed', 'this session is over');
        pauseMs = Math.min(pauseMs * 2, ROUND_PAUSE_MS_MAX);
      }
    } finally {
      browse.cancel();
    }
  }

  #round(without: ReadonlySet<PeerId>, limitMs: number | 'never') {
    const discard = (link: Link) => link.close('another peer was faster');
    return dialRound(this.#ports.routes, this.#ports.open, this.clock, { without, limitMs, discard });
  }

  #take(link: Link): Link {
    if (this.#closed) {
      link.close('the client is done');
      throw new MeshError('closed', 'this session is over');
    }
    this.#link = link;
    this.#ports.arrived(link);
    if (this.#waiting) this.#options.onBack?.(this.#ports.nameOf(link.peer));
    this.#waiting = false;
    return link;
  }

  /** Goes to a peer that has not declined yet. False when there is none: the present link stays. */
  async #moveOn(from: Link, declined: ReadonlyMap<PeerId, MeshError>): Promise<boolean> {
    if (!(await this.#takeOther(new Set(declined.keys())))) return false;
    // Whoever else uses the old link now finds it closed, and repeats at the new one.
    from.close('another peer is asked');
    return true;
  }

  /** Also when nobody waits for it any more: a link that a round opened is never left to itself. */
  async #takeOther(without: ReadonlySet<PeerId>): Promise<boolean> {
    const { link } = await this.#round(without, OTHER_MS_MAX);
    if (link !== undefined) this.#take(link);
    return link !== undefined;
  }

  /** Goes to a peer that answers, if there is one; rejects when none has for the whole timeout, though some link. */
  async #leaveMute(link: Link, state: AttemptState): Promise<void> {
    const { timeoutMs } = this.#options;
    const answeredMs = Math.max(link.answeredMs, this.#extra.answeredMs);
    const now = this.clock.now();
    if (answeredMs > state.triedMs + FIRST_ANSWERS_MS) state.silentMs = now - answeredMs;
    else state.silentMs += now - state.triedMs;
    state.mute.add(link.peer);
    this.#leave(link, 'it does not answer');
    if (await unlessStopped(this.#takeOther(state.mute), state.signal)) return;
    if (timeoutMs !== 'never' && state.silentMs >= timeoutMs) throw this.#unreachable();
    else state.mute.clear();
  }

  #leave(link: Link, why: string): void {
    this.#ports.routes.failed(link.remoteAddress);
    if (this.#link === link) this.#link = undefined;
    this.#failedOverMs = this.clock.now();
    if (link.open) link.close(why);
  }

  #mayPass(error: MeshError, pausedMs: number): boolean {
    if (error.code === 'busy') return pausedMs < BUSY_MS_MAX;
    const settling = this.clock.now() - this.#failedOverMs < SETTLING_MS;
    return settling && (error.code === 'unavailable' || error.code === 'unreachable');
  }

  /** Of an ordinary call: whoever waits for a peer for a short time only does not wait longer for its answer. */
  #deadlineMs(): number {
    const { timeoutMs } = this.#options;
    return timeoutMs === 'never' ? CALL_DEADLINE_MS : Math.min(CALL_DEADLINE_MS, Math.max(DEADLINE_MS_MIN, timeoutMs));
  }

  #sayWaiting(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#options.onWaiting?.();
  }

  #unreachable(): MeshError {
    const tried = this.#ports.routes.inOrder().map((route) => route.address);
    const where = tried.length === 0 ? 'none was seen on this network' : `tried ${tried.slice(0, 4).join(', ')}`;
    return new MeshError(
      'unreachable',
      `no peer answers (${where}); start one with "filemesh up", or name one with --peer HOST:PORT`,
    );
  }
}
