import { MeshError } from '../core/errors.ts';
import type { PeerId } from '../core/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Sighting } from '../platform/discovery.ts';
import type { Address } from '../platform/network.ts';
import type { ClientPlatform } from '../platform/platform.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Ask } from '../wire/calls.ts';
import { greet } from '../wire/greeting.ts';
import type { Link } from '../wire/link.ts';
import { tagOf } from '../wire/mesh-line.ts';
import { PipeLink } from '../wire/pipe-link.ts';
import { Switchboard } from '../wire/switchboard.ts';
import type { MeshMemory } from './mesh-memory.ts';
import { Routes } from './routes.ts';
import type { SessionPorts } from './session-ports.ts';
import { SignIn } from './sign-in.ts';

/** How long a peer may take for its hello: longer, and another peer is quicker. */
const HELLO_MS = 3000;
/** Addresses a later session starts with. */
const ADDRESSES_MAX = 32;

export interface DoorOptions {
  readonly platform: ClientPlatform;
  readonly memory: MeshMemory;
  /** What this client calls itself; peers write it in their log. */
  readonly name: string;
  /** Where the user says to start. */
  readonly given: readonly Address[];
  /** Where peers were last time. */
  readonly remembered: readonly Address[];
  /** Where peers are said to be now, beside multicast: asked whenever no known one answers. */
  readonly lookUp?: () => Promise<readonly Address[]>;
  /** What is known of the mesh, or of its addresses, changed: worth keeping for the next session. */
  readonly onLearned?: () => void;
}

/** The way from a session to real links: dials, is admitted as a client, says hello, and learns where other peers are. */
export class Door implements SessionPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly routes = new Routes();
  readonly signIn: SignIn;
  readonly #options: DoorOptions;
  readonly #switchboard: Switchboard;
  readonly #instance: string;
  /** As peers said in their hello: some dozens at most, for a person. */
  readonly #names = new Map<PeerId, string>();
  #browsing = false;
  #closed = false;

  constructor(options: DoorOptions) {
    const { clock, log } = options.platform;
    this.#options = options;
    this.clock = clock;
    this.random = options.platform.random.fork('client');
    this.#instance = randomHex(this.random, 8);
    this.#switchboard = new Switchboard({ clock, log });
    this.signIn = new SignIn({
      clock,
      hasher: options.platform.hasher,
      meshIdPrefix: options.memory.idPrefix,
      links: () => this.#switchboard.peers(),
      arrived: (link) => this.arrived(link),
    });
    this.#switchboard.answer('hello', async () => this.#hello());
    this.#switchboard.hear('facts', ({ facts }) => {
      if (!options.memory.adopt(facts)) return;
      this.#leaveRemoved();
      options.onLearned?.();
    });
    this.#switchboard.hear('goodbye', (_, from) => this.#switchboard.remove(from, 'the peer stops'));
    for (const address of options.given) this.routes.learn('given', address);
    for (const address of options.remembered) this.routes.learn('member', address);
  }

  /** Told after each link that goes down. */
  onDown(act: (link: Link) => void): void {
    this.#switchboard.onDown(act);
  }

  readonly open = async (address: Address, expected?: PeerId): Promise<Link> => {
    const { platform, memory } = this.#options;
    const pipe = await platform.network.dial(address, expected);
    // Not `not-allowed`: that would be told as if the mesh refused this client, which goes on to look for it.
    if (memory.standing(pipe.remoteId) === 'removed') {
      pipe.close();
      throw new MeshError('unreachable', `the peer at ${address} was removed from the mesh`);
    }
    const greeted = await greet(pipe, {
      role: 'client',
      instance: this.#instance,
      secrets: () => memory.secrets(),
      standing: (peer) => memory.standing(peer),
      clock: this.clock,
    });
    if (greeted.role !== 'peer') {
      greeted.pipe.close();
      throw new MeshError('protocol', `${address} is no peer`);
    }
    const link = new PipeLink(greeted, this.#switchboard, platform);
    return await this.#introduce(link);
  };

  browse(): void {
    const { discovery, log } = this.#options.platform;
    if (this.#closed) return;
    this.#lookUp().catch((thrown: unknown) => log.debug('no address can be looked up', { error: String(thrown) }));
    if (this.#browsing) {
      discovery.refresh();
      return;
    }
    this.#browsing = true;
    discovery
      .browse((sighting) => this.#sighted(sighting))
      .catch((thrown: unknown) => log.debug('multicast cannot be asked', { error: String(thrown) }));
  }

  nameOf(peer: PeerId): string {
    return this.#names.get(peer) ?? peer.slice(0, 8);
  }

  /** Learns in the background where the other peers are: they may be needed in a moment. */
  arrived(link: Link): void {
    this.#learnPeers(link).catch((thrown: unknown) => {
      this.#options.platform.log.debug('the peers could not be asked for', { error: String(thrown) });
    });
  }

  addresses(): Address[] {
    return this.routes.worthRemembering(ADDRESSES_MAX);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const link of this.#switchboard.peers()) this.#switchboard.remove(link, 'the client is done');
    if (this.#browsing) await this.#options.platform.discovery.close();
  }

  async #introduce(link: PipeLink): Promise<Link> {
    try {
      const { reply } = await link.call('hello', this.#hello(), { deadlineMs: HELLO_MS });
      this.#names.set(link.peer, reply.name);
      for (const address of reply.addresses) this.routes.learn('member', address, link.peer);
      await this.signIn.introduce(link);
    } catch (thrown) {
      link.close('no hello');
      throw thrown;
    }
    if (this.#options.memory.standing(link.peer) === 'removed') {
      link.close('it was removed from the mesh');
      throw new MeshError('closed', 'the peer was removed from the mesh during its hello');
    }
    const other = this.#switchboard.link(link.peer);
    if (other?.open === true) {
      link.close('there is a link to this peer already');
      return other;
    }
    if (!this.#switchboard.add(link)) throw new MeshError('closed', 'the peer went away during its hello');
    return link;
  }

  #hello(): Ask<'hello'> {
    const { platform, name } = this.#options;
    return {
      name,
      caughtUp: true,
      load: { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 },
      instance: this.#instance,
      addresses: [],
      // Differs from every peer's: so each tells its facts, the present secret among them.
      factsDigest: platform.hasher.hash(new Uint8Array(0)),
    };
  }

  async #learnPeers(link: Link): Promise<void> {
    const { reply } = await link.call('peers', {});
    for (const peer of reply.peers) {
      if (peer.address !== undefined) this.routes.learn('member', peer.address, peer.id);
    }
    this.#options.onLearned?.();
  }

  /** Who was removed is asked nothing more: whoever waits for its answer asks another peer. */
  #leaveRemoved(): void {
    for (const link of this.#switchboard.peers()) {
      if (this.#options.memory.standing(link.peer) === 'removed') this.#switchboard.remove(link, 'it was removed from the mesh');
    }
  }

  async #lookUp(): Promise<void> {
    for (const address of (await this.#options.lookUp?.()) ?? []) this.routes.learn('sighting', address);
  }

  #sighted(sighting: Sighting): void {
    if (sighting.tag !== tagOf(this.#options.memory.idPrefix, sighting.instance)) return;
    for (const address of sighting.addresses) this.routes.learn('sighting', address);
  }
}
