import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/platform/clock.ts';
import { BodyWriter } from '../../src/web/body-writer.ts';
import { STALL_MS_MAX } from '../../src/web/time-limits.ts';
import { PeersHere } from '../cli/peers-here.ts';
import { until } from '../faults/process.ts';

const MIB = 1024 * 1024;
/** Of `until`, one after the other: nothing moved in between. */
const STILL_LOOKS = 10;

/** Time that goes on when it is told to. */
class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<() => void, number>();

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  after(ms: number, act: () => void) {
    const run = (): void => act();
    this.#timers.set(run, this.#nowMs + ms);
    return { cancel: () => void this.#timers.delete(run) };
  }

  goOn(ms: number): void {
    this.#nowMs += ms;
    for (const [run, dueMs] of [...this.#timers]) {
      if (dueMs > this.#nowMs || !this.#timers.delete(run)) continue;
      run();
    }
  }
}

describe('a reader', () => {
  const clock = new HandClock();
  const app = fastify();
  let sent = 0;
  let failed: unknown;
  let socket: Socket;

  beforeAll(async () => {
    app.get('/', async (_request, reply) => {
      const writer = new BodyWriter(reply, clock, 200, {});
      const bytes = new Uint8Array(MIB);
      try {
        for (;;) {
          await writer.write(bytes);
          sent++;
        }
      } catch (thrown) {
        failed = thrown;
      }
      return reply;
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  });
  afterAll(() => app.close());

  /** What is on its way fills up: no more is taken, look after look, for one alone may come before what is due. */
  async function stands(): Promise<void> {
    let [before, looks] = [-1, 0];
    await until('the way is full', () => {
      looks = sent > 0 && before === sent ? looks + 1 : 0;
      before = sent;
      return looks === STILL_LOOKS;
    });
  }

  /** Takes what is there, and so many bytes in all at least. */
  async function take(bytes: number): Promise<void> {
    for (let taken = 0; taken < bytes; ) {
      const piece = socket.read() as Buffer | null;
      if (piece === null) await once(socket, 'readable');
      else taken += piece.length;
    }
  }

  test('that takes something now and then is sent on, and one that takes nothing is let go', async () => {
    await stands();
    for (let round = 0; round < 4; round++) {
      clock.goOn(STALL_MS_MAX - 1);
      const before = sent;
      await take(16 * MIB);
      await until('it is sent on', () => sent > before);
      await stands();
      expect(failed).toBeUndefined();
    }
    const closed = once(socket, 'close');
    clock.goOn(STALL_MS_MAX - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).toBeUndefined();
    clock.goOn(1);
    await until('the write is given up', () => failed !== undefined);
    socket.resume();
    await closed;
  });
});

describe('readers that take nothing', () => {
  const here = new PeersHere();
  const stalled: IncomingMessage[] = [];
  let port = 0;

  beforeAll(async () => {
    const url = String((await here.up('alpha')).http);
    port = Number(new URL(url).port);
    const body = new Uint8Array(64 * MIB);
    expect((await fetch(`${url}/files/film.bin`, { method: 'PUT', body })).status).toBe(201);
  });
  afterAll(async () => {
    for (const one of stalled) one.destroy();
    await here.end();
  });

  function ask(from: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          path: '/files/film.bin',
          localAddress: from,
          agent: false,
          headers: { host: `127.0.0.1:${port}`, ...headers },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end();
    });
  }

  test('at one address leave room for readers at others, and for a film that is asked for again', async () => {
    const asked = Array.from({ length: 20 }, () => ask('127.0.0.2').then((answer) => stalled.push(answer)));
    for (const one of asked) one.catch(() => undefined);
    await until('some of them are answered', () => stalled.length >= 8);
    const answer = await ask('127.0.0.3', { range: 'bytes=1048576-2097151' });
    let bytes = 0;
    for await (const piece of answer as AsyncIterable<Buffer>) bytes += piece.length;
    expect([answer.statusCode, bytes, stalled.length]).toEqual([206, MIB, 8]);
    // One that goes makes room for the next of its address.
    stalled[0]?.destroy();
    await until('the next is answered', () => stalled.length === 9);
  });
});
