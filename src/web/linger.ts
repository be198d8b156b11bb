import type { IncomingMessage, ServerResponse } from 'node:http';
import { LINGER_MS } from './time-limits.ts';

/** Bytes of a body that nobody wants any more. Range 1–64 MiB. */
const LINGER_BYTES = 16 * 1024 * 1024;
/** It is looked so often how many there were. */
const LOOK_MS = 100;

/**
 * Lets the sender of a body that was answered before its end read the answer: a connection that is closed over unread bytes takes
 * it along. What still comes is read away for a while; then the connection is cut.
 */
export function linger(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete || request.destroyed) return;
    const { socket } = request;
    const bytes = socket.bytesRead;
    let leftMs = LINGER_MS;
    const looking = setInterval(() => {
      leftMs -= LOOK_MS;
      if (request.complete || socket.destroyed) clearInterval(looking);
      else if (leftMs <= 0 || socket.bytesRead - bytes > LINGER_BYTES) socket.destroy();
    }, LOOK_MS);
    request.resume();
  });
}
