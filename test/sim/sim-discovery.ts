import type { Timer } from '../../src/platform/clock.ts';
import type { Announcement, Discovery, Sighting } from '../../src/platform/discovery.ts';
import type { Incarnation } from './incarnation.ts';
import type { Host, SimLan } from './sim-lan.ts';
import type { SimRandom } from './sim-random.ts';

/** Contract of Discovery.browse: asks at these, … */
const ASKS_MS = [0, 250, 500, 1_000, 2_000];
/** … and now and then. */
const ASK_AGAIN_MS = 60_000;
/** Announcements of the past that may come back as stale sightings. */
const STALE_MAX = 64;

/** How multicast misbehaves; may be changed while the simulation runs. Rates per sighting and listener. */
export interface AirFaults {
  delayMsMax: number;
  lossRate: number;
  doubleRate: number;
  /** Beside a true sighting, one that was true once: of an instance that is gone. */
  staleRate: number;
  /** Beside a true sighting, one that never was: right tag, addresses of nobody or of another. */
  forgeRate: number;
}

/** Multicast that reaches everybody soon. */
function calmAir(): AirFaults {
  return { delayMsMax: 5, lossRate: 0, doubleRate: 0, staleRate: 0, forgeRate: 0 };
}

/** The multicast of a swarm seed. */
export function drawAir(random: SimRandom): AirFaults {
  const rate = (max: number) => (random.chance(0.5) ? random.between(0, max) : 0);
  return {
    delayMsMax: random.pick([5, 500, 5_000]),
    lossRate: rate(0.5),
    doubleRate: rate(0.5),
    staleRate: rate(0.3),
    forgeRate: rate(0.3),
  };
}

/** The multicast domain of the LAN: who announces, who listens, what passes between. */
export class SimAir {
  faults: AirFaults = calmAir();
  readonly lan: SimLan;
  readonly #ends = new Set<SimDiscovery>();
  readonly #past: Sighting[] = [];

  constructor(lan: SimLan) {
    this.lan = lan;
  }

  enter(end: SimDiscovery): void {
    this.#ends.add(end);
  }

  leave(end: SimDiscovery): void {
    this.#ends.delete(end);
  }

  /** `speaker` tells everybody that it is there. */
  announce(speaker: SimDiscovery): void {
    const sighting = speaker.sighting();
    if (sighting === undefined) return;
    if (!this.#past.some((past) => past.instance === sighting.instance)) this.#past.push(sighting);
    if (this.#past.length > STALE_MAX) this.#past.shift();
    for (const listener of this.#ends) if (listener.isBrowsing) this.#carry(speaker.host, listener, sighting);
  }

  /** `asker` asks who is there; who hears that answers. */
  ask(asker: SimDiscovery): void {
    for (const speaker of [...this.#ends]) {
      const sighting = speaker.sighting();
      if (sighting !== undefined && this.lan.isOpen(asker.host, speaker.host)) this.#carry(speaker.host, asker, sighting);
    }
  }

  /** Has everybody who listens hear `sighting`, whoever invented it. */
  forge(sighting: Sighting): void {
    for (const listener of this.#ends) listener.hear(sighting, 0);
  }

  #carry(from: Host, to: SimDiscovery, sighting: Sighting): void {
    const { random } = to;
    const { delayMsMax, lossRate, doubleRate, staleRate, forgeRate } = this.faults;
    const delay = () => random.between(0, delayMsMax);
    const [isLost, isDoubled, isStale, isForged] = [lossRate, doubleRate, staleRate, forgeRate].map((rate) =>
      random.chance(rate),
    );
    if (!this.lan.isOpen(from, to.host)) return;
    if (!isLost) to.hear(sighting, delay());
    if (isDoubled) to.hear(sighting, delay());
    if (isStale) to.hear(random.pick(this.#past), delay());
    if (isForged) to.hear(forged(sighting, random, this.#past), delay());
  }
}

/** The Discovery of one incarnation. */
export class SimDiscovery implements Discovery {
  readonly host: Host;
  readonly random: SimRandom;
  readonly #incarnation: Incarnation;
  readonly #air: SimAir;
  #announcement: Announcement | undefined;
  #sighted: ((sighting: Sighting) => void) | undefined;
  #timers: Timer[] = [];

  constructor(incarnation: Incarnation, air: SimAir, host: Host, random: SimRandom) {
    this.#incarnation = incarnation;
    this.#air = air;
    this.host = host;
    this.random = random;
    air.enter(this);
    incarnation.onEnd(() => air.leave(this));
  }

  get isBrowsing(): boolean {
    return this.#sighted !== undefined;
  }

  announce(announcement: Announcement): Promise<void> {
    return this.#incarnation.perform(this.random.between(0, 1), false, () => {
      this.#announcement = announcement;
      this.#air.announce(this);
      // RFC 6762 §8.3: twice, a second apart.
      this.#later(1_000, () => this.#air.announce(this));
    });
  }

  browse(sighted: (sighting: Sighting) => void): Promise<void> {
    return this.#incarnation.perform(this.random.between(0, 1), false, () => {
      this.#sighted = sighted;
      for (const delayMs of ASKS_MS) this.#later(delayMs, () => this.refresh());
      this.#askAgain();
    });
  }

  refresh(): void {
    if (this.#sighted !== undefined && !this.#incarnation.isDead) this.#air.ask(this);
  }

  close(): Promise<void> {
    return this.#incarnation.perform(this.random.between(0, 1), true, () => {
      for (const timer of this.#timers) timer.cancel();
      this.#announcement = undefined;
      this.#sighted = undefined;
      this.#air.leave(this);
    });
  }

  /** What others see of this end now; nothing while its process is stopped. */
  sighting(): Sighting | undefined {
    const announcement = this.#announcement;
    if (announcement === undefined || this.#incarnation.isStopped) return undefined;
    const { instance, tag, port } = announcement;
    return { instance, tag, addresses: [`${this.host.ip}:${port}`] };
  }

  /** A sighting that reaches this end after `delayMs`; its own announcement is left out. */
  hear(sighting: Sighting, delayMs: number): void {
    this.#incarnation.after(delayMs, () => {
      if (this.#sighted === undefined || sighting.instance === this.#announcement?.instance) return;
      this.#incarnation.tell(`sighting ${sighting.instance} ${sighting.addresses.join(' ')}`);
      this.#sighted(sighting);
    });
  }

  #askAgain(): void {
    this.#later(ASK_AGAIN_MS, () => {
      this.refresh();
      this.#askAgain();
    });
  }

  #later(delayMs: number, act: () => void): void {
    const timer = this.#incarnation.after(delayMs, () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
      act();
    });
    this.#timers.push(timer);
  }
}

/** Another instance or another place under the tag of a true one: what anybody who heard it can send. */
function forged(sighting: Sighting, random: SimRandom, past: readonly Sighting[]): Sighting {
  const instance = random.chance(0.5) ? Buffer.from(random.bytes(8)).toString('hex') : sighting.instance;
  const addresses = random.chance(0.5)
    ? [`10.0.255.${random.integer(256)}:${1 + random.integer(65_535)}`]
    : random.pick(past).addresses;
  return { instance, tag: sighting.tag, addresses };
}
