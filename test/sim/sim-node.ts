import { createHash } from 'node:crypto';
import { invariant } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Platform } from '../../src/platform/platform.ts';
import { Incarnation } from './incarnation.ts';
import { SimClock, type WallClock, wallMs } from './sim-clock.ts';
import { type SimAir, SimDiscovery } from './sim-discovery.ts';
import { SimDisk } from './sim-disk.ts';
import { SimDrive } from './sim-drive.ts';
import { SimHasher } from './sim-hasher.ts';
import type { Host, SimLan } from './sim-lan.ts';
import { SimLog } from './sim-log.ts';
import { SimNetwork } from './sim-network.ts';
import type { SimRandom } from './sim-random.ts';
import { StoreFile } from './sim-store.ts';
import type { Volume } from './sim-volume.ts';
import type { CrashMode } from './sim-volume-crash.ts';

/** Everything one start of a program gets; the disk as the class it is, for what a nemesis does to its watcher. */
export interface SimPlatform extends Platform {
  readonly disk: SimDisk;
}

/** Images of disk and store of one moment, as a backup keeps them. */
export interface NodeImage {
  readonly volume: Volume;
  readonly store: ReadonlyMap<string, Uint8Array>;
}

/**
 * One simulated machine with one program on it. The machine outlives the program: identity, drive, store, wall clock.
 * Each `start` is a new incarnation on what the last one left.
 */
export class SimNode {
  readonly name: string;
  readonly id: PeerId;
  readonly host: Host;
  readonly drive: SimDrive;
  readonly store: StoreFile;
  /** What this machine believes the time is; set `offsetMs` to make it jump. */
  readonly wall: WallClock = { offsetMs: 0 };
  readonly #lan: SimLan;
  readonly #air: SimAir;
  readonly #random: SimRandom;
  #incarnation: Incarnation | undefined;
  #starts = 0;

  constructor(name: string, lan: SimLan, air: SimAir, options: { capacityBytes?: number } = {}) {
    const { scheduler } = lan;
    this.name = name;
    this.#lan = lan;
    this.#air = air;
    this.#random = scheduler.random.fork(`node/${name}`);
    this.id = createHash('sha256').update(`${scheduler.seed}/${name}`).digest('hex') as PeerId;
    this.host = lan.addHost(name);
    const clock = { nowMs: () => scheduler.nowMs, wallMs: () => wallMs(this.wall, scheduler.nowMs) };
    this.drive = new SimDrive(this.#random.fork('drive'), clock, options.capacityBytes);
    this.store = new StoreFile(this.#random.fork('store'));
  }

  /** The program that runs or is stopped; undefined when none does. */
  get incarnation(): Incarnation | undefined {
    return this.#incarnation;
  }

  /** Starts the program anew. None may run. */
  start(): SimPlatform {
    invariant(this.#incarnation === undefined, `${this.name} runs already`);
    this.#starts += 1;
    this.host.isUp = true;
    const name = `${this.name}#${this.#starts}`;
    const random = this.#random.fork(name);
    const incarnation = new Incarnation(this.#lan.scheduler, name, random.fork('ties'));
    this.#incarnation = incarnation;
    incarnation.tell('start');
    return {
      clock: new SimClock(incarnation, this.wall),
      random: random.fork('program'),
      network: new SimNetwork(incarnation, this.#lan, this.host, this.id, random.fork('network')),
      discovery: new SimDiscovery(incarnation, this.#air, this.host, random.fork('discovery')),
      disk: new SimDisk(incarnation, this.drive, random.fork('disk')),
      store: this.store.open(incarnation),
      hasher: new SimHasher(incarnation, random.fork('hasher')),
      log: new SimLog(incarnation),
    };
  }

  /** SIGKILL: the kernel lives, so what was written stays and the sockets are closed. */
  kill(): void {
    this.#end('kill');
  }

  /** The power is cut: unsynced data and names may be lost, and nobody is told. Also ends nothing when nothing runs. */
  powerLoss(mode: CrashMode = 'journal'): void {
    this.host.isUp = false;
    this.#end('power loss');
    const lost = this.drive.crash(mode);
    this.#lan.scheduler.trace.line(this.#lan.scheduler.nowMs, this.name, `after the power loss: ${lost}`);
  }

  /** SIGSTOP and SIGCONT. */
  stop(): void {
    this.#incarnation?.tell('stop');
    this.#incarnation?.stop();
  }

  cont(): void {
    this.#incarnation?.cont();
    this.#incarnation?.tell('cont');
  }

  snapshot(): NodeImage {
    return { volume: this.drive.snapshot(), store: this.store.snapshot() };
  }

  /** Puts an old image back. Nothing may run. */
  restore(image: NodeImage): void {
    invariant(this.#incarnation === undefined, `${this.name} runs`);
    this.drive.restore(image.volume);
    this.store.restore(image.store);
  }

  /** A new disk: folder and store are gone, the identity too unless the caller keeps it elsewhere. Nothing may run. */
  wipe(): void {
    invariant(this.#incarnation === undefined, `${this.name} runs`);
    this.drive.wipe();
    this.store.restore(new Map());
  }

  #end(how: string): void {
    this.#incarnation?.tell(how);
    this.#incarnation?.end();
    this.#incarnation = undefined;
  }
}
