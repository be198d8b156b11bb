import { beforeEach, describe, expect, test } from 'vitest';
import type { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath, RequestId } from '../../src/core/ids.ts';
import { type Ask, TAIL_BYTES_MAX } from '../../src/wire/calls.ts';
import { CALLS_IN_FLIGHT_MAX } from '../../src/wire/pending-calls.ts';
import type { PipeLink } from '../../src/wire/pipe-link.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { type End, LinkBench, linkOver } from './link-bench.ts';

const path = 'a.txt' as FilePath;
const hash = 'ab'.repeat(32) as ContentHash;
const upload = 'cd'.repeat(16) as RequestId;
const ask: Ask<'read'> = { path, hash, offset: 0, length: 10, relay: false };
const _NOTHING = new Uint8Array(0);

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

describe('limits', () => {
  test('more calls than allowed are busy here and, sent by another program, there', async () => {
    const { near } = await bench.connect(alpha, bravo);
    let asked = 0;
    bravo.switchboard.answer('invite', () => {
      asked++;
      return new Promise(() => {});
    });
    const calls = Array.from({ length: CALLS_IN_FLIGHT_MAX + 10 }, () => codeOf(near.call('invite', {}, { deadlineMs: 5_000 })));
    const codes = await bench.settle(Promise.all(calls));
    expect(codes.filter((code) => code === 'busy')).toHaveLength(10);
    expect(asked).toBe(CALLS_IN_FLIGHT_MAX);
    // The other end still works on those this end no longer waits for.
    expect(await bench.settle(codeOf(near.call('invite', {})))).toBe('busy');
  });

  test('eight reads at a time are done, the others wait for theirs to be sent, and all are answered', async () => {
    const { near } = await bench.connect(alpha, bravo);
    let inWork = 0;
    let most = 0;
    bravo.switchboard.answer('read', async ({ length }) => {
      most = Math.max(most, ++inWork);
      await new Promise<void>((resolve) => bravo.clock.after(5, resolve));
      inWork--;
      return { reply: { size: length }, tail: new Uint8Array(length) };
    });
    const reads = Array.from({ length: 100 }, () => near.call('read', { ...ask, length: 100_000 }));
    const answers = await bench.settle(Promise.all(reads));
    expect(answers.every((answer) => answer.tail.length === 100_000)).toBe(true);
    expect(most).toBe(8);
  });

  test('manifests that take long to make, two at a time, keep no read waiting', async () => {
    const { near } = await bench.connect(alpha, bravo);
    const finish: (() => void)[] = [];
    const made = { reply: { size: 36 }, tail: new Uint8Array(36) };
    bravo.switchboard.answer('manifest', () => new Promise((resolve) => finish.push(() => resolve(made))));
    bravo.switchboard.answer('read', async ({ length }) => ({ reply: { size: length }, tail: new Uint8Array(length) }));
    const ask = { path, hash, offset: 0 };
    const manifests = Array.from({ length: 16 }, () => codeOf(near.call('manifest', ask, { deadlineMs: 60_000 })));
    const read = near.call('read', { ...ask, length: 10, relay: false });
    expect(await bench.settle(codeOf(read))).toBe('answered');
    while (finish.length > 0) {
      expect(finish.length).toBeLessThanOrEqual(2);
      finish.shift()?.();
      await bench.runFor(10);
    }
    expect(new Set(await bench.settle(Promise.all(manifests)))).toEqual(new Set(['answered']));
  });

  test('looks at copies, two at a time, keep no read waiting', async () => {
    const { near } = await bench.connect(alpha, bravo);
    const finish: (() => void)[] = [];
    bravo.switchboard.answer('verify', () => new Promise((resolve) => finish.push(() => resolve({ intact: true }))));
    bravo.switchboard.answer('read', async ({ length }) => ({ reply: { size: length }, tail: new Uint8Array(length) }));
    const looks = Array.from({ length: 16 }, () => codeOf(near.call('verify', { path, hash }, { deadlineMs: 60_000 })));
    expect(await bench.settle(codeOf(near.call('read', ask)))).toBe('answered');
    for (let looked = 0; looked < 16; looked++) {
      expect(finish).toHaveLength(Math.min(2, 16 - looked));
      finish.shift()?.();
      await bench.runFor(10);
    }
    expect(new Set(await bench.settle(Promise.all(looks)))).toEqual(new Set(['answered']));
  });

  test('uploads faster than the disk are held back by not reading; the link lives on meanwhile', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    const finish: (() => void)[] = [];
    bravo.switchboard.answer('write', () => new Promise((resolve) => finish.push(() => resolve({}))));
    const tail = new Uint8Array(TAIL_BYTES_MAX);
    const calls = Array.from({ length: 30 }, (_, offset) =>
      codeOf(near.call('write', { upload, offset }, { tail, deadlineMs: 60_000 })),
    );
    await bench.runFor(5_000);
    expect(finish.length).toBeLessThanOrEqual(10);
    expect([far.held, near.open, far.open]).toEqual([true, true, true]);
    while (finish.length > 0) {
      for (const act of finish.splice(0)) act();
      await bench.runFor(200);
    }
    expect(new Set(await bench.settle(Promise.all(calls)))).toEqual(new Set(['answered']));
    expect(far.held).toBe(false);
  });

  test('too many tails waiting to be sent are busy', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    bravo.switchboard.answer('write', () => new Promise(() => {}));
    const tail = new Uint8Array(TAIL_BYTES_MAX);
    const calls = Array.from({ length: 50 }, (_, offset) =>
      codeOf(near.call('write', { upload, offset }, { tail, deadlineMs: 'never' })),
    );
    await bench.runFor(10);
    far.close('enough');
    const codes = await bench.settle(Promise.all(calls));
    expect(codes.filter((code) => code === 'busy').length).toBeGreaterThan(10);
    expect(codes.filter((code) => code === 'closed').length).toBeGreaterThanOrEqual(32);
  });

  test('control frames go before file data: a call overtakes megabytes that wait', async () => {
    bench.world.lan.weather = { ...bench.world.lan.weather, bytesPerMs: 5_000 };
    const { near } = await bench.connect(alpha, bravo);
    const order: string[] = [];
    bravo.switchboard.answer('write', async ({ offset }) => {
      order.push(`write ${offset}`);
      return {};
    });
    bravo.switchboard.answer('invite', async () => {
      order.push('invite');
      return { join: 'line' };
    });
    const tail = new Uint8Array(TAIL_BYTES_MAX);
    const calls: Promise<unknown>[] = [0, 1, 2, 3, 4, 5].map((offset) => near.call('write', { upload, offset }, { tail }));
    calls.push(near.call('invite', {}));
    await bench.settle(Promise.all(calls));
    expect(order.indexOf('invite')).toBeLessThanOrEqual(1);
    expect(order.filter((word) => word !== 'invite')).toEqual([0, 1, 2, 3, 4, 5].map((offset) => `write ${offset}`));
  });

  test('a call nobody waits for any more is not sent', async () => {
    bench.world.lan.weather = { ...bench.world.lan.weather, bytesPerMs: 500 };
    const { near } = await bench.connect(alpha, bravo);
    const offsets: number[] = [];
    bravo.switchboard.answer('write', async ({ offset }) => {
      offsets.push(offset);
      return {};
    });
    const tail = new Uint8Array(TAIL_BYTES_MAX);
    const codes = [0, 1, 2].map((offset) => codeOf(near.call('write', { upload, offset }, { tail, deadlineMs: 500 })));
    expect(await bench.settle(Promise.all(codes))).toEqual(['timeout', 'timeout', 'timeout']);
    await bench.runFor(20_000);
    expect(offsets).toEqual([0]);
  });

  test('who never listens while much is said to it is closed as stalled', async () => {
    const { near, far } = await bench.pipes(alpha, bravo);
    const link: PipeLink = linkOver(near, alpha, 'peer');
    alpha.switchboard.add(link);
    new PipeEar(far);
    far.pause();
    const facts = Array.from({ length: 200 }, (_, generation) => ({
      kind: 'secret' as const,
      generation,
      secret: 'x'.repeat(200),
      excludes: [],
    }));
    let count = 0;
    while (link.open && count < 1_000) {
      link.note('facts', { facts });
      count++;
    }
    expect(alpha.downs).toEqual(['stalled']);
    expect(count).toBeGreaterThan(100);
  });
});
