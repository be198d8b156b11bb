import type { RemoteInfo } from 'node:dgram';
import multicastDns, { type QueryPacket, type ResponsePacket } from 'multicast-dns';
import { isNeighbour, type LanInterface } from './interfaces.ts';
import { type Answer, BROWSE_QUESTION, PACKET_BYTES_MAX, type Reply } from './mdns-packet.ts';

/** The port of multicast DNS; a query from another one comes from a plain resolver (RFC 6762 §6.7). */
export const MDNS_PORT = 5353;

/** Where a plain resolver asked from, and the number it must find again in the answer. */
export interface LegacyAsker {
  readonly address: string;
  /** 1…65535. */
  readonly port: number;
  readonly id: number;
}

export interface MdnsSocketEvents {
  /** The socket joined the group and may send. */
  ready(): void;
  /** Somebody in this subnet asks; `legacy` is set when the answer goes to them alone. */
  query(query: QueryPacket, legacy: LegacyAsker | undefined): void;
  response(response: ResponsePacket, sender: string): void;
  /** It cannot be used (any more): close it and try anew later. */
  broken(reason: string): void;
}

/**
 * One multicast DNS socket that speaks and hears on one interface only. Nothing is sent before the interface is set:
 * a packet never leaves by another one.
 */
export class MdnsSocket {
  readonly interface: LanInterface;
  readonly #events: MdnsSocketEvents;
  readonly #mdns: multicastDns.MulticastDNS;
  /** Settles when binding has succeeded or failed. */
  readonly #bound: Promise<void>;
  #joined = false;
  #ready = false;
  #over = false;

  constructor(one: LanInterface, events: MdnsSocketEvents) {
    this.interface = one;
    this.#events = events;
    // Bound to its address alone it would hear no multicast on Linux; bound to all, `#isFromHere` sorts out.
    this.#mdns = multicastDns({ interface: one.address, bind: '0.0.0.0', reuseAddr: true });
    // A warning after the start is somebody's broken packet; before it, a group that could not be joined.
    this.#mdns.on('warning', (error) => {
      if (!this.#ready) this.#break(error);
    });
    this.#mdns.on('error', (error) => this.#break(error));
    this.#bound = new Promise((resolve) => {
      this.#mdns.once('ready', resolve);
      this.#mdns.once('error', () => resolve());
    });
    this.#mdns.on('networkInterface', () => {
      this.#joined = true;
    });
    this.#mdns.on('ready', () => {
      if (this.#over) return;
      if (!this.#joined) return this.#break(new Error('the multicast group could not be joined'));
      this.#ready = true;
      events.ready();
    });
    this.#mdns.on('query', (query, sender) => this.#onQuery(query, sender));
    this.#mdns.on('response', (response, sender) => {
      // RFC 6762 §6: responses from any other port are not multicast DNS.
      if (sender.port === MDNS_PORT && this.#isFromHere(sender)) events.response(response, sender.address);
    });
  }

  get isReady(): boolean {
    return this.#ready && !this.#over;
  }

  /** Asks who is there. Resolves when it is handed to the system; never rejects. */
  ask(): Promise<void> {
    return this.#sent((done) => this.#mdns.query({ questions: [BROWSE_QUESTION] }, done));
  }

  /** Tells everybody. Resolves when it is handed to the system; never rejects. */
  tell(answers: Answer[], additionals: Answer[] = []): Promise<void> {
    return this.#sent((done) => this.#mdns.respond({ answers, additionals }, done));
  }

  /** Tells one plain resolver. Whether that works says nothing of the interface: the address may be forged. */
  tellOne({ address, port, id }: LegacyAsker, reply: Reply): void {
    if (this.isReady) this.#mdns.respond({ id, ...reply }, { address, port }, () => undefined);
  }

  /** Resolves when the socket is gone. Nothing is told after it is called. */
  async close(): Promise<void> {
    this.#over = true;
    // Destroyed while it binds, multicast-dns 7.2.5 would start its interval afterwards and never end it.
    await this.#bound;
    await new Promise((resolve) => this.#mdns.destroy(() => resolve(undefined)));
  }

  #onQuery(query: QueryPacket, sender: RemoteInfo): void {
    if (!this.#isFromHere(sender)) return;
    const { address, port } = sender;
    // Port 0 can be forged, and nothing can be sent there.
    if (port === 0) return;
    this.#events.query(query, port === MDNS_PORT ? undefined : { address, port, id: query.id ?? 0 });
  }

  #isFromHere(sender: RemoteInfo): boolean {
    return this.isReady && sender.size <= PACKET_BYTES_MAX && isNeighbour(this.interface, sender.address);
  }

  #sent(send: (done: (error: Error | null) => void) => void): Promise<void> {
    if (!this.isReady) return Promise.resolve();
    return new Promise((resolve) => {
      send((error) => {
        // ENETUNREACH and its like: the interface went, and the next look at the interfaces will show it.
        if (error) this.#break(error);
        resolve();
      });
    });
  }

  #break(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.broken(error.message);
  }
}
