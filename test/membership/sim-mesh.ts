import { Catalog } from '../../src/catalog/catalog.ts';
import type { ContentHash, FilePath, PeerId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { isSameVersion } from '../../src/core/version.ts';
import { Gossip } from '../../src/gossip/gossip.ts';
import { Membership } from '../../src/membership/membership.ts';
import type { MembershipConfig } from '../../src/membership/membership-options.ts';
import type { FolderReport } from '../../src/membership/presence.ts';
import { Switchboard } from '../../src/wire/switchboard.ts';
import type { SimNode, SimPlatform } from '../sim/sim-node.ts';
import { SimWorld } from '../sim/sim-world.ts';

/** A line whose secret is strong enough. */
export const LINE = 'home/abandon-ability-able-about-above-absent-absorb-abstract';
export const OTHER_LINE = 'home/zebra-zero-zone-zoo-yard-year-yellow-you';

/** One running peer: the rooms under test on a simulated platform, and all that it said. */
export interface SimPeer {
  readonly name: string;
  readonly id: PeerId;
  readonly node: SimNode;
  readonly platform: SimPlatform;
  readonly catalog: Catalog;
  readonly switchboard: Switchboard;
  readonly membership: Membership;
  readonly gossip: Gossip;
  readonly said: string[];
  /** Changed by a test, then told by `membership.stateChanged`. */
  state: FolderReport;
  /** `delta` calls sent, by index. */
  readonly deltas: { to: PeerId; index: PeerId; records: number; whole: boolean }[];
}

/** A LAN with peers of these two rooms alone. */
export class SimMesh {
  readonly world: SimWorld;
  readonly peers = new Map<string, SimPeer>();

  constructor(seed: string, profile: 'calm' | 'swarm' = 'calm') {
    this.world = new SimWorld(seed, { profile });
  }

  /** Starts a peer on its machine, made when it is new. `id`: another identity than the machine's own. */
  async start(name: string, config: Partial<MembershipConfig> = {}): Promise<SimPeer> {
    const node = this.world.nodes.find((one) => one.name === name) ?? this.world.addNode(name);
    return this.startOn(node, config);
  }

  async startOn(node: SimNode, config: Partial<MembershipConfig> = {}): Promise<SimPeer> {
    const platform = node.start();
    const id = platform.network.selfId;
    const { clock, random, network, discovery, log, store } = platform;
    const catalog = await this.settle(Catalog.open({ self: id, store, clock, random: random.fork('catalog'), log }));
    const switchboard = new Switchboard({ clock, log });
    const gossip = new Gossip({ clock, random: random.fork('gossip'), log, switchboard, catalog });
    const said: string[] = [];
    const load = { bytes: 0, capacity: 1_000, files: 0, incomingBytes: 0, incomingFiles: 0 };
    const peer: { -readonly [K in keyof SimPeer]?: SimPeer[K] } = {
      name: node.name,
      id,
      node,
      platform,
      catalog,
      switchboard,
      gossip,
      said,
      state: { paused: undefined, opening: false, load },
      deltas: [],
    };
    const membership = new Membership({
      clock,
      random,
      network,
      discovery,
      log,
      store,
      switchboard,
      catalog,
      config: { name: node.name, meshName: 'home', join: LINE, port: 4_000, peers: [], ...config },
      folderState: () => (peer as SimPeer).state,
      events: {
        onForeignMesh: (count) => said.push(`foreign ${count}`),
        onAlone: () => said.push('alone'),
        onMember: (event, _id, shown) => said.push(`${event} ${shown}`),
        onClone: (clone) => said.push(`clone ${clone === id ? 'self' : clone.slice(0, 4)}`),
        onRemoved: () => said.push('removed'),
      },
    });
    peer.membership = membership;
    switchboard.onUp((link) => {
      const call = link.call.bind(link);
      link.call = ((name, ask, options) => {
        if (name === 'delta') {
          const delta = ask as { index: PeerId; records: unknown[]; whole: boolean };
          peer.deltas?.push({ to: link.peer, index: delta.index, records: delta.records.length, whole: delta.whole });
        }
        return call(name, ask, options);
      }) as typeof link.call;
    });
    gossip.start();
    await this.settle(membership.start());
    this.peers.set(node.name, peer as SimPeer);
    return peer as SimPeer;
  }

  /** Starts all at the same virtual moment. */
  startAll(names: readonly string[], config: Partial<MembershipConfig> = {}): Promise<SimPeer[]> {
    return Promise.all(names.map((name) => this.start(name, config)));
  }

  kill(name: string): void {
    this.world.node(name).kill();
    this.peers.delete(name);
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.world.scheduler.settle(promise, 60_000);
  }

  run(ms: number): Promise<void> {
    return this.world.scheduler.runFor(ms);
  }

  /** Virtual time until `holds`; fails the test with `what` when it does not within `limitMs`. */
  async until(what: string, holds: () => boolean, limitMs = 30_000): Promise<void> {
    if (await this.world.scheduler.runUntil(holds, limitMs)) return;
    throw new Error(`not within ${limitMs} ms: ${what}\n${this.world.scheduler.trace.lines().slice(-60).join('\n')}`);
  }

  /** Every running peer has one live link to every other, and both ends speak over the same pair of ends. */
  isMeshed(names: Iterable<string> = this.peers.keys()): boolean {
    const peers = [...names].map((name) => this.peers.get(name) as SimPeer);
    return peers.every((one) =>
      peers.every((other) => one === other || one.switchboard.link(other.id)?.instance === other.membership.instance),
    );
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.world.lan.partition(groups.map((group) => group.map((name) => this.world.node(name).host)));
  }
}

/** Puts a file into the peer's own index, as its folder would. */
export async function addFile(mesh: SimMesh, peer: SimPeer, text: string): Promise<FilePath> {
  const path = checkPath(text);
  const hash = peer.platform.hasher.hash(Buffer.from(text)) as ContentHash;
  const draft = {
    kind: 'file' as const,
    origin: peer.id,
    modifiedMs: 0,
    hash,
    size: text.length,
    mode: 0o644,
    manifest: { scheme: 1, hash },
    found: false,
  };
  await mesh.settle(peer.catalog.change([path], (transaction) => transaction.mint(path, draft, transaction.known(path), 'all')));
  return path;
}

/** Both catalogs show the same for that path: versions and holders. */
export function agree(a: SimPeer, b: SimPeer, path: FilePath): boolean {
  const [left, right] = [a.catalog.view(path), b.catalog.view(path)];
  if (left === undefined || right === undefined) return left === right;
  return (
    left.known.length === right.known.length &&
    left.known.every(({ version, holdings }) =>
      right.known.some(
        (one) =>
          isSameVersion(one.version, version) &&
          JSON.stringify([...one.holdings].sort()) === JSON.stringify([...holdings].sort()),
      ),
    )
  );
}
