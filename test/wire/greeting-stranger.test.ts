import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { MeshError } from '../../src/core/errors.ts';
import type { Pipe } from '../../src/platform/network.ts';
import { GREETING_BYTES, GREETING_MS, greet } from '../../src/wire/greeting.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { GreetingBench, type Knowing, outcomeOf, right } from './greeting-bench.ts';

let bench: GreetingBench;

beforeEach(() => {
  bench = new GreetingBench();
});

describe('a stranger', () => {
  /** All that a raw end hears from a peer that greets it. */
  async function heardBy(say: (stranger: Pipe, heard: PipeEar) => void, know: Knowing = { secrets: right }): Promise<Uint8Array> {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const ear = new PipeEar(near);
    const outcome = outcomeOf(greet(far, bench.options(bench.bravo, know)));
    say(near, ear);
    expect(typeof (await bench.settle(outcome))).toBe('string');
    await bench.settle(ear.untilClosed());
    return ear.heard();
  }

  test('hears the same number of bytes whatever is known, and at most one verdict', async () => {
    const lengths = [];
    for (const secrets of [
      [],
      right,
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ] as const,
    ]) {
      lengths.push((await heardBy((pipe) => pipe.write([new Uint8Array(GREETING_BYTES)]), { secrets })).length);
    }
    expect(new Set(lengths)).toEqual(new Set([GREETING_BYTES]));
  });

  test('cannot send a greeting back', async () => {
    const heard = await heardBy((pipe, ear) => {
      ear.untilBytes(GREETING_BYTES).then(
        () => pipe.write([ear.heard(), Uint8Array.of(1)]),
        () => {},
      );
    });
    expect(heard.at(GREETING_BYTES)).toBe(0);
  });

  test('cannot pass on what a member told it on another pipe', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const member = outcomeOf(greet(far, bench.options(bench.bravo, { secrets: right })));
    const ear = new PipeEar(near);
    await bench.settle(ear.untilBytes(GREETING_BYTES));
    const stolen = ear.heard();
    near.close();
    expect(await bench.settle(member)).toBe('closed');
    // Both directions, as proofs say which side made them.
    for (const [from, to] of [
      [bench.alpha, bench.bravo],
      [bench.bravo, bench.alpha],
    ] as const) {
      const pipes = await bench.pipes(from, to);
      const victim = outcomeOf(greet(pipes.far, bench.options(to, { secrets: right })));
      new PipeEar(pipes.near);
      pipes.near.write([stolen, Uint8Array.of(1)]);
      expect(await bench.settle(victim)).toBe('not-allowed');
    }
  });

  test.each([
    ['says nothing', ''],
    ['stops in the middle', 'filemesh\0\x04'],
    ['speaks a byte a second', 'filemesh'],
  ])('who %s is hung up on after five seconds', async (how, words) => {
    const beforeMs = bench.world.scheduler.nowMs;
    const letters = [...words].map((letter) => Uint8Array.of(letter.charCodeAt(0)));
    await heardBy((pipe) => {
      const speak = (): void => {
        const letter = letters.shift();
        if (letter === undefined) return;
        pipe.write([letter]);
        bench.alpha.clock.after(how === 'speaks a byte a second' ? 1_000 : 0, speak);
      };
      speak();
    });
    const tookMs = bench.world.scheduler.nowMs - beforeMs;
    expect(tookMs).toBeGreaterThanOrEqual(GREETING_MS);
    expect(tookMs).toBeLessThan(GREETING_MS + 500);
  });

  test.each([1, 7])('protocol version %i is named to this end', async (version) => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    new PipeEar(near);
    const failed = greet(far, bench.options(bench.bravo, { secrets: right })).catch((error: MeshError) => error);
    near.write([Buffer.from(`filemesh\0${String.fromCharCode(version)} and whatever it says`)]);
    expect(await bench.settle(failed)).toMatchObject({
      code: 'protocol',
      message: `the other end speaks protocol ${version}, this one 4: update the older`,
    });
  });

  test('a pipe that ends in the middle', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const outcome = outcomeOf(greet(far, bench.options(bench.bravo, { secrets: right })));
    new PipeEar(near);
    near.write([Buffer.from('file')]);
    near.close(1_000);
    expect(await bench.settle(outcome)).toBe('closed');
  });

  test('garbage is refused whatever it is and however it is cut', async () => {
    const start = fc.constantFrom('', 'filemesh', 'filemesh\0\x04', 'filemesh\0\x04\0', 'filemesh\0\x04\x09');
    const garbage = fc.uint8Array({ maxLength: 500 });
    await fc.assert(
      fc.asyncProperty(start, garbage, fc.nat(300), async (first, rest, cut) => {
        const bytes = Buffer.concat([Buffer.from(first, 'latin1'), rest]);
        const heard = await heardBy((pipe) => {
          pipe.write([bytes.subarray(0, cut)]);
          bench.alpha.clock.after(50, () => {
            pipe.write([bytes.subarray(cut)]);
            pipe.close(1_000);
          });
        });
        expect(heard.at(GREETING_BYTES) ?? 0).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
