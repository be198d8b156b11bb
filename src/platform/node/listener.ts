import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { MeshError } from '../../core/errors.ts';
import type { Log } from '../log.ts';
import type { Address, Listener, ListenOptions } from '../network.ts';
import { chosenInterfaces, interfaceNames } from './interfaces.ts';
import type { Identity } from './node-identity.ts';
import { ALPN, provedId, TlsPipe } from './tls-pipe.ts';
import { UNPROVED_MS_MAX, UnprovedSockets } from './unproved-sockets.ts';

/** Ports tried one after the other from the one asked for; then any. Range 1–1,024. */
const PORTS_TRIED_MAX = 64;
/** Tries of "any port" when it must be free on several addresses at once. */
const ANY_PORT_TRIES_MAX = 8;
const LOOPBACK = '127.0.0.1';
const EVERYWHERE = '0.0.0.0';
/** How often the allowed interfaces are looked at again: addresses come and go. Range 1–60 s. */
const RECHECK_MS = 5_000;

export interface ListenerOptions extends ListenOptions {
  readonly identity: Identity;
  /** Names or addresses; undefined: listen everywhere. */
  readonly interfaces: readonly string[] | undefined;
  readonly log: Log;
}

/** Listens with TLS: on every interface, or on the allowed ones and loopback (for local clients), all on one port. */
export class TlsListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #unproved = new UnprovedSockets();
  /** By the address listened on. */
  readonly #servers = new Map<string, Server>();
  #port = 0;
  #recheck: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Resolves when it listens. Rejects with `usage` when no interface is one of the allowed, `failed` otherwise. */
  static async open(options: ListenerOptions): Promise<TlsListener> {
    const listener = new TlsListener(options);
    await listener.#start();
    return listener;
  }

  get port(): number {
    return this.#port;
  }

  addresses(): Address[] {
    const chosen = chosenInterfaces(this.#options.interfaces);
    const outward = chosen.filter((one) => !one.internal);
    const inward = chosen.filter((one) => one.internal);
    const addresses = [...outward, ...inward].map((one) => `${one.address}:${this.#port}`);
    return addresses.length > 0 ? addresses : [`${LOOPBACK}:${this.#port}`];
  }

  /** Takes nobody any more; pipes already handed out live on. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#recheck);
    // Not awaited: Node calls a server closed only when its last connection is.
    this.#closeServers();
    this.#unproved.close();
  }

  async #start(): Promise<void> {
    const { interfaces, port } = this.#options;
    if (interfaces !== undefined && chosenInterfaces(interfaces).length === 0) {
      const words = `no network interface here is ${interfaces.join(' or ')}; there are: ${interfaceNames().join(', ')}`;
      throw new MeshError('usage', words);
    }
    for (const candidate of candidatePorts(port)) {
      if (await this.#listenAt(candidate)) {
        if (interfaces !== undefined) this.#recheck = setInterval(() => this.#followInterfaces(), RECHECK_MS).unref();
        return;
      }
    }
    throw new MeshError('failed', `no free port found from ${port} on; --port names another`);
  }

  #wantedHosts(): string[] {
    const { interfaces } = this.#options;
    if (interfaces === undefined) return [EVERYWHERE];
    return [...new Set([...chosenInterfaces(interfaces).map((one) => one.address), LOOPBACK])];
  }

  /** False when the port is taken on one of the addresses: then nothing listens. */
  async #listenAt(port: number): Promise<boolean> {
    this.#port = port;
    try {
      for (const host of this.#wantedHosts()) {
        const server = await this.#listenOn(host, this.#port);
        this.#servers.set(host, server);
        this.#port = portOf(server);
      }
      return true;
    } catch (error) {
      this.#closeServers();
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
      throw new MeshError('failed', `cannot listen on port ${port}: ${(error as Error).message}`, { cause: error });
    }
  }

  #listenOn(host: string, port: number): Promise<Server> {
    const { identity, log } = this.#options;
    const server = createServer({
      key: identity.keyPem,
      cert: identity.certificatePem,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      requestCert: true,
      // Nobody signs these certificates; `provedId` looks at the key itself.
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN],
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: UNPROVED_MS_MAX,
      noDelay: true,
    });
    server.on('connection', (socket: Socket) => this.#unproved.add(socket));
    server.on('secureConnection', (socket) => this.#shown(socket));
    server.on('tlsClientError', (error, socket) => {
      log.debug('handshake failed', { from: socket.remoteAddress, reason: error.message });
      socket.destroy();
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        // Out of file descriptors, for one: the next connection may find some again.
        server.on('error', (error) => log.warn('accepting failed', { host, reason: error.message }));
        resolve(server);
      });
    });
  }

  /** A handshake is done. Anybody can do one: the place is given back when the user of the pipe has admitted the other end. */
  #shown(socket: TLSSocket): void {
    const proved = provedId(socket);
    if (this.#closed || 'refused' in proved) {
      this.#unproved.release(socket);
      socket.on('error', () => undefined);
      socket.destroy();
      if ('refused' in proved)
        this.#options.log.debug('connection refused', { from: socket.remoteAddress, reason: proved.refused });
      return;
    }
    const from = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#options.accept(new TlsPipe(socket, proved.id, from), () => this.#unproved.release(socket));
  }

  /** Listens on what came, lets go of what went; what fails is tried again at the next look. */
  #followInterfaces(): void {
    const wanted = this.#wantedHosts();
    for (const [host, server] of this.#servers) {
      if (wanted.includes(host)) continue;
      this.#servers.delete(host);
      server.close();
    }
    for (const host of wanted) {
      if (this.#servers.has(host)) continue;
      this.#listenOn(host, this.#port).then(
        (server) => {
          if (this.#closed || this.#servers.has(host)) server.close();
          else this.#servers.set(host, server);
        },
        (error: Error) => this.#options.log.debug('cannot listen yet', { host, reason: error.message }),
      );
    }
  }

  #closeServers(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }
}

function candidatePorts(asked: number): number[] {
  const ports: number[] = [];
  for (let port = asked; asked > 0 && port < asked + PORTS_TRIED_MAX && port <= 65_535; port++) ports.push(port);
  return [...ports, ...Array<number>(ANY_PORT_TRIES_MAX).fill(0)];
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
