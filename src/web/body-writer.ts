import type { FastifyReply } from 'fastify';
import { MeshError } from '../core/errors.ts';

/** The body of one answer, written as its reader takes it. The head goes out with the first bytes: until then it may still become a refusal. */
export class BodyWriter {
  readonly #reply: FastifyReply;
  readonly #status: number;
  readonly #headers: Readonly<Record<string, string | number>>;
  #isBegun = false;
  /** Ends the write that waits when the reader goes. */
  #gone: ((reason: MeshError) => void) | undefined;

  constructor(reply: FastifyReply, status: number, headers: Readonly<Record<string, string | number>>) {
    this.#reply = reply;
    this.#status = status;
    this.#headers = headers;
  }

  /** Resolves when the system has taken the bytes; rejects when the reader is gone. */
  write(bytes: Uint8Array): Promise<void> {
    this.#begin();
    const { raw } = this.#reply;
    if (raw.destroyed) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      this.#gone = reject;
      raw.write(bytes, (error) => (error == null ? resolve() : reject(gone())));
    });
  }

  end(): void {
    this.#begin();
    this.#reply.raw.end();
  }

  /** What failed half-way: the connection is cut, so that nobody takes the part for the whole. Throws before that. */
  fail(thrown: unknown): void {
    if (!this.#isBegun) throw thrown;
    this.#reply.raw.destroy();
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
