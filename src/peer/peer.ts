import { Catalog } from '../catalog/catalog.ts';
import { PathWaiters } from '../catalog/path-waiters.ts';
import type { AccountFact } from '../core/accounts.ts';
import { asMeshError, MeshError } from '../core/errors.ts';
import type { FilePath, PeerId, RequestId } from '../core/ids.ts';
import { Folder } from '../folder/folder.ts';
import { Gossip } from '../gossip/gossip.ts';
import { Membership } from '../membership/membership.ts';
import type { Address, Pipe } from '../platform/network.ts';
import type { Platform } from '../platform/platform.ts';
import { Replication } from '../replication/replication.ts';
import { PathEvents } from '../server/path-events.ts';
import { Server } from '../server/server.ts';
import type { OthersTraffic, Traffic } from '../server/traffic.ts';
import type { Reply } from '../wire/calls.ts';
import { RateLimit } from '../wire/rate-limit.ts';
import { Switchboard } from '../wire/switchboard.ts';
import type { PeerConfig } from './config.ts';
import type { PeerEvent } from './event.ts';

/** A process that holds files and serves them: its rooms, constructed and started. No logic of its own. */
export class Peer {
  readonly #platform: Platform;
  readonly #catalog: Catalog;
  readonly #folder: Folder;
  readonly #membership: Membership;
  readonly #gossip: Gossip;
  readonly #replication: Replication;
  readonly #server: Server;
  readonly #listeners: ((event: PeerEvent) => void)[] = [];
  #foreignPeers = 0;
  #pausedBefore: string | undefined;
  #folderStarted: Promise<void> | undefined;
  #failed: (why: MeshError) => void = () => {};
  readonly #failure = new Promise<MeshError>((resolve) => {
    this.#failed = resolve;
  });

  /**
   * Opens the store, joins or begins a mesh, listens, and begins the first scan. Resolves when it listens; rejects with
   * `usage` for a join line that does not fit, `failed` with what to do next otherwise.
   */
  static async start(platform: Platform, config: PeerConfig, listener?: (event: PeerEvent) => void): Promise<Peer> {
    const { clock, random, log, store, network } = platform;
    const catalog = await Catalog.open({ self: network.selfId, store, clock, random: random.fork('catalog'), log });
    const peer = new Peer(platform, config, catalog);
    if (listener !== undefined) peer.onEvent(listener);
    await peer.#start();
    return peer;
  }

  private constructor(platform: Platform, config: PeerConfig, catalog: Catalog) {
    const { clock, random, log, store, network, discovery, disk, hasher } = platform;
    this.#platform = platform;
    this.#catalog = catalog;
    const limitOf = (rate: number | undefined) => (rate === undefined ? undefined : new RateLimit(clock, rate));
    const limits = { up: limitOf(config.limitUp), down: limitOf(config.limitDown) };
    const switchboard = new Switchboard({ clock, log, limits });
    const waiters = new PathWaiters({ clock, onPaths: (act) => catalog.onPaths(act) });
    const folder = new Folder({
      disk,
      store,
      hasher,
      clock,
      random: random.fork('folder'),
      log,
      ledger: catalog,
      mesh: () => this.#meshId(),
      config,
    });
    this.#folder = folder;
    this.#membership = new Membership({
      clock,
      random,
      network,
      discovery,
      log,
      store,
      switchboard,
      catalog,
      config,
      folderState: () => {
        const { paused, load } = folder;
        return { paused, opening: paused === undefined && !folder.isOpen, load };
      },
      events: {
        onForeignMesh: (count) => {
          this.#foreignPeers = count;
          this.#tell({ event: 'foreign-mesh', reason: foreignWords(count) });
        },
        onAlone: () => this.#tell({ event: 'alone' }),
        onMember: (event, _id, peer) => this.#tell({ event: event === 'joined' ? 'member-joined' : 'member-lost', peer }),
        onClone: () => this.#tell({ event: 'clone', reason: 'another running peer has this identity: its disk is a copy' }),
        onRemoved: () => this.#tell({ event: 'removed', reason: 'this peer was removed from the mesh' }),
      },
    });
    this.#gossip = new Gossip({ clock, random: random.fork('gossip'), log, switchboard, catalog });
    const shared = { clock, log, catalog, folder, switchboard, waiters };
    const { healAfterMs, placement, stripeBytesMin, stripeOverBytes } = config;
    this.#replication = new Replication({ ...shared, healAfterMs, placement, stripeBytesMin, stripeOverBytes });
    const membership = {
      inviteLine: () => this.#membership.inviteLine(),
      removeMember: (id: PeerId) => this.#membership.removeMember(id),
      renewSecret: () => this.#membership.renewSecret(),
      isWhole: () => this.#membership.isWhole(),
      setReplicas: (value: number, request: RequestId | undefined) => this.#membership.setReplicas(value, request),
      meshName: () => this.#membership.mesh()?.name ?? config.meshName,
      warnings: () => this.#warnings(),
    };
    const noteOf = (path: FilePath) => this.#replication.noteOf(path);
    this.#server = new Server({ ...shared, store, hasher, random: random.fork('server'), membership, noteOf });
    new PathEvents(catalog, (event) => this.#tell(event));
  }

  get id(): PeerId {
    return this.#catalog.self;
  }

  /** Shown name: unique in the mesh. */
  get name(): string {
    return this.#catalog.shownName(this.id);
  }

  get meshName(): string | undefined {
    return this.#membership.mesh()?.name;
  }

  get meshId(): string | undefined {
    return this.#membership.mesh()?.id;
  }

  /** What others dial, best first. */
  get addresses(): readonly Address[] {
    return this.#membership.addresses();
  }

  /** The word that admits; undefined while this peer waits to be admitted itself. */
  get join(): string | undefined {
    return this.#membership.mesh() === undefined ? undefined : this.#membership.inviteLine();
  }

  /** R, as the mesh has it. */
  get wanted(): number {
    return this.#catalog.wantedCopies();
  }

  get scanned(): boolean {
    return this.#folder.state().scanned;
  }

  /** Who may log in, and who may do what. */
  get people(): Catalog['people'] {
    return this.#catalog.people;
  }

  /** Lets a client of this process in: over a pipe that is no socket, with the same greeting. */
  accept(pipe: Pipe): void {
    this.#membership.accept(pipe);
  }

  onEvent(listener: (event: PeerEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Told after every durable change: the paths of which something is different now. */
  onPaths(listener: (paths: ReadonlySet<FilePath>) => void): void {
    this.#catalog.onPaths(listener);
  }

  /** File data since the start: in all, and by who was at the other end. */
  traffic(): Traffic {
    return this.#server.traffic();
  }

  /** What the other peers say of theirs: they are asked now, or were a moment ago. */
  othersTraffic(): Promise<OthersTraffic> {
    return this.#server.othersTraffic();
  }

  /** Makes that account an admin with another password, or makes it. `proof`: as a client derives it. `usage`: there are no accounts. */
  recoverAdmin(name: string, proof: string): Promise<void> {
    return this.#server.recoverAdmin(name, proof);
  }

  /** Whose login a token shows. Throws `not-allowed` for one that is void, `busy` while it may be younger than what is known here. */
  accountOf(token: string): AccountFact {
    return this.#server.accountOf(token);
  }

  /** As that account sees it; without a name all of it. */
  status(account?: string): Promise<Reply<'status'>> {
    return this.#server.status(account);
  }

  /** Resolves when this peer learned of its mesh after its start, and then cannot serve its folder: it is to be stopped. */
  get failure(): Promise<MeshError> {
    return this.#failure;
  }

  peers(): Reply<'peers'> {
    return this.#server.peers();
  }

  /** Says goodbye, finishes what is under way, closes the store. Within two seconds; call once. */
  async stop(): Promise<void> {
    this.#server.stop();
    this.#replication.stop();
    this.#gossip.stop();
    await this.#membership.stop();
    await this.#folderStarted?.catch(() => undefined);
    await this.#folder.stop();
    await this.#catalog.close();
    await this.#platform.store.close();
  }

  async #start(): Promise<void> {
    this.#folder.onState(() => this.#folderChanged());
    this.#gossip.start();
    this.#replication.start();
    await this.#membership.start();
    if (this.#membership.mesh() !== undefined) return await this.#startFolder();
    // Its first member has yet to tell it the mesh: the marker in the folder names that.
    this.#catalog.onFacts(() => {
      if (this.#membership.mesh() === undefined || this.#folderStarted !== undefined) return;
      this.#startFolder().catch((error: unknown) => {
        this.#platform.log.error('the folder cannot serve', { error: String(error) });
        this.#failed(asMeshError(error));
      });
    });
  }

  #startFolder(): Promise<void> {
    this.#folderStarted = this.#folder.start();
    return this.#folderStarted;
  }

  #meshId() {
    const mesh = this.#membership.mesh();
    if (mesh === undefined) throw new MeshError('unavailable', 'this peer is not admitted to its mesh yet');
    return mesh.id;
  }

  #folderChanged(): void {
    this.#membership.stateChanged();
    const { paused } = this.#folder;
    if (paused === this.#pausedBefore) return;
    this.#pausedBefore = paused;
    this.#tell(paused === undefined ? { event: 'resumed' } : { event: 'paused', reason: paused });
  }

  #warnings(): string[] {
    const count = this.#foreignPeers;
    return count === 0 ? [] : [`${foreignWords(count)}: --join LINE joins one of them`];
  }

  #tell(event: PeerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function foreignWords(count: number): string {
  return count === 1 ? '1 peer of another mesh is on this network' : `${count} peers of other meshes are on this network`;
}
