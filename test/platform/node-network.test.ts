import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Listener, ListenOptions, Pipe } from '../../src/platform/network.ts';
import { type Identity, loadIdentity } from '../../src/platform/node/node-identity.ts';
import { NodeNetwork, splitAddress } from '../../src/platform/node/node-network.ts';
import { ALPN } from '../../src/platform/node/tls-pipe.ts';
import { UNPROVED_MAX } from '../../src/platform/node/unproved-sockets.ts';
import { pattern, runNetworkAcceptance } from './network-acceptance.ts';
import { PipeEar } from './pipe-ear.ts';
import { quietLog } from './quiet-log.ts';

const LOOPBACK = ['127.0.0.1'];

let directory: string;
let identities: Identity[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'filemesh-network-'));
  identities = await Promise.all(['alpha', 'bravo', 'charlie'].map((name) => loadIdentity(join(directory, name))));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

function networkOf(index: number): NodeNetwork {
  return new NodeNetwork({ identity: identities[index] as Identity, interfaces: LOOPBACK, log: quietLog });
}

/** A plain TCP server that takes connections and says nothing. */
async function silentServer(): Promise<{ server: Server; sockets: Socket[]; address: string }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as { port: number }).port;
  return { server, sockets, address: `127.0.0.1:${port}` };
}

async function closeSilent(silent: { server: Server; sockets: Socket[] }): Promise<void> {
  for (const socket of silent.sockets) socket.destroy();
  await new Promise((resolve) => silent.server.close(resolve));
}

runNetworkAcceptance('TLS over loopback', async () => {
  let used = 0;
  const silent = await silentServer();
  return {
    network: async () => networkOf(used++),
    settle: (promise) => promise,
    deadAddress: async () => {
      const dead = await silentServer();
      await closeSilent(dead);
      return dead.address;
    },
    silentAddress: async () => silent.address,
    close: () => closeSilent(silent),
  };
});

