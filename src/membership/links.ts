import { asMeshError, MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Pipe } from '../platform/network.ts';
import { type Greeted, type GreetingOptions, greet } from '../wire/greeting.ts';
import type { Link } from '../wire/link.ts';
import { PipeLink } from '../wire/pipe-link.ts';
import type { Dispatcher, Switchboard } from '../wire/switchboard.ts';
import type { DialOutcome } from './dialler.ts';
import { Doorstep } from './doorstep.ts';
import type { Hello } from './presence.ts';

/** A greeted link must be up within so long. Range 1–30 s. */
const HELLO_MS = 5_000;
/** An instance that answers within so long lives (DESIGN: links). Range 100 ms – 2 s. */
const PING_MS = 500;
/** A cloned identity is refused for so long after it was seen. Range 5 s – 10 min. */
const CLONE_REFUSED_MS = 30_000;
/** Identities remembered as refused, so that it is told once. Range 16–4,096: a stranger can make identities. */
const REFUSED_MAX = 256;
/** Links of one client identity: all programs of one user share it, and 200 clients are served. Range 200–1,024. */
export const CLIENT_LINKS_MAX = 256;
/** Links of clients in all. Range 16–4,096: each costs a socket. */
export const CLIENTS_MAX = 512;

export interface LinksOptions {
  readonly self: PeerId;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly switchboard: Pick<Switchboard, 'answer' | 'add' | 'remove' | 'link' | 'peers' | 'clients' | keyof Dispatcher>;
  readonly greeting: Pick<GreetingOptions, 'secrets' | 'accepts' | 'standing'>;
  /** What this peer says of itself now. */
  readonly hello: () => Hello;
  /** Lets a greeted one in, durably; why not, in words, else undefined. */
  readonly admit: (greeted: Greeted, hello: Hello) => Promise<string | undefined>;
  /** Called before a link is put in: whoever hears of it finds its peer in the table. */
  readonly linkUp: (link: Link, hello: Hello, greeted: Greeted) => void;
  /** Two live processes have this identity; it may be the own one. */
  readonly onClone: (peer: PeerId) => void;
}

/** A link between greeting and being up. */
interface Newborn {
  readonly greeted: Greeted;
  readonly timer: Timer;
  /** Tells who waits for it whether it came up. */
  readonly settled: (isUp: boolean) => void;
}

/**
 * Turns pipes into exactly one live link per pair. Whoever dialled, the lower PeerId decides: it answers the other's
 * `hello` only when the link is to live, so two dials that cross are settled at one end, before either is up (DESIGN:
 * simultaneous dials are settled by PeerId). A client asks the same way; several may share one identity.
 */
