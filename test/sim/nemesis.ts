import type { FilePath } from '../../src/core/ids.ts';
import type { History } from './history.ts';
import type { Mesh, MeshPeer } from './mesh.ts';
import { stateOf } from './mesh-state.ts';
import type { SimRandom } from './sim-random.ts';
import type { CrashMode } from './sim-volume-crash.ts';

/** A clock that jumps goes so far either way. */
const CLOCK_JUMP_MS = 2 * 86_400_000;
/** How long a trouble with an end of its own lasts. */
const TROUBLE_MS_MAX = 8_000;
/** How long a peer stays away after a crash: a moment, as a rule; some return long after. */
const AWAY_MS = [300, 2_000, 2_000, 8_000, 40_000] as const;
/** A trap ties a fault to what a machine does next: these words of its trace. */
const TRAPS = ['store ', 'disk link', 'disk rename', 'disk unlink', 'disk sync', 'log info'] as const;

type Kind =
  | 'partition'
  | 'one-way'
  | 'heal'
  | 'clog'
  | 'reset'
  | 'silence'
  | 'kill'
  | 'power'
  | 'stop'
  | 'clock'
  | 'trap'
  | 'acknowledged'
  | 'full'
  | 'store-full'
  | 'unmount'
  | 'client'
  | 'restore';
const KINDS: readonly Kind[] = [
  'partition',
  'one-way',
  'clog',
  'reset',
  'silence',
  'kill',
  'power',
  'stop',
  'clock',
  'trap',
  'acknowledged',
  'full',
  'store-full',
  'unmount',
  'client',
  'restore',
];

export interface NemesisOptions {
  readonly mesh: Mesh;
  readonly history: History;
  readonly random: SimRandom;
  /** Disks that may be lost or put back to an earlier state in this seed: fewer than R. */
  readonly lossesMax: number;
}

