import type { FastifyReply } from 'fastify';
import { MeshError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { STALL_MS_MAX } from './time-limits.ts';

/**
 * Bytes handed over at once: a slow reader is seen to take something as soon as it took the fewer, and a quick one costs less with
 * more. Range 64 KiB – 8 MiB.
 */
const PIECE_BYTES_MIN = 128 * 1024;
const PIECE_BYTES_MAX = 4 * 1024 * 1024;
/** A piece that is taken within so long is followed by one of twice as much, any other by the least. */
const QUICK_MS = 500;

/** The body of one answer, written as its reader takes it. The head goes out with the first bytes: until then it may still become a refusal. */
export class BodyWriter {
  readonly #reply: FastifyReply;
  readonly #clock: Clock;
  readonly #status: number;
  readonly #headers: Readonly<Record<string, string | number>>;
  #isBegun = false;
  #pieceBytes = PIECE_BYTES_MIN;
  /** Ends the write that waits when the reader goes. */
  #gone: ((reason: MeshError) => void) | undefined;

  constructor(reply: FastifyReply, clock: Clock, status: number, headers: Readonly<Record<string, string | number>>) {
    this.#reply = reply;
    this.#clock = clock;
    this.#status = status;
    this.#headers = headers;
  }

  /** Resolves when the system has taken the bytes; rejects when the reader is gone, or takes nothing any more. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#begin();
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + this.#pieceBytes);
      const beganMs = this.#clock.now();
      await this.#put(piece);
      at += piece.length;
      const isQuick = this.#clock.now() - beganMs < QUICK_MS;
      this.#pieceBytes = isQuick ? Math.min(PIECE_BYTES_MAX, 2 * this.#pieceBytes) : PIECE_BYTES_MIN;
    }
  }

  end(): void {
    this.#begin();
    this.#reply.raw.end();
  }

  /** Throws what failed; half-way the connection is cut, so that nobody takes the part for the whole. */
  fail(thrown: unknown): never {
    if (this.#isBegun) this.#reply.raw.destroy();
    throw thrown;
  }

  #put(piece: Uint8Array): Promise<void> {
    const { raw } = this.#reply;
    if (raw.destroyed) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      const stalled = this.#clock.after(STALL_MS_MAX, () => raw.destroy());
      this.#gone = (reason) => {
        stalled.cancel();
        reject(reason);
      };
      raw.write(piece, (error) => {
        stalled.cancel();
        if (error == null) resolve();
        else reject(gone());
      });
    });
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#reply.hijack();
    const { raw } = this.#reply;
    raw.writeHead(this.#status, { ...(this.#reply.getHeaders() as Record<string, string>), ...this.#headers });
    raw.once('close', () => this.#gone?.(gone()));
  }
}

function gone(): MeshError {
  return new MeshError('failed', 'whoever asked went away');
}
