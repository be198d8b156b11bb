import { asMeshError, MeshError } from '../core/errors.ts';
import { type Fact, type MeshFact, presentSecret } from '../core/facts.ts';
import type { ContentHash, PeerId, RequestId } from '../core/ids.ts';
import { settingAfter } from '../core/settings.ts';
import type { Timer } from '../platform/clock.ts';
import type { Sighting } from '../platform/discovery.ts';
import type { Address, Listener, Pipe } from '../platform/network.ts';
import { type Random, randomHex } from '../platform/random.ts';
import type { Greeted } from '../wire/greeting.ts';
import type { Link } from '../wire/link.ts';
import { formatMeshLine, MESH_ID_DIGITS, tagOf } from '../wire/mesh-line.ts';
import { AddressBook } from './address-book.ts';
import { admitsNow, knownSecrets, LINE_GENERATION, standingOf, verdictOn } from './admission.ts';
import { Departure } from './departure.ts';
import { Dialler } from './dialler.ts';
import { FactsExchange } from './facts-exchange.ts';
import { Links } from './links.ts';
import type { MembershipOptions } from './membership-options.ts';
import { chooseMesh, meshOf } from './mesh-choice.ts';
import { addressesOf, type Hello, Presence } from './presence.ts';
import { Removals } from './removals.ts';
import { Sightings } from './sightings.ts';

/** Without a peer for so long: it is told. Range 5–60 s: multicast is asked at 0–2 s, a dial may take 5 s. */
const ALONE_MS = 10_000;
/** Addresses told of this peer: the bound of `hello`. */
const ADDRESSES_TOLD_MAX = 16;

/** From sightings to exactly one live link per pair; who is a member, and what each says of itself; departures. */
export class Membership {
  /** Of this start: 16 hex digits. */
  readonly instance: string;
  readonly #options: MembershipOptions;
  readonly #presence: Presence;
  readonly #facts: FactsExchange;
  readonly #links: Links;
  readonly #removals: Removals;
  readonly #dialler: Dialler;
  readonly #book: AddressBook;
  readonly #sightings: Sightings;
  readonly #hellos = new WeakMap<Link, Hello>();
  /** Clients without a fact of their own: the generation of the secret that each proved. */
  readonly #guests = new WeakMap<Link, number>();
  readonly #random: Random;
  #idPrefix = '';
  #lineSecret: string | undefined;
  #listener: Listener | undefined;
  #alone: Timer | undefined;
  #isStopped = false;