export class Links {
  readonly #options: LinksOptions;
  readonly #dispatcher: Dispatcher;
  readonly #newborn = new Map<Link, Newborn>();
  /** Until when an identity is refused, for two processes have it. */
  readonly #clones = new Map<PeerId, number>();
  /** Identities whose refusal was told. */
  readonly #refused = new Set<PeerId>();
  readonly #doorstep = new Doorstep();
  #isStopped = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    const { switchboard } = options;
    this.#dispatcher = {
      limits: switchboard.limits,
      memory: switchboard.memory,
      opened: (link) => switchboard.opened(link),
      moved: (link, inBytes, outBytes) => switchboard.moved(link, inBytes, outBytes),
      closed: (link, reason) => {
        switchboard.closed(link, reason);
        this.#settled(link, false);
      },
      call: (name, ask, from, tail, bytes) => switchboard.call(name, ask, from, tail, bytes),
      note: (name, body, from, bytes) => switchboard.note(name, body, from, bytes),
    };
    switchboard.answer('hello', async (ask, from) => this.#answerHello(ask, from));
  }

  /**
   * Greets on a raw pipe and puts its link in, or closes it. Resolves when that is decided; never rejects. `admitted` is
   * called when it is known that the other end may stay: TLS has proved the key of a member, a stranger must greet.
   */
  async meet(pipe: Pipe, admitted: () => void = () => {}): Promise<DialOutcome> {
    if (this.#isStopped) {
      pipe.close();
      return 'failed';
    }
    // What was dialled here is bounded by who dials, and no stranger takes its place.
    if (!pipe.dialled) this.#doorstep.enter(pipe);
    if (this.#options.greeting.standing(pipe.remoteId) === 'member') admitted();
    try {
      return await this.#meet(pipe, admitted);
    } catch (thrown) {
      const { code, message } = asMeshError(thrown);
      this.#tellFailure(pipe, code, message);
      return 'failed';
    } finally {
      this.#doorstep.leave(pipe);
    }
  }

  /** Closes what is not up yet; nothing comes up any more. */
  stop(): void {
    this.#isStopped = true;
    for (const link of this.#newborn.keys()) link.close('this peer stops');
  }

  async #meet(pipe: Pipe, admitted: () => void): Promise<DialOutcome> {
    const { self, instance, clock, log, greeting } = this.#options;
    const greeted = await greet(pipe, { role: 'peer', instance, clock, ...greeting });
    admitted();
    if (greeted.peer === self) {
      greeted.pipe.close();
      if (greeted.instance === instance) return 'self';
      this.#tellClone(self);
      return 'failed';
    }
    if (this.#isStopped) {
      greeted.pipe.close();
      return 'failed';
    }
    return new Promise<DialOutcome>((resolve) => {
      const link = new PipeLink(greeted, this.#dispatcher, { clock, log });
      const timer = clock.after(HELLO_MS, () => link.close('no hello'));
      this.#newborn.set(link, { greeted, timer, settled: (isUp) => resolve(isUp ? 'linked' : 'failed') });
      if (!link.open) this.#settled(link, false);
      else if (!this.#decides(greeted)) this.#sayHello(link).catch((thrown: unknown) => this.#giveUp(link, thrown));
    });
  }

  /** Aloud once for each identity: it will try again and again. */
  #tellFailure(pipe: Pipe, code: string, reason: string): void {
    const facts = { address: pipe.remoteAddress, peer: pipe.remoteId, reason, code };
    if (code !== 'not-allowed' || this.#refused.has(pipe.remoteId)) {
      this.#options.log.debug('a greeting failed', facts);
      return;
    }
    if (this.#refused.size >= REFUSED_MAX) this.#refused.clear();
    this.#refused.add(pipe.remoteId);
    this.#options.log.info('refused, or was refused by, one who is no member', facts);
  }

  #settled(link: Link, isUp: boolean): void {
    const newborn = this.#newborn.get(link);
    if (newborn === undefined) return;
    this.#newborn.delete(link);
    newborn.timer.cancel();
    newborn.settled(isUp);
  }

  /** True at the end that decides whether a link is to live. */
  #decides(greeted: Greeted): boolean {
    return greeted.role === 'client' || this.#options.self < greeted.peer;
  }

  /** The end that does not decide: asks, and follows. */
  async #sayHello(link: Link): Promise<void> {
    const { reply } = await link.call('hello', this.#options.hello(), { deadlineMs: HELLO_MS });
    await this.#settle(link, reply);
  }

  async #answerHello(ask: Hello, from: Link): Promise<Hello> {
    // A link may hear its first message while it is being made: before it is known here.
    await Promise.resolve();
    const newborn = this.#newborn.get(from);
    if (newborn !== undefined) {
      if (!this.#decides(newborn.greeted)) throw new MeshError('protocol', 'the lower PeerId does not say hello first');
      try {
        await this.#settle(from, ask);
      } catch (thrown) {
        this.#giveUp(from, thrown);
        throw thrown;
      }
    }
    return this.#options.hello();
  }

  /** Puts a link in, if it is to be, and removes what it replaces. */
  async #settle(link: Link, hello: Hello): Promise<void> {
    const { switchboard } = this.#options;
    const newborn = this.#newborn.get(link);
    if (newborn === undefined) return;
    if ((this.#clones.get(link.peer) ?? 0) > this.#options.clock.now())
      throw new MeshError('not-allowed', 'its identity is cloned');
    if (link.role === 'client') this.#checkRoomForClient(link);
    const refusal = await this.#options.admit(newborn.greeted, hello);
    if (refusal !== undefined) throw new MeshError('not-allowed', refusal);
    // Two may have waited for the same link to go: the later one finds the other there.
    while (link.role === 'peer' && switchboard.link(link.peer) !== undefined) await this.#makeWay(link, newborn);
    // Nothing is awaited from here on: what was checked holds.
    if (this.#options.greeting.standing(link.peer) === 'removed')
      throw new MeshError('not-allowed', 'it was removed from the mesh');
    if (!link.open || this.#isStopped) return;
    this.#options.linkUp(link, hello, newborn.greeted);
    switchboard.add(link);
    this.#settled(link, true);
  }

  /** Returns when no other link of that pair is up: at once, or when the present one was replaced. Throws when it stays. */
  async #makeWay(link: Link, newborn: Newborn): Promise<void> {
    const { switchboard } = this.#options;
    for (let present = switchboard.link(link.peer); present !== undefined; present = switchboard.link(link.peer)) {
      const isSameInstance = present.instance === link.instance;
      // The other end decided: it has no other link, or one that is dead.
      const mustAsk = this.#decides(newborn.greeted) || !isSameInstance;
      const lives = mustAsk && (await answersPing(present));
      if (lives && !isSameInstance) {
        // A link to the process before this one may come up late: two are running only when both ends answer.
        if (!(await answersPing(link))) throw new MeshError('closed', 'the process at the other end is not there any more');
        this.#tellClone(link.peer);
        switchboard.remove(present, 'its identity is cloned');
        throw new MeshError('not-allowed', 'its identity is cloned');
      }
      if (lives) throw new MeshError('exists', 'another link of this pair is up');
      if (switchboard.link(link.peer) === present) switchboard.remove(present, 'replaced by a new link');
    }
  }

  #checkRoomForClient(link: Link): void {
    const clients = this.#options.switchboard.clients();
    const ofOne = clients.filter((one) => one.peer === link.peer).length;
    if (clients.length < CLIENTS_MAX && ofOne < CLIENT_LINKS_MAX) return;
    this.#options.log.warn('a client was refused: too many are linked', { client: link.peer, ofOne, clients: clients.length });
    throw new MeshError('busy', 'too many clients');
  }

  #giveUp(link: Link, thrown: unknown): void {
    const { code, message } = asMeshError(thrown);
    if (code === 'not-allowed') this.#options.log.warn('a link was refused', { peer: link.peer, reason: message });
    else if (code !== 'closed') this.#options.log.debug('a link is not needed or failed', { peer: link.peer, reason: message });
    // The refusal is an answer on this link: it is let out first.
    this.#options.clock.after(0, () => link.close(message));
  }

  #tellClone(peer: PeerId): void {
    const { clock, log, onClone, self } = this.#options;
    const now = clock.now();
    for (const [id, untilMs] of this.#clones) if (untilMs <= now) this.#clones.delete(id);
    // The own identity is not refused here: both processes go on to say so.
    if (peer !== self) this.#clones.set(peer, now + CLONE_REFUSED_MS);
    log.error('two running peers have one identity: a folder was copied with its .filemesh inside; remove it in the copy', {
      peer,
    });
    onClone(peer);
  }
}

/** True when the process at the other end answers in time. */
async function answersPing(link: Link): Promise<boolean> {
  try {
    await link.call('ping', {}, { deadlineMs: PING_MS });
    return true;
  } catch {
    return false;
  }
}
