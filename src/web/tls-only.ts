import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { FIRST_BYTE_MS_MAX, LEAVE_MS_MAX } from './time-limits.ts';

/** The first byte of whoever speaks TLS (RFC 8446, 5.1: a record of a handshake). */
const HANDSHAKE = 22;

/** Tells whoever comes to this server without TLS, as browsers do when no scheme is typed, where it is. `place`: host and port of the door. */
export function sendToTls(server: Server, place: () => string): void {
  const takers = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const late = setTimeout(() => socket.destroy(), FIRST_BYTE_MS_MAX);
    const gone = (): void => clearTimeout(late);
    socket.once('close', gone).once('error', gone);
    socket.once('data', (first: Buffer) => {
      clearTimeout(late);
      if (first[0] !== HANDSHAKE) return leave(socket, first, place());
      socket.off('close', gone).off('error', gone);
      socket.pause();
      socket.unshift(first);
      for (const take of takers) take.call(server, socket);
    });
  });
}

function leave(socket: Socket, first: Buffer, place: string): void {
  const asked = first.toString('latin1');
  const path = /^(?:GET|HEAD) (\/[!-~]*) HTTP\/1\.[01]\r\n/.exec(asked)?.[1] ?? '/';
  const host = /\r\nhost: *([\w.:[\]-]{1,300})\r\n/i.exec(asked)?.[1] ?? place;
  const url = `https://${host}${path}`;
  const words = `this door speaks TLS: ask https://${host} instead\n`;
  const head = [
    'HTTP/1.1 308 Permanent Redirect',
    `Location: ${url}`,
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(words)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  // What it still sends is read away: a connection closed over unread bytes takes the answer with it.
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${words}`);
  setTimeout(() => socket.destroy(), LEAVE_MS_MAX).unref();
}