describe('the TLS network', () => {
  let listener: Listener;
  let accepted: Pipe[];
  const bravo = () => networkOf(1);

  beforeEach(async () => {
    accepted = [];
    const accept: ListenOptions['accept'] = (pipe, admitted) => {
      admitted();
      accepted.push(pipe);
    };
    listener = await bravo().listen({ port: 0, accept });
  });

  afterEach(async () => {
    for (const pipe of accepted) pipe.close();
    await listener.close();
  });

  /** A connection by plain TLS; ends with what it saw. */
  function rawTls(options: ConnectionOptions): Promise<{ greeted: boolean; reused: boolean; ended: string; socket: TLSSocket }> {
    return new Promise((resolve) => {
      let ended = '';
      let greeted = false;
      let reused = false;
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: listener.port,
        rejectUnauthorized: false,
        ALPNProtocols: [ALPN],
        ...options,
      });
      socket.on('secureConnect', () => {
        greeted = true;
        reused = socket.isSessionReused();
        socket.resume();
      });
      socket.on('error', (error) => {
        ended = error.message;
      });
      socket.on('close', () => resolve({ greeted, reused, ended, socket }));
    });
  }

  const papers = (): ConnectionOptions => ({ key: identities[0]?.keyPem ?? '', cert: identities[0]?.certificatePem ?? '' });

  test('TLS 1.2 is refused', async () => {
    const seen = await rawTls({ ...papers(), maxVersion: 'TLSv1.2' });
    expect(seen.greeted).toBe(false);
    expect(accepted.length).toBe(0);
  });

  test('who shows no certificate is put out, and another word than ours too', async () => {
    await rawTls({});
    await rawTls({ ...papers(), ALPNProtocols: ['http/1.1'] });
    await rawTls({ ...papers(), ALPNProtocols: [] });
    expect(accepted.length).toBe(0);
    const pipe = await networkOf(0).dial(`127.0.0.1:${listener.port}`);
    pipe.close();
  });

  test('a session is never resumed', async () => {
    // Keeps every session it is offered, as a hostile or careless client might.
    const sessions: Buffer[] = [];
    const first = tlsConnect({
      host: '127.0.0.1',
      port: listener.port,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN],
      ...papers(),
    });
    first.on('session', (session: Buffer) => sessions.push(session));
    await new Promise<void>((resolve) => first.once('secureConnect', resolve));
    await expect.poll(() => accepted.length).toBe(1);
    new PipeEar(accepted[0] as Pipe);
    accepted[0]?.write([pattern(10)]);
    await new Promise<void>((resolve) => first.once('data', () => resolve()));
    const own = first.getSession();
    if (own !== undefined) sessions.push(own);
    first.destroy();
    expect(sessions.length).toBeGreaterThan(0);
    for (const session of sessions) {
      const second = tlsConnect({
        host: '127.0.0.1',
        port: listener.port,
        rejectUnauthorized: false,
        ALPNProtocols: [ALPN],
        ...papers(),
        session,
      });
      await new Promise<void>((resolve) => second.once('secureConnect', resolve));
      expect(second.isSessionReused()).toBe(false);
      expect(second.getPeerX509Certificate()).toBeDefined();
      second.destroy();
    }
  });

  test('64 MiB cross with back-pressure, and the sender holds little of them', async () => {
    const near = await networkOf(0).dial(`127.0.0.1:${listener.port}`);
    await expect.poll(() => accepted.length).toBe(1);
    const part = pattern(1_048_576);
    let heard = 0;
    let wrong = 0;
    let pauses = 0;
    const far = accepted[0] as Pipe;
    const done = new Promise<void>((resolve) => {
      far.open({
        data(bytes) {
          // Compared in place: pieces do not end where parts end.
          for (let at = 0; at < bytes.length; ) {
            const from = (heard + at) % part.length;
            const length = Math.min(bytes.length - at, part.length - from);
            if (Buffer.compare(bytes.subarray(at, at + length), part.subarray(from, from + length)) !== 0) wrong++;
            at += length;
          }
          heard += bytes.length;
          if (heard % (8 * part.length) < bytes.length && pauses < 8) {
            pauses++;
            far.pause();
            setImmediate(() => far.resume());
          }
          if (heard === 64 * part.length) resolve();
        },
        drain: () => undefined,
        closed: () => undefined,
      });
    });
    let unsentMax = 0;
    const ear = new PipeEar(near);
    for (let sent = 0; sent < 64; sent++) {
      ear.drains = 0;
      const room = near.write([part]);
      unsentMax = Math.max(unsentMax, near.unsent);
      if (!room) await ear.until(() => ear.drains > 0);
    }
    await done;
    expect([heard, wrong]).toEqual([64 * part.length, 0]);
    expect(pauses).toBeGreaterThan(0);
    expect(unsentMax).toBeLessThanOrEqual(2 * part.length);
    near.close();
  });

  test.each(['dialled', 'was called'])(
    'whoever %s and pauses while it hears something hears no more until resume',
    async (which) => {
      const near = await networkOf(0).dial(`127.0.0.1:${listener.port}`);
      await expect.poll(() => accepted.length).toBe(1);
      const [to, from] = which === 'dialled' ? [near, accepted[0] as Pipe] : [accepted[0] as Pipe, near];
      const whole = pattern(600_000, 6);
      const parts: Uint8Array[] = [];
      let isPaused = false;
      let heardPaused = 0;
      const data = (bytes: Uint8Array): void => {
        if (isPaused) heardPaused += bytes.length;
        parts.push(bytes.slice());
        isPaused = true;
        to.pause();
        setImmediate(() => {
          isPaused = false;
          to.resume();
        });
      };
      to.open({ data, drain: () => undefined, closed: () => undefined });
      new PipeEar(from).pipe.write([whole]);
      await expect.poll(() => parts.reduce((sum, { length }) => sum + length, 0)).toBe(whole.length);
      expect(heardPaused).toBe(0);
      expect(Buffer.compare(Buffer.concat(parts), whole)).toBe(0);
      near.close();
    },
  );

  test('a hundred connections that prove nothing do not stop an honest one', async () => {
    const garbage = Array.from({ length: 100 }, (_, index) => {
      const socket = tcpConnect(listener.port, '127.0.0.1');
      socket.on('error', () => undefined);
      // Some say nothing, some say nonsense, some begin like TLS and stop.
      if (index % 3 === 1) socket.write(pattern(5_000, index));
      if (index % 3 === 2) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
      return { socket, closed: new Promise<void>((resolve) => socket.once('close', () => resolve())) };
    });
    await Promise.all(
      garbage.map(
        ({ socket }) =>
          new Promise<void>((resolve) =>
            socket.readyState === 'open' ? resolve() : socket.once('ready', resolve).once('close', () => resolve()),
          ),
      ),
    );
    const pipe = await networkOf(0).dial(`127.0.0.1:${listener.port}`);
    expect(pipe.remoteId).toBe(bravo().selfId);
    await expect.poll(() => accepted.length).toBe(1);
    const ear = new PipeEar(accepted[0] as Pipe);
    // All are put out in the end: the surplus at once, the rest after their time.
    await Promise.all(garbage.map(({ closed }) => closed));
    expect(garbage.length).toBeGreaterThan(UNPROVED_MAX);
    // The honest one has lived through all that.
    pipe.write([pattern(1_000)]);
    await ear.untilBytes(1_000);
    pipe.close();
  });

  test('the next free port is taken when the one asked for is not free', async () => {
    const second = await networkOf(2).listen({ port: listener.port, accept: () => undefined });
    expect(second.port).toBeGreaterThan(listener.port);
    expect(second.port).toBeLessThan(listener.port + 64);
    const pipe = await networkOf(0).dial(second.addresses()[0] as string, identities[2]?.id);
    pipe.close();
    await second.close();
  });

  test('an interface that is not here is refused', async () => {
    const nowhere = new NodeNetwork({ identity: identities[0] as Identity, interfaces: ['192.0.2.1'], log: quietLog });
    await expect(nowhere.listen({ port: 0, accept: () => undefined })).rejects.toMatchObject({ code: 'usage' });
  });

  test('an address is HOST:PORT or [v6]:PORT and nothing else', async () => {
    expect(splitAddress('alpha.local:4000')).toEqual({ host: 'alpha.local', port: 4000 });
    expect(splitAddress('[fe80::1%eth0]:4000')).toEqual({ host: 'fe80::1%eth0', port: 4000 });
    for (const wrong of ['alpha', ':1', 'alpha:0', 'alpha:65536', 'fe80::1:4000', 'a b:1', '']) {
      expect(splitAddress(wrong)).toBeUndefined();
      await expect(networkOf(0).dial(wrong)).rejects.toMatchObject({ code: 'unreachable' });
    }
  });
});
