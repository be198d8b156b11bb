import { readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { MeshError } from '../core/errors.ts';
import { isLoopback } from '../wire/remote-host.ts';
import type { WebApp } from './app.ts';
import { reasonOf } from './failures.ts';
import { OneByOne } from './one-by-one.ts';
import { HEAD_MS_MAX, IDLE_MS_MAX, KEEP_ALIVE_MS } from './time-limits.ts';
import type { WebDuty, WebPlace } from './web-options.ts';

/** Bytes of the head of a request: more is refused with 431. Range 4–64 KiB: names of 1 KiB may be escaped to 3. */
const HEAD_BYTES_MAX = 16 * 1024;
/** Headers of one request; more are not read. */
const HEADERS_MAX = 64;
/** Connections at once, in all and from one address: more are closed unread. Range 16–1,024. */
const CONNECTIONS_MAX = 256;
const CONNECTIONS_OF_ADDRESS_MAX = 128;

/** The open door of the page: it listens, and serves once it has a peer. */
export interface WebListener {
  /** Scheme, host and port, as a browser takes it. */
  readonly url: string;
  /** From now on requests are answered; before they are told to come again. */
  serve(duty: WebDuty): void;
  /** Ends all connections and whatever was under way. */
  close(): Promise<void>;
}

/** Takes the place. Rejects with `failed` when it cannot be had. What serves is loaded at the first request: most peers get none. */
export async function listenWeb(place: WebPlace): Promise<WebListener> {
  const isLocal = isLoopback(place.host);
  const options = {
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: HEAD_MS_MAX,
    // Bodies are bounded where they are read: those of large files may take hours.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: HEAD_MS_MAX / 4,
  };
  const server = isLocal ? createServer(options) : await secureServer(options, place.directory);
  server.maxHeadersCount = HEADERS_MAX;
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = IDLE_MS_MAX;
  const host = isLocal ? shownHost(place.host) : await lanHost(place.host);
  const portOf = (): number => (server.address() as AddressInfo).port;
  if (!isLocal) {
    const { sendToTls } = await import('./tls-only.ts');
    sendToTls(server, () => `${host}:${portOf()}`);
  }
  const sockets = boundAddresses(server);
  await listen(server, place);
  return new Listening(server, sockets, place, `${isLocal ? 'http' : 'https'}://${host}:${portOf()}`);
}

/** Whatever leaves this machine is encrypted. Loaded when it is needed: most peers serve the loopback alone. */
async function secureServer(options: ServerOptions, directory: string): Promise<Server> {
  const { webCertificate } = await import('./certificate.ts');
  return createSecureServer({
    ...options,
    ...(await webCertificate(directory)),
    minVersion: 'TLSv1.2',
    handshakeTimeout: HEAD_MS_MAX,
  });
}

/** What others put into their browsers: of a place that is every address, the usual one of this machine. */
async function lanHost(host: string): Promise<string> {
  if (host !== '0.0.0.0' && host !== '::') return shownHost(host);
  const { ownAddresses } = await import('./certificate.ts');
  return shownHost(ownAddresses()[0] ?? '127.0.0.1');
}

function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

class Listening implements WebListener {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #place: WebPlace;
  #app: Promise<WebApp> | undefined;
  #duty: WebDuty | undefined;
  #isClosed = false;
  readonly #oneByOne = new OneByOne();

  constructor(server: Server, sockets: ReadonlySet<Socket>, place: WebPlace, url: string) {
    this.#server = server;
    this.#sockets = sockets;
    this.#place = place;
    this.url = url;
    server.on('request', (request, response) => {
      this.#oneByOne.take(request, response, () => this.#take(request, response));
    });
  }

  serve(duty: WebDuty): void {
    this.#duty = duty;
    // What an earlier process left of uploads expires, though nobody comes.
    readdir(join(this.#place.directory, 'uploads')).then(
      (names) => {
        if (names.length > 0 && !this.#isClosed) this.#start(duty).catch(() => undefined);
      },
      () => undefined,
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await (await this.#app?.catch(() => undefined))?.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const duty = this.#duty;
    if (duty === undefined) {
      response
        .writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain' })
        .end('the peer starts; come again in a moment\n');
      return;
    }
    this.#start(duty).then(
      (app) => {
        // Whoever went meanwhile is not heard of again.
        if (!response.destroyed) app.handle(request, response);
      },
      ({ code = 'failed' }: NodeJS.ErrnoException) =>
        response
          .writeHead(503, { 'retry-after': '10', 'content-type': 'text/plain', connection: 'close' })
          .end(`the page cannot be served (${code}): look at the disk of this peer, then come again\n`),
    );
  }

  /** One that failed is forgotten: whoever comes next tries again. */
  #start(duty: WebDuty): Promise<WebApp> {
    this.#app ??= this.#load(duty).catch((thrown) => {
      this.#app = undefined;
      duty.log.error('the page cannot be served', { reason: reasonOf(thrown) });
      throw thrown;
    });
    return this.#app;
  }

  async #load(duty: WebDuty): Promise<WebApp> {
    const { makeApp } = await import('./app.ts');
    const isSecure = this.url.startsWith('https:');
    return await makeApp(duty, { url: this.url, isSecure, directory: this.#place.directory, server: this.#server });
  }
}

/** Lets no address have too many connections; gives those that are open. */
function boundAddresses(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (counts.get(address) ?? 0) + 1;
    if (count > CONNECTIONS_OF_ADDRESS_MAX) {
      socket.destroy();
      return;
    }
    counts.set(address, count);
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      const left = (counts.get(address) ?? 1) - 1;
      if (left > 0) counts.set(address, left);
      else counts.delete(address);
    });
  });
  return sockets;
}

async function listen(server: Server, { host, port, portsBehind }: WebPlace): Promise<void> {
  for (let offset = 0; ; offset++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port: port === 0 ? 0 : port + offset, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return;
    } catch (cause) {
      const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (isTaken && offset < portsBehind) continue;
      const why = isTaken ? 'the port is taken' : (cause as Error).message;
      throw new MeshError('failed', `the page cannot be served on ${host}:${port}: ${why}; --http names another place, or off`, {
        cause,
      });
    }
  }
}
