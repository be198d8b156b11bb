import { beforeEach, describe, expect, test } from 'vitest';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath, RequestId } from '../../src/core/ids.ts';
import { type Ask, type CallName, TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { encode } from '../../src/wire/codec.ts';
import { framePrefix } from '../../src/wire/frame.ts';
import { pattern } from '../platform/network-acceptance.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { type End, LinkBench, linkOver } from './link-bench.ts';

const path = 'a.txt' as FilePath;
const hash = 'ab'.repeat(32) as ContentHash;
const upload = 'cd'.repeat(16) as RequestId;
const ask: Ask<'read'> = { path, hash, offset: 0, length: 10, relay: false };
const NOTHING = new Uint8Array(0);

let bench: LinkBench;
let alpha: End;
let bravo: End;

beforeEach(() => {
  bench = new LinkBench();
  alpha = bench.end('alpha');
  bravo = bench.end('bravo');
});

/** The code a call ends with. */
function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: MeshError) => error.code,
  );
}

describe('calls', () => {
  test('a call is answered, both ways at once, tails too', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('verify', async ({ path }) => ({ intact: path === 'a.txt' }));
    alpha.switchboard.answer('read', async ({ offset, length }) => ({ reply: { size: 99 }, tail: pattern(length, offset) }));
    const [verified, read] = await bench.settle(
      Promise.all([near.call('verify', { path, hash }), far.call('read', { ...ask, offset: 7, length: 300_000 })]),
    );
    expect(verified).toEqual({ reply: { intact: true }, tail: NOTHING });
    expect(read.reply).toEqual({ size: 99 });
    expect(Buffer.compare(read.tail, pattern(300_000, 7))).toBe(0);
  });

  test('the tail of a call reaches the answerer whole and is its own', async () => {
    const { near } = await bench.connect(alpha, bravo);
    const taken: Uint8Array[] = [];
    bravo.switchboard.answer('write', async (_ask, _from, tail) => {
      taken.push(tail);
      return {};
    });
    const sent = [1, 2, 3].map((seed) => pattern(TAIL_BYTES_MAX, seed));
    await bench.settle(Promise.all(sent.map((tail, index) => near.call('write', { upload, offset: index }, { tail }))));
    expect(taken.map((tail, index) => Buffer.compare(tail, sent[index] as Uint8Array))).toEqual([0, 0, 0]);
  });

  test('an error goes back as its code; its words stay home', async () => {
    const { near } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('place', async () => {
      throw new MeshError('full', 'the secret place /home/x is full');
    });
    bravo.switchboard.answer('invite', async () => {
      throw new Error('a defect with secret words');
    });
    const version = `${'ab'.repeat(8)}:1` as never;
    const place = near.call('place', { path, hash, version, size: 1, holders: [] });
    const error = await bench.settle(place.catch((thrown: MeshError) => thrown));
    expect(error).toMatchObject({ code: 'full', advice: 'elsewhere' });
    expect((error as MeshError).message).not.toContain('secret');
    expect(await bench.settle(codeOf(near.call('invite', {})))).toBe('failed');
    expect(bravo.log.lines.some((line) => line.startsWith('error') && line.includes('a defect with secret words'))).toBe(true);
  });

  test('what a room finds wrong in a call is refused by its code: nobody can fill the log of errors', async () => {
    const { near } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('verify', async () => {
      throw new MeshError('protocol', 'a version of another form');
    });
    expect(await bench.settle(codeOf(near.call('verify', { path, hash })))).toBe('protocol');
    const told = bravo.log.lines.filter((line) => line.includes('a version of another form'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^debug/);
    expect(bravo.log.lines.some((line) => line.startsWith('error') || line.includes('stack'))).toBe(false);
  });

  test('nobody answers that call here: protocol, and the link lives on', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    expect(await bench.settle(codeOf(near.call('invite', {})))).toBe('protocol');
    expect(bravo.log.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
    expect(await bench.settle(codeOf(near.call('ping', {})))).toBe('answered');
    expect([near.open, far.open]).toEqual([true, true]);
  });

  test('an answer of the wrong shape is protocol for its call only', async () => {
    const { near } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('verify', async () => ({ intact: 'perhaps' }) as never);
    expect(await bench.settle(codeOf(near.call('verify', { path, hash })))).toBe('protocol');
    expect(await bench.settle(codeOf(near.call('ping', {})))).toBe('answered');
  });

  test('an ask of the wrong shape is answered with protocol, and no room sees it', async () => {
    const { near } = await bench.connect(alpha, bravo);
    let asked = 0;
    bravo.switchboard.answer('verify', async () => {
      asked++;
      return { intact: true };
    });
    const outside = near.call('verify', { path: '../../etc/passwd' as FilePath, hash });
    expect(await bench.settle(codeOf(outside))).toBe('protocol');
    expect(asked).toBe(0);
  });

  test('no answer within the deadline: timeout; the late answer harms nothing', async () => {
    const { near } = await bench.connect(alpha, bravo);
    const answers: (() => void)[] = [];
    bravo.switchboard.answer('invite', () => new Promise((resolve) => answers.push(() => resolve({ join: 'late' }))));
    const beforeMs = bench.world.scheduler.nowMs;
    expect(await bench.settle(codeOf(near.call('invite', {}, { deadlineMs: 2_000 })))).toBe('timeout');
    expect(bench.world.scheduler.nowMs - beforeMs).toBeCloseTo(2_000, -2);
    for (const answer of answers) answer();
    await bench.runFor(100);
    expect(await bench.settle(codeOf(near.call('ping', {})))).toBe('answered');
  });

  test('a call without a deadline waits as long as the link lives', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('invite', () => new Promise(() => {}));
    const call = codeOf(near.call('invite', {}, { deadlineMs: 'never' }));
    await bench.runFor(3_600_000);
    far.close('enough');
    expect(await bench.settle(call)).toBe('closed');
  });

  test('too large an ask or answer is protocol, and the link lives on', async () => {
    const { near } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('invite', async () => ({ join: 'x'.repeat(300_000) }));
    expect(await bench.settle(codeOf(near.call('invite', {})))).toBe('protocol');
    expect(await bench.settle(codeOf(near.call('ping', { x: 'x'.repeat(300_000) } as never)))).toBe('protocol');
    expect(
      await bench.settle(codeOf(near.call('write', { upload, offset: 0 }, { tail: new Uint8Array(TAIL_BYTES_MAX + 1) }))),
    ).toBe('protocol');
    expect(await bench.settle(codeOf(near.call('ping', {})))).toBe('answered');
  });
});

