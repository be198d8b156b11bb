import type { PeerId } from '../../src/core/ids.ts';
import type { Incarnation } from './incarnation.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimPipe } from './sim-pipe.ts';
import type { SimRandom } from './sim-random.ts';

/** Latency between processes of one machine. */
const LOOPBACK_MS = 0.05;

/** How the cables are; may be changed while the simulation runs. */
export interface Weather {
  /** One way, drawn per segment between these; order within a pipe is kept. */
  latencyMinMs: number;
  latencyMaxMs: number;
  /** Per pipe and direction. */
  bytesPerMs: number;
  /** Per segment: the pipe is reset. TCP never loses silently. */
  resetRate: number;
  /** Per segment: this direction between the two hosts stands still for up to `clogMsMax`. */
  clogRate: number;
  clogMsMax: number;
}

/** A switched gigabit LAN without trouble. */
function calmWeather(): Weather {
  return { latencyMinMs: 0.1, latencyMaxMs: 0.5, bytesPerMs: 110_000, resetRate: 0, clogRate: 0, clogMsMax: 0 };
}

/** The LAN of a swarm seed: each kind of trouble is there or not. */
export function drawWeather(random: SimRandom): Weather {
  const meanMs = random.pick([0.3, 5, 30, 100]);
  return {
    latencyMinMs: 0.1,
    latencyMaxMs: 2 * meanMs,
    bytesPerMs: random.pick([110_000, 10_000, 500]),
    resetRate: random.chance(0.5) ? random.between(0, 0.01) : 0,
    clogRate: random.chance(0.5) ? random.between(0, 0.01) : 0,
    clogMsMax: random.pick([100, 1_000, 5_000]),
  };
}

/** Who takes connections at one port of a host. */
export interface Door {
  readonly incarnation: Incarnation;
  /** Whom the certificate shown at this door names. */
  readonly selfId: PeerId;
  /** Hands this host's end of a new pipe to its process. */
  readonly accept: (pipe: SimPipe) => void;
}

/** One machine on the LAN. */
export interface Host {
  readonly name: string;
  readonly ip: string;
  /** False from a power loss to the next start: it says nothing at all. */
  isUp: boolean;
  readonly doors: Map<number, Door>;
}

/** A pipe as the nemesis sees it. */
export interface Cable {
  readonly hosts: readonly [Host, Host];
  /** Both ends are told at once. */
  reset(): void;
  /** Nothing passes any more and nobody is told: a router forgot the connection. */
  silence(): void;
}

/** The cables between the machines, and all that can happen to them. Directions are apart: a cut may be one-way. */
export class SimLan {
  weather: Weather = calmWeather();
  readonly scheduler: Scheduler;
  readonly #random: SimRandom;
  readonly #hosts = new Map<string, Host>();
  readonly #cuts = new Set<string>();
  readonly #clogs = new Map<string, number>();
  readonly #streams = new Map<string, SimRandom>();
  readonly #cables = new Set<Cable>();
  #pipeCount = 0;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.#random = scheduler.random.fork('lan');
  }

  addHost(name: string): Host {
    const ordinal = this.#hosts.size + 1;
    const host = { name, ip: `10.0.${ordinal >> 8}.${ordinal & 255}`, isUp: true, doors: new Map() };
    this.#hosts.set(host.ip, host);
    return host;
  }

  hostAt(ip: string): Host | undefined {
    return this.#hosts.get(ip);
  }

  /** A name for a pipe between the two that no other pipe has, and its own stream of chance. */
  namePipe(from: Host, to: Host): { name: string; random: SimRandom } {
    this.#pipeCount += 1;
    return { name: `pipe${this.#pipeCount} ${from.name}>${to.name}`, random: this.#random.fork(`pipe/${from.name}>${to.name}`) };
  }

  /** True when a packet sent now would arrive. */
  isOpen(from: Host, to: Host): boolean {
    return from.isUp && to.isUp && !this.#cuts.has(direction(from, to));
  }

  /** How long the next packet takes. */
  latencyMs(from: Host, to: Host): number {
    if (from === to) return LOOPBACK_MS;
    const key = direction(from, to);
    const stream = this.#streams.get(key) ?? this.#random.fork(key);
    this.#streams.set(key, stream);
    const { latencyMinMs, latencyMaxMs, clogRate, clogMsMax } = this.weather;
    if (stream.chance(clogRate)) this.clog(from, to, stream.between(0, clogMsMax));
    const clogMs = (this.#clogs.get(key) ?? 0) - this.scheduler.nowMs;
    return stream.between(latencyMinMs, latencyMaxMs) + Math.max(0, clogMs);
  }

  /** Nothing passes from `from` to `to`; the other direction is as it was. */
  cut(from: Host, to: Host): void {
    this.#tell(`cut ${direction(from, to)}`);
    this.#cuts.add(direction(from, to));
  }

  mend(from: Host, to: Host): void {
    this.#tell(`mend ${direction(from, to)}`);
    this.#cuts.delete(direction(from, to));
  }

  /** Hosts of different groups do not hear one another; who is in no group is alone. Replaces every earlier cut. */
  partition(groups: readonly (readonly Host[])[]): void {
    this.#cuts.clear();
    this.#tell(`partition ${groups.map((group) => group.map((host) => host.name).join(',')).join(' | ')}`);
    const groupOf = (host: Host) => groups.findIndex((group) => group.includes(host));
    for (const from of this.#hosts.values()) {
      for (const to of this.#hosts.values()) {
        const isTogether = from === to || (groupOf(from) >= 0 && groupOf(from) === groupOf(to));
        if (!isTogether) this.#cuts.add(direction(from, to));
      }
    }
  }

  /** No cuts, no clogs. */
  heal(): void {
    this.#tell('heal');
    this.#cuts.clear();
    this.#clogs.clear();
  }

  /** What is sent from `from` to `to` in the next `ms` arrives after them. */
  clog(from: Host, to: Host, ms: number): void {
    this.#clogs.set(direction(from, to), this.scheduler.nowMs + ms);
  }

  /** Resets every pipe between the two. */
  reset(a: Host, b: Host): void {
    this.#tell(`reset ${a.name} ${b.name}`);
    for (const cable of this.#between(a, b)) cable.reset();
  }

  /** Silences the pipes there are between the two; new ones work. */
  silence(a: Host, b: Host): void {
    this.#tell(`silence ${a.name} ${b.name}`);
    for (const cable of this.#between(a, b)) cable.silence();
  }

  /** For pipes: enters one; the function returned takes it out. */
  enter(cable: Cable): () => void {
    this.#cables.add(cable);
    return () => this.#cables.delete(cable);
  }

  #between(a: Host, b: Host): Cable[] {
    return [...this.#cables].filter(({ hosts }) => hosts.includes(a) && hosts.includes(b));
  }

  #tell(what: string): void {
    this.scheduler.trace.line(this.scheduler.nowMs, 'lan', what);
  }
}

function direction(from: Host, to: Host): string {
  return `${from.name}>${to.name}`;
}
