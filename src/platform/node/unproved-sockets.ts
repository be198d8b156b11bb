import type { Socket } from 'node:net';

/** Connections not admitted yet. An honest handshake and greeting take milliseconds, so few wait at once. Range 16–1,024. */
export const UNPROVED_MAX = 64;
/** Time for handshake and greeting, slow machines and lossy Wi-Fi included. Range 1–30 s. */
export const UNPROVED_MS_MAX = 5_000;
/** Bytes heard before; an honest handshake and greeting have about 2 KiB. OpenSSL bounds what it keeps of them. */
export const UNPROVED_BYTES_MAX = 65_536;
const SWEEP_MS = 250;

interface Waiting {
  readonly socket: Socket;
  readonly from: string;
  readonly sinceMs: number;
}

/**
 * The sockets of a listener before they are admitted: a finished handshake alone proves nothing of them. Bounded in number, time and bytes. When one too many
 * comes, the oldest of the address with the most of them goes, so that a flood drives out itself first.
 */
export class UnprovedSockets {
  /** By remote `address port`: the TLS socket over a raw one shows the same. Oldest first. */
  readonly #waiting = new Map<string, Waiting>();
  #sweep: NodeJS.Timeout | undefined;

  get count(): number {
    return this.#waiting.size;
  }

  add(socket: Socket): void {
    const key = keyOf(socket);
    // Gone already: it has no address any more.
    if (key === undefined) {
      socket.destroy();
      return;
    }
    if (this.#waiting.size >= UNPROVED_MAX) this.#dropOne();
    this.#waiting.set(key, { socket, from: socket.remoteAddress ?? '', sinceMs: performance.now() });
    socket.once('close', () => {
      if (this.#waiting.get(key)?.socket === socket) this.#remove(key);
    });
    this.#sweep ??= setInterval(() => this.#dropOverdue(), SWEEP_MS);
  }

  /** The connection of `socket` was admitted (or ended) and is no longer counted. */
  release(socket: Socket): void {
    const key = keyOf(socket);
    if (key !== undefined) this.#remove(key);
  }

  /** Ends all that wait. */
  close(): void {
    for (const { socket } of this.#waiting.values()) socket.destroy();
    this.#waiting.clear();
    this.#stopSweep();
  }

  #remove(key: string): void {
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) this.#stopSweep();
  }

  #stopSweep(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #dropOne(): void {
    const counts = new Map<string, number>();
    for (const { from } of this.#waiting.values()) counts.set(from, (counts.get(from) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const [key, { socket, from }] of this.#waiting) {
      if (counts.get(from) !== most) continue;
      this.#remove(key);
      socket.destroy();
      return;
    }
  }

  #dropOverdue(): void {
    const now = performance.now();
    for (const [key, { socket, sinceMs }] of this.#waiting) {
      if (now - sinceMs < UNPROVED_MS_MAX && socket.bytesRead <= UNPROVED_BYTES_MAX) continue;
      this.#remove(key);
      socket.destroy();
    }
  }
}

function keyOf(socket: Socket): string | undefined {
  if (socket.remoteAddress === undefined || socket.remotePort === undefined) return undefined;
  return `${socket.localAddress} ${socket.remoteAddress} ${socket.remotePort}`;
}