describe('roles', () => {
  test('a client may not call what is for peers, nor note it', async () => {
    const client = bench.end('client', 'client');
    const { near, far } = await bench.connect(client, bravo);
    const heard: string[] = [];
    bravo.switchboard.hear('load', () => heard.push('load'));
    bravo.switchboard.hear('goodbye', () => heard.push('goodbye'));
    bravo.switchboard.answer('release', async () => ({}));
    bravo.switchboard.answer('invite', async () => ({ join: 'line' }));
    expect(await bench.settle(codeOf(near.call('release', { request: upload, path })))).toBe('not-allowed');
    expect(await bench.settle(codeOf(near.call('invite', {})))).toBe('answered');
    near.note('load', {
      name: 'x',
      caughtUp: true,
      load: { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 },
    });
    near.note('goodbye', {});
    await bench.runFor(100);
    expect(heard).toEqual(['goodbye']);
    expect(far.open).toBe(true);
  });
});

describe('the end of a link', () => {
  test('every waiting call rejects with closed, at both ends, and downs are told once', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    for (const end of [alpha, bravo]) end.switchboard.answer('invite', () => new Promise(() => {}));
    const calls = [near, near, far].map((link) => codeOf(link.call('invite', {}, { deadlineMs: 'never' })));
    await bench.runFor(50);
    near.close('told to');
    near.close('again');
    expect(await bench.settle(Promise.all(calls))).toEqual(['closed', 'closed', 'closed']);
    expect(alpha.downs).toEqual(['told to']);
    expect(bravo.downs).toEqual(['closed by the other end']);
    expect([near.open, far.open]).toEqual([false, false]);
    expect(await codeOf(near.call('ping', {}))).toBe('closed');
    near.note('goodbye', {});
    expect(alpha.switchboard.link(bravo.node.id)).toBeUndefined();
  });

  test('what was said last before an orderly end still arrives', async () => {
    const { near } = await bench.connect(alpha, bravo);
    const heard: string[] = [];
    bravo.switchboard.hear('goodbye', () => heard.push('goodbye'));
    near.note('goodbye', {});
    near.close('leaving');
    await bench.runFor(1_000);
    expect([heard, bravo.downs]).toEqual([['goodbye'], ['closed by the other end']]);
  });

  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a head that is no msgpack', framePrefix('note', 0, Uint8Array.of(0xc1))],
    ['a call without a name', framePrefix('call', 1, encode({ verify: 1 }))],
    ['a known note of a wrong shape', framePrefix('note', 0, encode(['facts', { facts: 'many' }]))],
  ])('%s closes it with reason protocol, and a line in the log', async (_name, bytes) => {
    const { near, far } = await bench.pipes(alpha, bravo);
    const link = linkOver(far, bravo, 'peer');
    bravo.switchboard.add(link);
    const ear = new PipeEar(near);
    near.write([bytes]);
    await bench.settle(ear.untilClosed());
    expect(bravo.downs).toEqual(['protocol']);
    expect(bravo.log.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
  });

  test('what a later version adds does not end the link', async () => {
    const { near, far } = await bench.pipes(alpha, bravo);
    const link = linkOver(far, bravo, 'peer');
    bravo.switchboard.add(link);
    new PipeEar(near);
    near.write([framePrefix('call', 1, encode(['a-new-call', {}])), framePrefix('note', 0, encode(['a-new-note', {}]))]);
    near.write([framePrefix('reply', 77, encode({}))]);
    await bench.runFor(100);
    expect(link.open).toBe(true);
  });
});

test.each<CallName>(['ping', 'hello'])('%s is answered before a link is up; anything else waits until it is', async (name) => {
  const { near, far } = await bench.links(alpha, bravo);
  const order: string[] = [];
  bravo.switchboard.onUp(() => order.push('up'));
  bravo.switchboard.answer('hello', async () => ({}) as never);
  bravo.switchboard.answer('verify', async () => {
    order.push('verify');
    return { intact: true };
  });
  bravo.switchboard.hear('facts', () => order.push('facts'));
  alpha.switchboard.add(near);
  near.note('facts', { facts: [] });
  const verify = near.call('verify', { path, hash });
  const status = { name: 'x', caughtUp: true, load: { bytes: 0, capacity: 0, files: 0, incomingBytes: 0, incomingFiles: 0 } };
  const hello = { ...status, instance: '00112233aabbccdd', addresses: [], factsDigest: hash };
  const early = near.call(name, (name === 'ping' ? {} : hello) as never);
  // The empty answer is no valid one of `hello`, but it is an answer.
  expect(await bench.settle(codeOf(early))).toBe(name === 'ping' ? 'answered' : 'protocol');
  expect(order).toEqual([]);
  bravo.switchboard.add(far);
  expect((await bench.settle(verify)).reply).toEqual({ intact: true });
  expect(order).toEqual(['up', 'facts', 'verify']);
});