  constructor(options: MembershipOptions) {
    const { clock, random, network, log, switchboard, catalog, config, folderState, store } = options;
    this.#options = options;
    this.#random = random.fork('membership');
    this.instance = randomHex(this.#random, 8);
    this.#facts = new FactsExchange({ clock, catalog, switchboard, log, idPrefix: () => this.#idPrefix });
    const factsDigest = (): ContentHash => this.#facts.digest();
    const { name } = config;
    const addresses = (): Address[] => this.addresses();
    this.#presence = new Presence({ clock, catalog, switchboard, name, addresses, folderState, factsDigest });
    this.#book = new AddressBook({ catalog, store, log });
    this.#links = new Links({
      self: catalog.self,
      instance: this.instance,
      clock,
      log,
      switchboard,
      greeting: {
        secrets: () => knownSecrets(catalog.facts(), this.#lineSecret),
        accepts: (generation) => admitsNow(catalog.facts(), generation),
        standing: (peer) => standingOf(catalog.facts(), peer, catalog.members()),
      },
      hello: () => this.#hello(),
      admit: (greeted, hello) => this.#admit(greeted, hello),
      linkUp: (link, hello, greeted) => this.#beforeUp(link, hello, greeted),
      onClone: (peer) => options.events.onClone(peer),
    });
    this.#dialler = new Dialler({
      clock,
      random: this.#random.fork('dialler'),
      network,
      log,
      isLinked: (peer) => switchboard.link(peer) !== undefined,
      meet: (pipe) => this.#links.meet(pipe),
    });
    this.#removals = new Removals({
      catalog,
      switchboard,
      random: this.#random.fork('secrets'),
      log,
      isGuest: (link) => this.#isGuest(link),
      forget: (peer) => {
        this.#dialler.forget(peer);
        this.#book.forget(peer);
      },
      onSelfRemoved: () => {
        this.#dialler.stop();
        this.#links.stop();
        options.events.onRemoved();
      },
    });
    this.#sightings = new Sightings({
      clock,
      instance: this.instance,
      idPrefix: () => this.#idPrefix,
      onOwn: ({ instance, addresses }: Sighting) => this.#dialler.sighted(instance, addresses),
      onForeign: (count) => options.events.onForeignMesh(count),
    });
  }

  /**
   * Decides the mesh, listens, announces and begins to dial. Call once, when gossip has started: links come up from now
   * on. Rejects with `usage` for a join line that is none, or another mesh's; with the listener's or the store's error.
   */
  async start(): Promise<void> {
    const { catalog, config, clock, network, switchboard, events } = this.#options;
    const choice = chooseMesh({ ...config, join: config.join, facts: catalog.facts(), self: catalog.self }, this.#random);
    this.#idPrefix = choice.idPrefix;
    this.#lineSecret = choice.lineSecret;
    if (choice.facts.length > 0) await catalog.adopt(choice.facts);
    this.#facts.start();
    switchboard.onUp((link) => this.#linkUp(link));
    switchboard.onDown((link) => this.#linkDown(link));
    catalog.onFacts((changed) => this.#factsChanged(changed));
    this.#listener = await network.listen({ port: config.port, accept: (...met) => this.accept(...met) });
    this.#presence.start(config.http);
    this.#alone = clock.after(ALONE_MS, () => {
      if (switchboard.peers().length === 0) events.onAlone();
    });
    for (const address of config.peers) this.#dialler.give(address);
    for (const { peer, addresses } of await this.#book.read()) {
      if (peer !== catalog.self) for (const address of addresses) this.#dialler.know(address, peer);
    }
    await this.#findOthers();
    this.#removals.decide();
  }

  /** Somebody is at the door: greeted, and linked or sent away. `admitted`: as of ListenOptions. */
  accept(pipe: Pipe, admitted?: () => void): void {
    this.#links.meet(pipe, admitted).catch((thrown: unknown) => this.#failed('meeting', thrown));
  }

  /** Says goodbye, and closes the links once that is heard, within a second. Call once; nothing comes up afterwards. */
  async stop(): Promise<void> {
    const { discovery, switchboard, clock } = this.#options;
    this.#isStopped = true;
    this.#alone?.cancel();
    this.#dialler.stop();
    this.#links.stop();
    this.#presence.stop();
    const departure = new Departure(switchboard, clock);
    const parts = [this.#listener?.close(), discovery.close(), departure.leave()];
    for (const result of await Promise.allSettled(parts)) {
      if (result.status === 'rejected') this.#failed('stopping', result.reason);
    }
  }

  /** Where others dial this peer, best first; empty before `start`. */
  addresses(): Address[] {
    return this.#listener?.addresses() ?? [];
  }

  /** The mesh; undefined while a member has not told a newcomer yet. */
  mesh(): MeshFact | undefined {
    return meshOf(this.#options.catalog.facts());
  }

  /** The word that admits now; `unavailable` while this peer is not admitted itself. */
  inviteLine(): string {
    const facts = this.#options.catalog.facts();
    const mesh = meshOf(facts);
    const present = presentSecret(facts);
    if (mesh === undefined || present === undefined) {
      throw new MeshError('unavailable', 'this peer is not admitted to its mesh yet: start a member of it on this network');
    }
    const { name, id } = mesh;
    const { secret, generation } = present;
    return formatMeshLine(generation === 1 ? { name, secret } : { name, idPrefix: id.slice(0, MESH_ID_DIGITS), secret });
  }

  /** Removes an identity for good, and renews the secret. Durable here when it resolves; links of that one are closed. */
  removeMember(peer: PeerId): Promise<void> {
    return this.#removals.remove(peer);
  }

  /** Another secret, and so another join line; members stay what they are. Durable here when it resolves. */
  renewSecret(): Promise<void> {
    return this.#removals.renewSecret();
  }

  /** True when every member that is a peer is here, and one came with a line has met another: nothing is decided that others do not hear. */
  isWhole(): boolean {
    const { catalog } = this.#options;
    const others = [...catalog.members().values()].filter(({ id, role }) => role === 'peer' && id !== catalog.self);
    if (this.mesh() === undefined || (others.length === 0 && this.#lineSecret !== undefined)) return false;
    return others.every(({ id }) => catalog.peers.get(id)?.live === true);
  }

  /** Wanted copies, of the whole mesh. Durable here when it resolves. `value`: 1…16. A `request` is carried out once. */
  async setReplicas(value: number, request?: RequestId): Promise<void> {
    const { catalog } = this.#options;
    const setting = settingAfter(catalog.facts(), value, request);
    if (setting !== undefined) await catalog.adopt([setting]);
  }

  /** The folder's state may have changed: it is told, unless it was a moment ago; then a little later. */
  stateChanged(): void {
    this.#presence.stateChanged();
  }

  async #findOthers(): Promise<void> {
    const { discovery, log } = this.#options;
    const { instance } = this;
    const port = this.#listener?.port ?? 0;
    try {
      await discovery.announce({ instance, tag: tagOf(this.#idPrefix, instance), port });
      await discovery.browse((sighting) => this.#sightings.take(sighting));
    } catch (thrown) {
      log.warn('multicast does not work: only addresses known or given are dialled', { error: asMeshError(thrown).message });
    }
  }

  #addresses(): Address[] {
    return this.addresses().slice(0, ADDRESSES_TOLD_MAX);
  }

  #hello(): Hello {
    const { config } = this.#options;
    return {
      ...this.#presence.self(),
      ...(config.http === undefined ? {} : { http: config.http }),
      instance: this.instance,
      addresses: this.#addresses(),
      factsDigest: this.#facts.digest(),
    };
  }

  async #admit(greeted: Greeted, hello: Hello): Promise<string | undefined> {
    const { catalog, log } = this.#options;
    const { peer: id, role, provedGeneration } = greeted;
    const verdict = verdictOn(catalog.facts(), { id, role, name: hello.name, provedGeneration }, catalog.members());
    if (verdict.kind === 'refused') return verdict.reason;
    if (verdict.kind !== 'admitted') return undefined;
    // A newcomer without a mesh of its own admits nobody: it cannot know who was removed.
    if (this.mesh() === undefined) return undefined;
    await catalog.adopt([verdict.fact]);
    log.info('a member was admitted', { peer: id, role, name: hello.name });
    return undefined;
  }

  #beforeUp(link: Link, hello: Hello, { provedGeneration }: Greeted): void {
    this.#hellos.set(link, hello);
    if (link.role === 'peer') this.#presence.linkUp(link, hello);
    else if (provedGeneration !== undefined && !this.#options.catalog.members().has(link.peer))
      this.#guests.set(link, provedGeneration);
  }

  /** By a secret that still admits. One that came by the line alone is looked at anew, when facts say who is a member. */
  #isGuest(link: Link): boolean {
    const generation = this.#guests.get(link);
    return generation !== undefined && generation !== LINE_GENERATION && admitsNow(this.#options.catalog.facts(), generation);
  }

  #linkUp(link: Link): void {
    const { catalog, log, events } = this.#options;
    const hello = this.#hellos.get(link);
    if (hello === undefined) return;
    this.#facts.linkUp(link, hello.factsDigest);
    if (link.role === 'client') return;
    const addresses = addressesOf(link, hello);
    this.#book.note(link.peer, addresses);
    for (const address of addresses.slice(0, 1)) this.#dialler.know(address, link.peer);
    const name = catalog.shownName(link.peer);
    log.info('a peer is linked', { peer: link.peer, name, address: addresses[0], dialled: link.dialled });
    events.onMember('joined', link.peer, name);
    this.#removals.decide();
  }

  #linkDown(link: Link): void {
    const { catalog, log, events } = this.#options;
    if (link.role === 'client' || this.#isStopped) return;
    const name = catalog.shownName(link.peer);
    log.info('a peer is gone', { peer: link.peer, name });
    this.#dialler.linkDown(link.peer);
    events.onMember('lost', link.peer, name);
    this.#removals.decide();
  }

  #factsChanged(changed: readonly Fact[]): void {
    this.#removals.factsChanged(changed);
    this.#facts.passOn(changed);
    this.#presence.listMembers();
  }

  #failed(what: string, thrown: unknown): void {
    this.#options.log.error('membership failed', { what, error: asMeshError(thrown).message });
  }
}
