import { invariant } from '../../src/core/errors.ts';
import { Scheduler } from './scheduler.ts';
import { drawAir, SimAir } from './sim-discovery.ts';
import { drawDisk } from './sim-disk-faults.ts';
import { drawWeather, SimLan } from './sim-lan.ts';
import { SimNode } from './sim-node.ts';

/** How much trouble the seed draws: none, or a swarm of it (which kinds and how much is drawn too). */
export type Profile = 'calm' | 'swarm';

export interface WorldOptions {
  readonly profile?: Profile;
  readonly keepAllLines?: boolean;
}

/** A whole LAN from one seed: machines, cables, multicast, on one virtual clock. */
export class SimWorld {
  readonly scheduler: Scheduler;
  readonly lan: SimLan;
  readonly air: SimAir;
  readonly #profile: Profile;
  readonly #nodes = new Map<string, SimNode>();

  constructor(seed: string, options: WorldOptions = {}) {
    this.scheduler = new Scheduler(seed, { keepAllLines: options.keepAllLines ?? false });
    this.lan = new SimLan(this.scheduler);
    this.air = new SimAir(this.lan);
    this.#profile = options.profile ?? 'calm';
    if (this.#profile === 'swarm') {
      this.lan.weather = drawWeather(this.scheduler.random.fork('draw/lan'));
      this.air.faults = drawAir(this.scheduler.random.fork('draw/air'));
    }
  }

  /** All machines, in the order in which they were added. */
  get nodes(): readonly SimNode[] {
    return [...this.#nodes.values()];
  }

  addNode(name: string, options: { capacityBytes?: number } = {}): SimNode {
    invariant(!this.#nodes.has(name), `there is a ${name} already`);
    const node = new SimNode(name, this.lan, this.air, options);
    if (this.#profile === 'swarm') node.drive.faults = drawDisk(this.scheduler.random.fork(`draw/disk/${name}`));
    this.#nodes.set(name, node);
    return node;
  }

  node(name: string): SimNode {
    const node = this.#nodes.get(name);
    invariant(node !== undefined, `there is no ${name}`);
    return node;
  }

  /** Ends the faults that come by themselves; what was cut, killed or flipped stays so. */
  calm(): void {
    this.lan.weather = { ...this.lan.weather, resetRate: 0, clogRate: 0 };
    this.air.faults = { ...this.air.faults, lossRate: 0, staleRate: 0, forgeRate: 0 };
    for (const { drive, store } of this.#nodes.values()) {
      drive.faults = { ...drive.faults, readErrorRate: 0, writeErrorRate: 0, syncErrorRate: 0, bitFlipRate: 0, hintLossRate: 0 };
      store.faults = { ...store.faults, isFull: false, batchErrorRate: 0 };
    }
  }
}
