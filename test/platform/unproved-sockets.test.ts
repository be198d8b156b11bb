import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UNPROVED_BYTES_MAX, UNPROVED_MAX, UnprovedSockets } from '../../src/platform/node/unproved-sockets.ts';

describe('sockets that have proved nothing', () => {
  let server: Server;
  let unproved: UnprovedSockets;
  let waiting: Socket[];
  let taken: ((socket: Socket) => void)[];
  let dialled: Socket[];

  beforeEach(async () => {
    unproved = new UnprovedSockets();
    [waiting, taken, dialled] = [[], [], []];
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      waiting.push(socket);
      taken.shift()?.(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    unproved.close();
    for (const socket of [...dialled, ...waiting]) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A connection from `from`, at the end that took it. */
  async function connection(from: string): Promise<Socket> {
    const socket = new Promise<Socket>((resolve) => taken.push(resolve));
    const { port } = server.address() as { port: number };
    const near = connect({ port, host: '127.0.0.1', localAddress: from });
    near.on('error', () => undefined);
    dialled.push(near);
    return await socket;
  }

  test('one too many drives out the oldest of the address with the most', async () => {
    const honest = await connection('127.0.0.2');
    unproved.add(honest);
    const flood: Socket[] = [];
    for (let index = 0; index < UNPROVED_MAX + 10; index++) {
      const socket = await connection('127.0.0.1');
      flood.push(socket);
      unproved.add(socket);
    }
    expect(unproved.count).toBe(UNPROVED_MAX);
    expect(honest.destroyed).toBe(false);
    expect(flood.map((socket) => socket.destroyed)).toEqual(flood.map((_, index) => index < 11));
  });

  test('who proved itself, or went, is not counted', async () => {
    const [first, second] = [await connection('127.0.0.1'), await connection('127.0.0.1')];
    unproved.add(first);
    unproved.add(second);
    unproved.release(first);
    expect(unproved.count).toBe(1);
    const gone = new Promise((resolve) => second.once('close', resolve));
    second.destroy();
    await gone;
    expect(unproved.count).toBe(0);
    expect(first.destroyed).toBe(false);
  });

  test('who sends too much is put out long before its time', async () => {
    const socket = await connection('127.0.0.1');
    socket.resume();
    unproved.add(socket);
    const gone = new Promise((resolve) => socket.once('close', resolve));
    dialled[0]?.write(Buffer.alloc(UNPROVED_BYTES_MAX + 1));
    await gone;
    expect(unproved.count).toBe(0);
  });

  test('close puts out all that wait', async () => {
    const sockets = [await connection('127.0.0.1'), await connection('127.0.0.2')];
    for (const socket of sockets) unproved.add(socket);
    unproved.close();
    expect(sockets.every((socket) => socket.destroyed)).toBe(true);
  });
});
