import type { QueryPacket, ResponsePacket } from 'multicast-dns';
import { MeshError } from '../../core/errors.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Announcement, Discovery, Sighting } from '../discovery.ts';
import type { Log } from '../log.ts';
import type { Random } from '../random.ts';
import { chosenInterfaces, type LanInterface } from './interfaces.ts';
import { BROWSE_QUESTION, heardIn } from './mdns-packet.ts';
import { MdnsResponder } from './mdns-responder.ts';
import { MdnsSocket } from './mdns-socket.ts';
import { SightingMemory } from './sighting-memory.ts';

/** Gaps between the first questions; then one each ASK_LATER_MS (RFC 6762 §5.2 asks for growing gaps). */
const ASK_GAPS_MS = [250, 250, 500, 1_000] as const;
const ASK_LATER_MS = 60_000;
/** Each waits up to so much longer than the others: who comes first asks for all. */
const ASK_LATER_JITTER_MS = 20_000;
/** How often the interfaces are looked at: a cable plugged in is noticed within that time. Range 1–60 s. */
const RECHECK_MS = 5_000;

export interface NodeDiscoveryOptions {
  /** Names or addresses of the interfaces to use; undefined: all that reach other machines, else loopback. */
  readonly interfaces?: readonly string[] | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** All that belongs to one interface while it is there. */
interface Station {
  readonly socket: MdnsSocket;
  responder: MdnsResponder | undefined;
  nextAsk: Timer | undefined;
  /** Questions asked, by this peer or in its stead. */
  asked: number;
  /** Settles when the socket is ready or broken, and what was to be said at once is said. */
  readonly started: Promise<void>;
  /** Settles `started`. */
  readonly begun: () => void;
}

/** Discovery by multicast DNS, one socket per interface. Sockets come and go with the interfaces; failures are only logged. */
export class NodeDiscovery implements Discovery {
  readonly #options: NodeDiscoveryOptions;
  readonly #memory: SightingMemory;
  /** By interface name, address and prefix. */
  readonly #stations = new Map<string, Station>();
  /** Interfaces whose failure was told: told once while they are there. */
  readonly #complained = new Set<string>();
  #announcement: Announcement | undefined;
  #sighted: ((sighting: Sighting) => void) | undefined;
  #recheck: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: NodeDiscoveryOptions) {
    this.#options = options;
    this.#memory = new SightingMemory(options.clock);
  }

  /** Resolves when it was said once on every interface that works. Rejects with `closed` after `close`. */
  async announce(announcement: Announcement): Promise<void> {
    this.#assertOpen();
    const replaced = this.#announcement;
    this.#announcement = announcement;
    const goodbye = replaced !== undefined && replaced.instance !== announcement.instance;
    this.#start();
    await Promise.all(
      [...this.#stations.values()].map((station) =>
        station.socket.isReady ? this.#announceBy(station, goodbye) : station.started,
      ),
    );
  }