/** Does harm: which kinds, and how often, is drawn from the seed (swarm testing, Groce et al. 2012). */
export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #kinds: readonly Kind[];
  readonly #pauseMs: number;
  readonly #unwatch: (() => void)[] = [];
  /** Armed by `acknowledged`: the next acknowledgement is answered by a fault. */
  #isArmed = false;
  #isStopped = false;
  #losses = 0;

  constructor(options: NemesisOptions) {
    this.#options = options;
    const { random } = options;
    const drawn = KINDS.filter(() => random.chance(0.45));
    // What is cut is mended now and then, whatever else happens.
    this.#kinds = [...drawn, 'heal', 'heal'];
    this.#pauseMs = random.pick([1_000, 3_000, 8_000]);
  }

  /** Disks lost or put back so far. */
  get losses(): number {
    return this.#losses;
  }

  /** The kinds of harm this seed has, in words. */
  get plan(): string {
    return `${[...new Set(this.#kinds)].join(' ')} every ${this.#pauseMs} ms`;
  }

  start(): void {
    const { mesh, random, history } = this.#options;
    history.onAcknowledged = () => {
      if (!this.#isArmed || this.#isStopped) return;
      this.#isArmed = false;
      const machine = random.pick(mesh.peers);
      const isSite = random.chance(0.4);
      mesh.scheduler.outside.after(random.pick([0, 0, 1, 20]), () => {
        for (const one of isSite ? mesh.peers : [machine]) this.#power(one);
      });
    };
    this.#next();
  }

  /** No more harm is begun; what has an end of its own still ends. */
  stop(): void {
    this.#isStopped = true;
    this.#options.history.onAcknowledged = () => {};
    for (const unwatch of this.#unwatch) unwatch();
  }

  /** Everything that can be undone is undone: the cables, the clocks' running, the disks' moods; all peers run. */
  heal(): void {
    this.stop();
    const { mesh } = this.#options;
    mesh.world.calm();
    mesh.world.lan.heal();
    for (const machine of mesh.survivors) {
      const { drive, store } = machine.node;
      drive.trouble = 'none';
      drive.mount();
      drive.faults = { ...drive.faults, latencyMaxMs: Math.min(drive.faults.latencyMaxMs, 20), hintLossRate: 0 };
      drive.volume.capacityBytes = Math.max(drive.volume.capacityBytes, 1024 ** 3);
      store.faults = { ...store.faults, isFull: false, batchErrorRate: 0 };
      machine.node.cont();
      mesh.start(machine);
    }
    for (const client of mesh.clients) client.node.cont();
  }

  /** The end of the world before healing: the power of all is cut, as a rule, and some disks do not come back. */
  doom(lost: number): void {
    const { mesh, random } = this.#options;
    const isSite = lost === 0 || random.chance(0.6);
    if (isSite) for (const machine of mesh.survivors) this.#cut(machine, 'journal');
    for (const machine of random.shuffled(mesh.survivors).slice(0, lost)) {
      this.#losses += 1;
      mesh.lose(machine);
    }
  }

  #next(): void {
    const { mesh, random } = this.#options;
    mesh.scheduler.outside.after(random.between(50, 2 * this.#pauseMs), () => {
      if (this.#isStopped) return;
      this.#strike(random.pick(this.#kinds), random.pick(mesh.peers), random.pick(mesh.peers));
      this.#next();
    });
  }

  #strike(kind: Kind, machine: MeshPeer, other: MeshPeer): unknown {
    const { mesh, random } = this.#options;
    const { lan } = mesh.world;
    const { node } = machine;
    this.#tell(`${kind} ${machine.name} ${other.name}`);
    switch (kind) {
      case 'partition':
        return this.#partition();
      case 'one-way':
        return machine === other ? undefined : lan.cut(node.host, other.node.host);
      case 'heal':
        return lan.heal();
      case 'clog':
        return lan.clog(node.host, other.node.host, random.between(0, 5_000));
      case 'reset':
        return lan.reset(node.host, other.node.host);
      case 'silence':
        return lan.silence(node.host, other.node.host);
      case 'kill':
        mesh.kill(machine);
        return this.#startLater(machine);
      case 'power':
        return this.#power(machine);
      case 'stop':
        node.stop();
        return this.#later(() => node.cont());
      case 'clock':
        node.wall.offsetMs += random.between(-CLOCK_JUMP_MS, CLOCK_JUMP_MS);
        break;
      case 'trap':
        return this.#trap(machine);
      case 'acknowledged':
        this.#isArmed = true;
        break;
      case 'full':
        node.drive.volume.capacityBytes = node.drive.volume.usedBytes + random.integer(2_000);
        return this.#later(() => this.#giveRoom(machine));
      case 'store-full':
        node.store.faults = random.chance(0.5)
          ? { ...node.store.faults, isFull: true }
          : { ...node.store.faults, batchErrorRate: 0.3 };
        this.#later(() => {
          node.store.faults = { ...node.store.faults, isFull: false, batchErrorRate: 0 };
        });
        return;
      case 'unmount':
        return this.#hideFolder(machine);
      case 'client':
        return random.pick(mesh.clients).kill();
      case 'restore':
        return this.#restore(machine);
    }
  }

  #partition(): void {
    const { mesh, random } = this.#options;
    const hosts = random.shuffled(mesh.world.nodes.map((node) => node.host));
    const cut = 1 + random.integer(hosts.length - 1);
    mesh.world.lan.partition([hosts.slice(0, cut), hosts.slice(cut)]);
  }

  #power(machine: MeshPeer): void {
    if (!machine.isOfThisWorld) return;
    this.#cut(machine, this.#options.random.pick(['journal', 'hostile']));
    this.#startLater(machine);
  }

  #cut(machine: MeshPeer, mode: CrashMode): void {
    this.#options.mesh.powerLoss(machine, mode);
  }

  /** The machine dies just when it has done, or is about to do, one of the things its promises are made of. */
  #trap(machine: MeshPeer): void {
    const { mesh, random } = this.#options;
    const word = random.pick(TRAPS);
    const how = random.pick(['kill', 'power', 'power']);
    let isSprung = false;
    const unwatch = mesh.scheduler.trace.watch((line) => {
      const [, who, ...rest] = line.split(' ');
      if (isSprung || who?.startsWith(`${machine.name}#`) !== true || !rest.join(' ').startsWith(word)) return;
      isSprung = true;
      unwatch();
      mesh.scheduler.outside.after(random.pick([0, 0, 0.5, 5]), () => {
        if (this.#isStopped) return;
        this.#tell(`trap ${machine.name}: ${word}`);
        if (how === 'power') return this.#power(machine);
        mesh.kill(machine);
        this.#startLater(machine);
      });
    });
    this.#unwatch.push(unwatch);
  }

  #hideFolder(machine: MeshPeer): void {
    const { drive } = machine.node;
    const how = this.#options.random.pick(['unmount', 'missing', 'unreadable'] as const);
    if (how === 'unmount') drive.unmount();
    else drive.trouble = how;
    this.#later(() => {
      drive.trouble = 'none';
      drive.mount();
    });
  }

  /** The machine gets back the disk and the store it had a while before. */
  #restore(machine: MeshPeer): void {
    const { mesh, random, lossesMax } = this.#options;
    if (this.#losses >= lossesMax) return;
    this.#losses += 1;
    const image = machine.node.snapshot();
    mesh.scheduler.outside.after(random.between(1_000, 30_000), () => {
      if (this.#isStopped) return;
      this.#tell(`restore ${machine.name}`);
      mesh.kill(machine);
      machine.node.restore(image);
      machine.wasRestored = true;
      this.#noteUnrecorded(machine).catch((thrown: unknown) => mesh.scheduler.fail(thrown));
      this.#startLater(machine);
    });
  }

  /** Files of an image that its store does not know of yet are put there anew by whoever restored it. */
  async #noteUnrecorded(machine: MeshPeer): Promise<void> {
    const { catalog, plain } = await stateOf(machine.node);
    for (const [path, hash] of plain) {
      const isRecorded = catalog.own(path as FilePath).some(({ version }) => version.kind === 'file' && version.hash === hash);
      if (!isRecorded) this.#options.history.folder(machine.name, 'restored', [{ path, reads: [], makes: hash }]);
    }
  }

  #giveRoom(machine: MeshPeer): void {
    machine.node.drive.volume.capacityBytes = 1024 ** 3;
  }

  #startLater(machine: MeshPeer): void {
    const { mesh, random } = this.#options;
    mesh.scheduler.outside.after(random.between(10, random.pick(AWAY_MS)), () => mesh.start(machine));
  }

  #later(act: () => void): void {
    const { mesh, random } = this.#options;
    mesh.scheduler.outside.after(random.between(100, TROUBLE_MS_MAX), act);
  }

  #tell(what: string): void {
    const { scheduler } = this.#options.mesh;
    scheduler.trace.line(scheduler.nowMs, 'nemesis', what);
  }
}
