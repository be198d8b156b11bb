import { asMeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { PeerConfig } from '../../src/peer/config.ts';
import { Peer } from '../../src/peer/peer.ts';
import type { Address } from '../../src/platform/network.ts';
import { MeshClient } from './mesh-client.ts';
import { plainHashes, privateHashes } from './mesh-state.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimNode } from './sim-node.ts';
import type { CrashMode } from './sim-volume-crash.ts';
import { type Profile, SimWorld } from './sim-world.ts';

/** The line all peers are started with: its secret is strong enough. */
export const JOIN_LINE = 'home/abandon-ability-able-about-above-absent-absorb-abstract';
/** TCP port of every simulated peer. */
const PORT = 7_400;
/** A peer that could not start is started again after so long, as a service manager does. */
const RESTART_MS = 2_000;
/** Linux writes back what no program synced after that long; a power cut then leaves it. */
const UNSYNCED_MS_MAX = 31_000;
const PEER_NAMES = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf'] as const;

export interface MeshOptions {
  readonly seed: string;
  readonly peers: number;
  readonly clients: number;
  readonly profile: Profile;
  readonly settleMs: number;
  readonly scanEveryMs: number;
  readonly healAfterMs: number;
  /** See FolderConfig. */
  readonly smallBytesMax?: number;
  readonly chunkedBytesMin?: number;
  /** See Placing. */
  readonly stripeBytesMin?: number;
  readonly stripeOverBytes?: number;
  /** Capacities of single peers, by name, in bytes. */
  readonly capacities?: Readonly<Record<string, number>>;
  readonly keepAllLines?: boolean;
  /** Limits of single peers, by name, in bytes a second. */
  readonly rates?: Readonly<Record<string, Pick<PeerConfig, 'limitUp' | 'limitDown'>>>;
}

/** What a mesh for a story is like, unless the story says otherwise. */
export const STORY: Omit<MeshOptions, 'seed'> = {
  peers: 3,
  clients: 1,
  profile: 'calm',
  settleMs: 500,
  scanEveryMs: 5_000,
  healAfterMs: 10_000,
};

/** One machine of the mesh, and the peer on it while one runs. */
export class MeshPeer {
  readonly node: SimNode;
  readonly address: Address;
  peer: Peer | undefined;
  /** False when its disk was lost for good: it is never started again. */
  isOfThisWorld = true;
  /** Its disk was put back to an earlier state: what its user did since is lost. */
  wasRestored = false;
  /** Paths in its folder that a person changed and no program synced, with the time. */
  readonly unsynced = new Map<string, number>();

  constructor(node: SimNode) {
    this.node = node;
    this.address = `${node.host.ip}:${PORT}`;
  }

  get name(): string {
    return this.node.name;
  }

  get id(): PeerId {
    return this.node.id;
  }

  get isUp(): boolean {
    return this.node.incarnation !== undefined;
  }
}

/** Told when a power cut changed what lies in a folder in a way that only a person's unsynced act explains. */
export type CrashTold = (peer: MeshPeer, path: string, before: string | undefined, after: string | undefined) => void;

/** A whole mesh from one seed: machines with real peers, and clients, on one virtual clock. */
export class Mesh {
  readonly world: SimWorld;
  readonly peers: readonly MeshPeer[];
  readonly clients: readonly MeshClient[];
  onCrash: CrashTold = () => {};
  /** The same of what lay at the private `place` just then, for each path it may have come from. */
  onAsideCrash: (peer: MeshPeer, path: string, before: string, place: string) => void = () => {};
  readonly #options: MeshOptions;

  constructor(options: MeshOptions) {
    this.#options = options;
    const { seed, profile, keepAllLines } = options;
    this.world = new SimWorld(seed, { profile, keepAllLines: keepAllLines ?? false });
    this.peers = PEER_NAMES.slice(0, options.peers).map((name) => new MeshPeer(this.world.addNode(name)));
    this.clients = Array.from({ length: options.clients }, (_, index) => {
      const node = this.world.addNode(`client${index + 1}`);
      return new MeshClient(node, JOIN_LINE, this.addressesFrom(index));
    });
  }

  get scheduler(): Scheduler {
    return this.world.scheduler;
  }

  /** Peers whose disk is not lost for good. */
  get survivors(): MeshPeer[] {
    return this.peers.filter((peer) => peer.isOfThisWorld);
  }

  peer(name: string): MeshPeer {
    const found = this.peers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no peer ${name}`);
    return found;
  }

  /** Addresses of all peers, beginning with that of one of them. */
  addressesFrom(index: number): Address[] {
    const all = this.peers.map((peer) => peer.address);
    return [...all.slice(index % all.length), ...all.slice(0, index % all.length)];
  }

  /** Starts the peer on its machine; one that cannot start now is started again until it can. */
  start(machine: MeshPeer): void {
    if (machine.isUp || !machine.isOfThisWorld) return;
    const platform = machine.node.start();
    const { incarnation } = machine.node;
    const {
      settleMs,
      scanEveryMs,
      healAfterMs,
      smallBytesMax,
      chunkedBytesMin,
      stripeBytesMin,
      stripeOverBytes,
      capacities,
      rates,
    } = this.#options;
    const bytes = capacities?.[machine.name];
    const config = {
      name: machine.name,
      meshName: 'home',
      join: JOIN_LINE,
      port: PORT,
      peers: [],
      settleMs,
      healAfterMs,
      placement: 'share',
      scanEveryMs,
      ...(smallBytesMax === undefined ? {} : { smallBytesMax }),
      ...(chunkedBytesMin === undefined ? {} : { chunkedBytesMin }),
      ...(stripeBytesMin === undefined ? {} : { stripeBytesMin }),
      ...(stripeOverBytes === undefined ? {} : { stripeOverBytes }),
      ...(bytes === undefined ? {} : { capacity: { bytes } }),
      ...rates?.[machine.name],
    } as const;
    Peer.start(platform, config).then(
      (peer) => {
        machine.peer = peer;
      },
      (thrown: unknown) => {
        if (machine.node.incarnation !== incarnation) return;
        incarnation?.tell(`cannot start: ${asMeshError(thrown).message}`);
        this.kill(machine);
        this.scheduler.outside.after(RESTART_MS, () => this.start(machine));
      },
    );
  }

  startAll(): void {
    for (const machine of this.peers) this.start(machine);
  }

  /** SIGKILL. */
  kill(machine: MeshPeer): void {
    machine.peer = undefined;
    machine.node.kill();
  }

  /** The power of one machine is cut. */
  powerLoss(machine: MeshPeer, mode: CrashMode): void {
    machine.peer = undefined;
    const [before, hidden] = [plainHashes(machine.node), privateHashes(machine.node)];
    machine.node.powerLoss(mode);
    const [after, hiddenAfter] = [plainHashes(machine.node), privateHashes(machine.node)];
    const oldestMs = this.scheduler.nowMs - UNSYNCED_MS_MAX;
    const unsynced = new Set([...machine.unsynced].filter(([, atMs]) => atMs > oldestMs).map(([path]) => path));
    machine.unsynced.clear();
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      if (before.get(path) === after.get(path) || !unsynced.has(path)) continue;
      this.onCrash(machine, path, before.get(path), after.get(path));
    }
    for (const [place, was] of hidden) {
      const is = hiddenAfter.get(place);
      if (is !== undefined && is !== was) for (const path of unsynced) this.onAsideCrash(machine, path, was, place);
    }
  }

  /** The machine and its disk are gone for good. */
  lose(machine: MeshPeer): void {
    machine.peer = undefined;
    machine.node.powerLoss();
    machine.isOfThisWorld = false;
  }

  partition(groups: readonly (readonly string[])[]): void {
    this.world.lan.partition(groups.map((group) => group.map((name) => this.world.node(name).host)));
  }

  run(ms: number): Promise<void> {
    return this.scheduler.runFor(ms);
  }

  settle<T>(promise: Promise<T>, limitMs = 180_000): Promise<T> {
    return this.scheduler.settle(promise, limitMs);
  }

  /** Virtual time until `holds`, looked at every `everyMs`; throws with `what` after `limitMs`. */
  async until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 30_000, everyMs = 250): Promise<void> {
    for (let spentMs = 0; spentMs <= limitMs; spentMs += everyMs) {
      if (await holds()) return;
      await this.run(everyMs);
    }
    throw new Error(`not within ${limitMs} ms: ${what}`);
  }
}