  /** Resolves when it was asked once on every interface that works. Rejects with `closed` after `close`. */
  async browse(sighted: (sighting: Sighting) => void): Promise<void> {
    this.#assertOpen();
    this.#sighted = sighted;
    this.#start();
    await Promise.all(
      [...this.#stations.values()].map((station) => (station.socket.isReady ? this.#askBy(station) : station.started)),
    );
  }

  refresh(): void {
    if (this.#closing !== undefined) return;
    if (this.#sighted !== undefined) for (const { socket } of this.#stations.values()) void socket.ask();
    this.#start();
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new MeshError('closed', 'discovery is closed');
  }

  async #closeAll(): Promise<void> {
    this.#recheck?.cancel();
    await Promise.all([...this.#stations.keys()].map((key) => this.#drop(key, true)));
  }

  /** Makes sockets for interfaces that came, drops those that went; looks again later. */
  #start(): void {
    this.#recheck?.cancel();
    this.#recheck = this.#options.clock.after(RECHECK_MS, () => this.#start());
    const wanted = new Map(chosenInterfaces(this.#options.interfaces).map((one) => [keyOf(one), one]));
    for (const key of this.#stations.keys()) if (!wanted.has(key)) this.#dropLater(key, false);
    for (const key of this.#complained) if (!wanted.has(key)) this.#complained.delete(key);
    for (const [key, one] of wanted) if (!this.#stations.has(key)) this.#open(key, one);
  }

  #open(key: string, one: LanInterface): void {
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const socket = new MdnsSocket(one, {
      ready: () => {
        this.#options.log.debug('multicast joined', { interface: one.name, address: one.address });
        Promise.all([this.#announceBy(station, false), this.#askBy(station)]).then(begun, begun);
      },
      query: (query, legacy) => {
        station.responder?.query(query, legacy);
        if (legacy === undefined && asksForAll(query)) this.#askedByOther(station);
      },
      response: (response, sender) => this.#hear(response, one, sender),
      broken: (reason) => {
        this.#complain(key, one, reason);
        this.#dropLater(key, false);
      },
    });
    const station: Station = { socket, responder: undefined, nextAsk: undefined, asked: 0, started, begun };
    this.#stations.set(key, station);
  }

  #complain(key: string, one: LanInterface, reason: string): void {
    if (this.#complained.has(key)) return;
    this.#complained.add(key);
    this.#options.log.warn('multicast does not work', { interface: one.name, address: one.address, reason });
  }

  /** Puts the present announcement in place of the one said so far. */
  async #announceBy(station: Station, goodbye: boolean): Promise<void> {
    if (this.#announcement === undefined || !station.socket.isReady) return;
    const { clock, random } = this.#options;
    const replaced = station.responder;
    const responder = new MdnsResponder(station.socket, this.#announcement, clock, random);
    station.responder = responder;
    await replaced?.stop(goodbye);
    await responder.announce();
  }

  /** Asks, and plans the next question. */
  async #askBy(station: Station): Promise<void> {
    if (this.#sighted === undefined || !station.socket.isReady) return;
    this.#planAsk(station);
    await station.socket.ask();
  }

  #planAsk(station: Station): void {
    const { clock, random } = this.#options;
    station.nextAsk?.cancel();
    const gapMs = ASK_GAPS_MS[station.asked++] ?? ASK_LATER_MS + random.integer(ASK_LATER_JITTER_MS);
    station.nextAsk = clock.after(gapMs, () => void this.#askBy(station));
  }

  /**
   * Everybody hears the answers, so the own question counts as asked (RFC 6762 §7.3): of fifty peers one asks in a minute.
   * The first questions are asked by each: somebody who came too late for an answer is to be met soon.
   */
  #askedByOther(station: Station): void {
    if (station.nextAsk !== undefined && station.asked > ASK_GAPS_MS.length) this.#planAsk(station);
  }

  #hear(response: ResponsePacket, by: LanInterface, sender: string): void {
    if (this.#sighted === undefined || this.#closing !== undefined) return;
    const { sightings, gone } = heardIn(response, by, sender);
    for (const instance of gone) this.#memory.forget(instance);
    for (const sighting of sightings) {
      if (sighting.instance !== this.#announcement?.instance && this.#memory.isNews(sighting)) this.#sighted(sighting);
    }
  }

  #dropLater(key: string, goodbye: boolean): void {
    this.#drop(key, goodbye).catch((error: Error) => this.#options.log.debug('multicast socket', { reason: error.message }));
  }

  async #drop(key: string, goodbye: boolean): Promise<void> {
    const station = this.#stations.get(key);
    if (station === undefined) return;
    this.#stations.delete(key);
    station.begun();
    station.nextAsk?.cancel();
    await station.responder?.stop(goodbye);
    await station.socket.close();
  }
}

/** The own question, from somebody who wants all answers: none is held back as known. */
function asksForAll({ questions = [], answers = [] }: QueryPacket): boolean {
  const { name, type } = BROWSE_QUESTION;
  return answers.length === 0 && questions.some((one) => one.type === type && one.name.toLowerCase() === name);
}

function keyOf(one: LanInterface): string {
  return `${one.name} ${one.address}/${one.prefixBits}`;
}
