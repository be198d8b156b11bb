import type { TLSSocket } from 'node:tls';
import { MeshError } from '../../core/errors.ts';
import type { PeerId } from '../../core/ids.ts';
import type { Address, Pipe, PipeEvents } from '../network.ts';
import { peerIdOf } from './node-identity.ts';
import { ReadBlock } from './read-block.ts';

/** Spoken over every connection; another version of the protocol is another word. */
export const ALPN = 'filemesh/1';
/** Unsent bytes from which `write` says no: enough to fill a gigabit line over the gaps of a busy loop. Range 64 KiB – 8 MiB. */
export const UNSENT_HIGH_BYTES = 1_048_576;
/** Unsent bytes at which `drain` is told: before the line runs dry. Range 0 – UNSENT_HIGH_BYTES. */
export const UNSENT_LOW_BYTES = 262_144;
const BIND_BYTES = 32;
const NOTHING = new Uint8Array(0);

/**
 * The id that the other end of a finished handshake proved, or why it proved nothing. TLS 1.3 has checked that the other
 * end has the certificate's key; who signed the certificate, and when, means nothing here.
 */
export function provedId(socket: TLSSocket): { id: PeerId } | { refused: string } {
  if (socket.getProtocol() !== 'TLSv1.3') return { refused: 'not TLS 1.3' };
  if (socket.alpnProtocol !== ALPN) return { refused: `does not speak ${ALPN}` };
  // A resumed session shows no certificate and proves nothing anew.
  if (socket.isSessionReused()) return { refused: 'resumed a session' };
  try {
    const certificate = socket.getPeerX509Certificate();
    return certificate === undefined ? { refused: 'no certificate' } : { id: peerIdOf(certificate.publicKey) };
  } catch {
    return { refused: 'a certificate that cannot be read' };
  }
}

/** A Pipe over one TLS socket whose handshake is done. Takes the socket over: nobody else may listen or write. */
export class TlsPipe implements Pipe {
  readonly remoteId: PeerId;
  readonly remoteAddress: Address;
  readonly dialled: boolean;
  readonly #socket: TLSSocket;
  readonly #block: ReadBlock;
  #events: PipeEvents | undefined;
  /** Why it ended, as far as known; the first reason counts. */
  #reason: string | undefined;
  #closing = false;
  #over = false;
  #paused = false;
  #blocked = false;
  #graceTimer: NodeJS.Timeout | undefined;

  /** `dialled`: what the socket reads into, of one that was dialled. */
  constructor(socket: TLSSocket, remoteId: PeerId, remoteAddress: Address, dialled?: ReadBlock) {
    this.#socket = socket;
    this.#block = dialled ?? new ReadBlock();
    if (dialled === undefined) this.#block.adopt(socket);
    this.remoteId = remoteId;
    this.remoteAddress = remoteAddress;
    this.dialled = dialled !== undefined;
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.#reason ??= error.message;
    });
    socket.on('end', () => {
      this.#reason ??= 'the other end closed';
    });
    socket.on('close', () => this.#end());
  }

  /** Throws `closed` when the pipe is over. */
  bind(label: string): Uint8Array {
    if (this.#over || this.#socket.destroyed) throw new MeshError('closed', 'the pipe is over');
    return this.#socket.exportKeyingMaterial(BIND_BYTES, `EXPORTER-filemesh-${label}`, Buffer.alloc(0));
  }

  open(events: PipeEvents): void {
    this.#events = events;
    if (this.#over) {
      // Not from within this call: the caller is not ready for its events yet.
      queueMicrotask(() => this.#tellEnd());
      return;
    }
    this.#goOn();
    if (this.#blocked) queueMicrotask(() => this.#relieve());
  }

  write(parts: readonly Uint8Array[], sent?: () => void): boolean {
    if (this.#closing || this.#over || this.#socket.destroyed) return false;
    // One record and one system call for a small head and its body.
    this.#socket.cork();
    for (const part of parts) if (part.length > 0) this.#socket.write(part, this.#relieve);
    // Nothing, behind all of them.
    if (sent !== undefined) this.#socket.write(NOTHING, (error) => error ?? sent());
    this.#socket.uncork();
    if (this.#socket.writableLength < UNSENT_HIGH_BYTES) return true;
    this.#blocked = true;
    return false;
  }

  get unsent(): number {
    return this.#over || this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  pause(): void {
    this.#paused = true;
    if (this.#events === undefined || this.#closing) return;
    this.#block.hold();
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#events !== undefined) this.#goOn();
  }

  close(graceMs = 0): void {
    if (this.#over) return;
    this.#reason ??= 'closed here';
    if (graceMs <= 0) {
      this.#closing = true;
      this.#socket.destroy();
      return;
    }
    if (this.#closing) return;
    this.#closing = true;
    this.#graceTimer = setTimeout(() => this.#socket.destroy(), graceMs);
    this.#socket.end();
    // Read on, deaf: bytes left unread when a socket closes reset the connection, and what was sent is lost with it.
    this.#block.give(this.#take);
    this.#socket.resume();
  }

  readonly #take = (bytes: Uint8Array): void => {
    if (!this.#closing) this.#events?.data(bytes);
  };

  #goOn(): void {
    // Not from within this call: the caller is not ready for its events yet.
    queueMicrotask(() => {
      if (!this.#paused && this.#block.give(this.#take)) this.#socket.resume();
    });
  }

  /** Tells that there is room again, once enough was sent. A property, so that no closure is made for each write. */
  readonly #relieve = (): void => {
    if (!this.#blocked || this.#closing || this.#events === undefined) return;
    if (this.#socket.writableLength > UNSENT_LOW_BYTES) return;
    this.#blocked = false;
    this.#events.drain();
  };

  #end(): void {
    this.#over = true;
    clearTimeout(this.#graceTimer);
    this.#reason ??= 'closed';
    if (this.#events !== undefined) this.#tellEnd();
  }

  #tellEnd(): void {
    // What came while it was held.
    this.#block.give(this.#take);
    this.#events?.closed(this.#reason ?? 'closed');
  }
}
