import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that one connection may send ahead of their answers. Browsers send none. Range 1–32. */
const AHEAD_MAX = 8;

/**
 * Answers what comes over one connection one after another. The server below would begin all at once: as many as fit into what a
 * client may send, and an answer whose turn to be sent never comes, for the connection ends before, would hold its turns for good.
 */
export class OneByOne {
  /** Those that wait; absent: nothing is being answered there. */
  readonly #lines = new WeakMap<Socket, (() => void)[]>();

  /** Runs `answer` once all before it are answered; never, when the connection ends before. Who sends too many is cut off. */
  take({ socket }: IncomingMessage, response: ServerResponse, answer: () => void): void {
    const line = this.#lines.get(socket);
    if (line !== undefined && line.length >= AHEAD_MAX) {
      socket.destroy();
      return;
    }
    response.once('close', () => this.#next(socket));
    if (line !== undefined) {
      line.push(answer);
      return;
    }
    this.#lines.set(socket, []);
    answer();
  }

  #next(socket: Socket): void {
    const next = this.#lines.get(socket)?.shift();
    if (next === undefined) this.#lines.delete(socket);
    else if (!socket.destroyed) next();
  }
}
