import { beforeEach, describe, expect, test } from 'vitest';
import type { ContentHash, FilePath, RequestId } from '../../src/core/ids.ts';
import type { Pipe } from '../../src/platform/network.ts';
import { TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { CLIENT_BYTES_MAX, CLIENTS_BYTES_MAX, ClientMemory, type Lease } from '../../src/wire/client-memory.ts';
import { encode } from '../../src/wire/codec.ts';
import { framePrefix } from '../../src/wire/frame.ts';
import { STALLED_MS_MAX } from '../../src/wire/heartbeat.ts';
import type { PipeLink } from '../../src/wire/pipe-link.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { type End, LinkBench, linkOver } from './link-bench.ts';

const path = 'a.txt' as FilePath;
const hash = 'ab'.repeat(32) as ContentHash;
const upload = 'cd'.repeat(16) as RequestId;
const read = { path, hash, offset: 0, length: TAIL_BYTES_MAX, relay: false };
const NOTHING = new Uint8Array(0);
const SHARE = CLIENT_BYTES_MAX / TAIL_BYTES_MAX;
const LINKS = 12;

let bench: LinkBench;
let client: End;
let peer: End;

beforeEach(() => {
  bench = new LinkBench('client-memory');
  client = bench.end('laptop', 'client');
  peer = bench.end('alpha');
});

/** A frame as a program of another make may send it. */
function frame(kind: 'call' | 'note' | 'beat', id: number, value?: unknown, tail = NOTHING): Uint8Array[] {
  return [framePrefix(kind, id, value === undefined ? NOTHING : encode(value), tail.length), tail];
}

/** Pipes whose client end obeys the test alone, and the links at the peer's end; up. */
async function bareLinks(count: number): Promise<{ pipe: Pipe; link: PipeLink }[]> {
  const links = [];
  for (let index = 0; index < count; index++) {
    const { near, far } = await bench.pipes(client, peer);
    new PipeEar(near);
    const link = linkOver(far, peer, 'client');
    peer.switchboard.add(link);
    links.push({ pipe: near, link });
  }
  return links;
}

async function beatFor(ms: number, pipes: readonly Pipe[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 400) {
    for (const pipe of pipes) pipe.write(frame('beat', 500));
    await bench.runFor(400);
  }
}

describe('one client with many links', () => {
  test('keeps no more answers in memory than its share, and its links that take nothing are closed', async () => {
    let begun = 0;
    peer.switchboard.answer('read', async ({ length }) => {
      begun++;
      return { reply: { size: length }, tail: new Uint8Array(length) };
    });
    const links = await bareLinks(LINKS);
    const pipes = links.map(({ pipe }) => pipe);
    for (const pipe of pipes) {
      pipe.pause();
      for (let id = 1; id <= 8; id++) pipe.write(frame('call', id, ['read', read]));
    }
    await beatFor(STALLED_MS_MAX / 2, pipes);
    // One or two of each link lie in its pipe.
    expect(begun).toBeLessThanOrEqual(SHARE + 2 * LINKS);
    expect(begun).toBeGreaterThanOrEqual(SHARE);
    expect(links.every(({ link }) => link.open)).toBe(true);
    const other = await bench.connect(bench.end('tablet', 'client'), peer);
    expect((await bench.settle(other.near.call('read', read))).tail).toHaveLength(TAIL_BYTES_MAX);

    await beatFor(STALLED_MS_MAX, pipes);
    expect(new Set(peer.downs)).toEqual(new Set(['stalled']));
    const again = await bench.connect(client, peer);
    expect((await bench.settle(again.near.call('read', read))).tail).toHaveLength(TAIL_BYTES_MAX);
  });

  test('has no more uploads in work than its share and little for each link, and all are answered in the end', async () => {
    const finish: (() => void)[] = [];
    peer.switchboard.answer('write', () => new Promise((resolve) => finish.push(() => resolve({}))));
    const links = [];
    for (let index = 0; index < LINKS; index++) {
      const { near, far } = await bench.links(client, peer);
      peer.switchboard.add(far);
      links.push(near);
    }
    const tail = new Uint8Array(TAIL_BYTES_MAX);
    const calls = links.flatMap((near) =>
      Array.from({ length: 8 }, (_, offset) => near.call('write', { upload, offset }, { tail, deadlineMs: 'never' })),
    );
    await bench.runFor(3_000);
    expect(finish.length).toBeGreaterThanOrEqual(SHARE);
    expect(finish.length).toBeLessThanOrEqual(SHARE + 2 * LINKS);
    for (let answered = 0; answered < calls.length; ) {
      answered += finish.length;
      for (const act of finish.splice(0)) act();
      await bench.runFor(200);
    }
    expect(await bench.settle(Promise.all(calls))).toHaveLength(8 * LINKS);
  });
});

describe('the memory of answers', () => {
  const role = 'client';
  const first = { peer: '1'.repeat(64), role } as unknown as PipeLink;

  test('what waits begins when something ends, or never once it is over itself', () => {
    const memory = new ClientMemory();
    const begun: number[] = [];
    const leases = Array.from({ length: SHARE + 3 }, (_, index) => memory.lease(first, TAIL_BYTES_MAX, () => begun.push(index)));
    expect(begun).toHaveLength(SHARE);
    leases[SHARE]?.end();
    leases[0]?.end();
    leases[0]?.end();
    expect(begun.slice(SHARE)).toEqual([SHARE + 1]);
    leases[1]?.resize(0);
    expect(begun.slice(SHARE)).toEqual([SHARE + 1, SHARE + 2]);
  });

  test('what turns out longer counts as it is', () => {
    const memory = new ClientMemory();
    const lease = memory.lease(first, 0, () => {});
    lease.resize(CLIENT_BYTES_MAX);
    let begun = 0;
    memory.lease(first, TAIL_BYTES_MAX, () => begun++);
    expect(begun).toBe(0);
    lease.end();
    expect(begun).toBe(1);
  });

  test('all clients together have a limit too, and what is given back goes to the one that waits longest', () => {
    const memory = new ClientMemory();
    const begun: string[] = [];
    const leases: Lease[] = [];
    const ask = (who: string) =>
      leases.push(memory.lease({ peer: who, role } as unknown as PipeLink, TAIL_BYTES_MAX, () => begun.push(who)));
    for (const who of ['a', 'b', 'c', 'd', 'e']) for (let count = 0; count < SHARE + 1; count++) ask(who);
    expect(begun).toHaveLength(CLIENTS_BYTES_MAX / TAIL_BYTES_MAX);
    expect(begun).not.toContain('e');
    for (const lease of leases.slice(0, 2)) lease.end();
    expect(begun.slice(-2).sort()).toEqual(['a', 'e']);
  });
});

describe('what is said before a link is up', () => {
  test('is little of a client, which has nothing to say', async () => {
    const { near, far } = await bench.pipes(client, peer);
    new PipeEar(near);
    const link = linkOver(far, peer, 'client');
    const facts = Array.from({ length: 150 }, (_, generation) => ({
      kind: 'secret' as const,
      generation,
      secret: 'x'.repeat(200),
      excludes: [],
    }));
    near.write(frame('note', 0, ['facts', { facts }]));
    await bench.runFor(100);
    expect(link.open).toBe(true);
    for (let count = 0; count < 3; count++) near.write(frame('note', 0, ['facts', { facts }]));
    await bench.runFor(100);
    expect(link.open).toBe(false);
  });

  test('is bounded over all links: the one that said most is closed', async () => {
    const mebibyte = new Uint8Array(TAIL_BYTES_MAX);
    const links: PipeLink[] = [];
    for (let index = 0; index < 8; index++) {
      const { near, far } = await bench.pipes(client, peer);
      new PipeEar(near);
      links.push(linkOver(far, peer, 'peer'));
      const count = index === 3 ? 5 : 4;
      for (let id = 1; id <= count; id++) near.write(frame('call', id, ['write', { upload, offset: 0 }], mebibyte));
      await bench.runFor(300);
    }
    expect(links.map((link) => link.open)).toEqual([true, true, true, false, true, true, true, true]);
  });
});

describe('heads count like tails', () => {
  const trail = Array.from({ length: 64 }, (_, start) => ({ writer: String(start + 10).repeat(8), first: start + 1 }));
  const indexes = Array.from({ length: 40 }, () => ({ peer: 'ab'.repeat(32), trail, sequence: 1 }));

  test('of calls in work', async () => {
    const { near, far } = await bench.pipes(client, peer);
    new PipeEar(near);
    const link = linkOver(far, peer, 'peer');
    peer.switchboard.add(link);
    let begun = 0;
    peer.switchboard.answer('cursors', () => {
      begun++;
      return new Promise(() => {});
    });
    for (let id = 1; id <= 200; id++) near.write(frame('call', id, ['cursors', { indexes }]));
    await bench.runFor(3_000);
    expect(link.held).toBe(true);
    const headBytes = encode(['cursors', { indexes }]).length;
    expect(begun * headBytes).toBeLessThan(9 * 1024 * 1024);
  });

  test('of notes while their listener works on them', async () => {
    const facts = Array.from({ length: 200 }, (_, generation) => ({
      kind: 'secret' as const,
      generation,
      secret: 'x'.repeat(200),
      excludes: [],
    }));
    const { near, far } = await bench.connect(bench.end('bravo'), peer);
    const finish: (() => void)[] = [];
    peer.switchboard.hear('facts', () => new Promise<void>((resolve) => finish.push(resolve)));
    for (let count = 0; count < 240; count++) {
      near.note('facts', { facts });
      if (count % 60 === 59) await bench.runFor(200);
    }
    await bench.runFor(500);
    expect(far.held).toBe(true);
    expect(finish.length).toBeLessThan(240);
    for (let heard = 0; heard < 240; ) {
      heard += finish.length;
      for (const act of finish.splice(0)) act();
      await bench.runFor(100);
      if (far.open === false) break;
    }
    expect([far.open, far.held]).toEqual([true, false]);
  });
});
