import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PeersHere } from '../cli/peers-here.ts';
import { skipAloud } from './lan.ts';
import { until } from './process.ts';

/** Whoever sends a file too slowly, never to its end, or without end: each is told why, and nobody else waits for it. */

const MIB = 1024 * 1024;
const here = new PeersHere();
let port = 0;

/** One request by hand; `heard` is what came, until the other end closed. */
class Sender {
  readonly socket: Socket;
  readonly closed: Promise<string>;
  heard = '';

  constructor(head: readonly string[]) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      this.heard += text;
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve(this.heard)));
    this.socket.write(`${[...head, `Host: 127.0.0.1:${port}`].join('\r\n')}\r\n`);
  }

  /** The head ends, and a body begins. */
  body(text: string): this {
    this.socket.write(`\r\n${text}`);
    return this;
  }

  get status(): string | undefined {
    return /^HTTP\/1\.1 (\d{3}) /.exec(this.heard)?.[1];
  }
}

const put = (name: string, length: string) => [`PUT /files/${name} HTTP/1.1`, length];

async function begunUpload(length: number): Promise<string> {
  const metadata = `path ${Buffer.from('parts.bin').toString('base64')}`;
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(length), 'upload-metadata': metadata };
  const answer = await fetch(`http://127.0.0.1:${port}/tus/`, { method: 'POST', headers });
  return answer.headers.get('location') ?? '';
}

const patch = (place: string, length: string) => [
  `PATCH ${place} HTTP/1.1`,
  'Tus-Resumable: 1.0.0',
  'Upload-Offset: 0',
  'Content-Type: application/offset+octet-stream',
  length,
];

async function isServed(): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/api/v1/files`)).ok;
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** A small disk of its own for the peer; without root it has that of this machine. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  const place = join(here.place, 'alpha');
  mkdirSync(place);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=192m', 'tmpfs', place], { encoding: 'utf8' });
  return mounted.status === 0 ? undefined : `no file system can be mounted: ${mounted.stderr.trim()}`;
}
const withoutDisk = skipAloud('an upload without end', smallDisk());

beforeAll(async () => {
  port = Number(new URL(String((await here.up('alpha', '--capacity', '100MiB')).http)).port);
  expect((await fetch(`http://127.0.0.1:${port}/files/there.txt`, { method: 'PUT', body: 'there' })).status).toBe(201);
});
afterAll(async () => {
  await here.peer('alpha').kill();
  if (!withoutDisk) spawnSync('umount', [join(here.place, 'alpha')]);
  await here.end();
});

describe('a peer', () => {
  it('tells slow senders so, and serves others meanwhile', async () => {
    const dripping = new Sender(put('drip.bin', 'Content-Length: 1000000')).body('');
    const endlessly = new Sender(put('drip.bin', 'Transfer-Encoding: chunked')).body('');
    const senders = {
      'one byte at a time': dripping,
      'one byte at a time, in pieces': endlessly,
      'less than was said': new Sender(put('short.bin', 'Content-Length: 1000000')).body('x'.repeat(10_000)),
      'a part that stops': new Sender(patch(await begunUpload(MIB), `Content-Length: ${MIB}`)).body('x'.repeat(10_000)),
      'no JSON where some was said': new Sender([
        'POST /api/v1/rename HTTP/1.1',
        'Content-Type: application/json',
        'Content-Length: 100',
      ]).body('{'),
      'a head without end': new Sender(['GET /files/there.txt HTTP/1.1']),
    };
    const memory = memoryOf(here.peer('alpha').pid);
    const [all, answered] = [Object.values(senders), new Set<Sender>()];
    for (const one of all) void one.closed.then(() => answered.add(one));
    let rounds = 0;
    await until(
      'each of them is sent away',
      async () => {
        if (dripping.socket.writable) dripping.socket.write('x');
        if (endlessly.socket.writable) endlessly.socket.write('1\r\nx\r\n');
        expect(await isServed()).toBe(true);
        rounds++;
        return answered.size === all.length;
      },
      80_000,
    );
    const told = Object.entries(senders).map(([what, { status }]) => [what, status]);
    expect(told).toEqual(Object.keys(senders).map((what) => [what, '408']));
    expect(dripping.heard).toContain('came too slowly');
    expect(rounds).toBeGreaterThan(5);
    expect(memoryOf(here.peer('alpha').pid) - memory).toBeLessThan(100 * MIB);
  });

  it.skipIf(withoutDisk)(
    'ends an upload without end where its room ends, and gives the room back',
    async () => {
      const free = () => {
        const { bavail, bsize } = statfsSync(join(here.place, 'alpha'));
        return bavail * bsize;
      };
      const before = free();
      let [sent, status, words] = [0, 0, ''];
      await new Promise<void>((resolve, reject) => {
        const upload = request({ host: '127.0.0.1', port, method: 'PUT', path: '/files/endless.bin', agent: false }, (answer) => {
          status = answer.statusCode ?? 0;
          answer.setEncoding('utf8').on('data', (text: string) => {
            words += text;
          });
          answer.on('close', resolve);
        });
        upload.on('error', (error) => (status === 0 ? reject(error) : resolve()));
        const piece = Buffer.alloc(MIB, 'x');
        const send = (): void => {
          while (status === 0 && upload.write(piece)) sent += piece.length;
        };
        upload.on('drain', send);
        send();
      });
      expect([status, words]).toEqual([507, expect.stringContaining('more than half of the room')]);
      expect(sent).toBeLessThan(256 * MIB);
      expect(await isServed()).toBe(true);
      await until('the room is given back', () => before - free() < 16 * MIB);
      const answer = await fetch(`http://127.0.0.1:${port}/files/after.txt`, { method: 'PUT', body: 'after' });
      expect(answer.status).toBe(201);
    },
    180_000,
  );
});
