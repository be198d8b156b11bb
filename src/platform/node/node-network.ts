import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import type { Log } from '../log.ts';
import type { Address, Listener, ListenOptions, Network, Pipe } from '../network.ts';
import { TlsListener } from './listener.ts';
import type { Identity } from './node-identity.ts';
import { ReadBlock } from './read-block.ts';
import { ALPN, provedId, TlsPipe } from './tls-pipe.ts';

/** From the first packet to the end of the handshake, name look-up included. */
const DIAL_MS_MAX = 5_000;

export interface NodeNetworkOptions {
  readonly identity: Identity;
  /** Names or addresses of interfaces to listen on, loopback always among them; undefined: all. */
  readonly interfaces?: readonly string[] | undefined;
  readonly log: Log;
}

/**
 * The Network over TCP and TLS 1.3: both ends show self-signed certificates, the key of a certificate is the identity.
 * Sessions are never resumed: the dialler keeps none, the listener gives no tickets.
 */
export class NodeNetwork implements Network {
  readonly selfId: PeerId;
  readonly #options: NodeNetworkOptions;
  readonly #context: SecureContext;

  constructor(options: NodeNetworkOptions) {
    this.selfId = options.identity.id;
    this.#options = options;
    this.#context = createSecureContext({
      key: options.identity.keyPem,
      cert: options.identity.certificatePem,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
    });
  }

  listen(options: ListenOptions): Promise<Listener> {
    const { identity, interfaces, log } = this.#options;
    return TlsListener.open({ ...options, identity, interfaces, log });
  }

  dial(address: Address, expected?: PeerId): Promise<Pipe> {
    const target = splitAddress(address);
    if (target === undefined) return Promise.reject(new MeshError('unreachable', `${address} is no HOST:PORT`));
    return new Promise((resolve, reject) => {
      const block = new ReadBlock();
      const socket = connect({
        ...target,
        ...block.options,
        secureContext: this.#context,
        ALPNProtocols: [ALPN],
        // No name is told to whoever listens on the wire, and none is checked.
        servername: '',
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      });
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        socket.off('secureConnect', greet);
        socket.off('close', lost);
        act();
      };
      const refuse = (error: MeshError): void =>
        settle(() => {
          socket.destroy();
          reject(error);
        });
      const greet = (): void => {
        const pipe = pipeTo(socket, block, address, expected);
        if (pipe instanceof MeshError) refuse(pipe);
        else settle(() => resolve(pipe));
      };
      let reason = 'the connection was closed';
      const lost = (): void => refuse(new MeshError('unreachable', `${address} cannot be reached: ${reason}`));
      const timer = setTimeout(() => {
        reason = `no answer within ${DIAL_MS_MAX} ms`;
        lost();
      }, DIAL_MS_MAX);
      // Stays for good: an error without a listener would end the process.
      socket.on('error', (error) => {
        reason = error.message;
      });
      socket.on('secureConnect', greet);
      socket.on('close', lost);
    });
  }
}

function pipeTo(socket: TLSSocket, block: ReadBlock, address: Address, expected: PeerId | undefined): Pipe | MeshError {
  const proved = provedId(socket);
  if ('refused' in proved) return new MeshError('unreachable', `${address} is no peer: ${proved.refused}`);
  if (expected !== undefined && proved.id !== expected) {
    return new MeshError('not-allowed', `${address} is ${proved.id.slice(0, 16)}, not ${expected.slice(0, 16)}`);
  }
  return new TlsPipe(socket, proved.id, address, block);
}

/** `host:port` or `[v6]:port` in parts; undefined when it is neither. */
export function splitAddress(address: Address): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s/]{1,255})):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
