import { beforeEach, describe, expect, test } from 'vitest';
import { GREETING_BYTES, greet } from '../../src/wire/greeting.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { GreetingBench, type Knowing, right } from './greeting-bench.ts';

let bench: GreetingBench;

beforeEach(() => {
  bench = new GreetingBench();
});

describe('who is admitted', () => {
  test('both know the secret: both learn who the other is', async () => {
    const [a, b] = await bench.greetBoth({ secrets: right }, { secrets: right, role: 'client' });
    expect(a).toMatchObject({ peer: bench.bravo.node.id, role: 'client', instance: 'bbbbbbbbbbbbbbbb', provedGeneration: 1 });
    expect(b).toMatchObject({ peer: bench.alpha.node.id, role: 'peer', instance: 'aaaaaaaaaaaaaaaa', provedGeneration: 1 });
  });

  const wrong = [[1, 'another secret']] as const;
  const cases: [string, Knowing, Knowing, 'admitted' | 'refused'][] = [
    ['a wrong secret', { secrets: right }, { secrets: wrong }, 'refused'],
    ['no secret at all', { secrets: right }, {}, 'refused'],
    ['nobody knows anything', {}, {}, 'refused'],
    ['both are members by key', { standing: 'member' }, { standing: 'member' }, 'admitted'],
    ['A knows B by key, B needs a proof and gets it', { standing: 'member', secrets: right }, { secrets: right }, 'admitted'],
    ['A knows B by key, B needs a proof and gets none', { standing: 'member' }, { secrets: right }, 'refused'],
    ['removed, though it knows the secret', { secrets: right, standing: 'removed' }, { secrets: right }, 'refused'],
    ['removed, and holds the other for a member', { secrets: right, standing: 'removed' }, { standing: 'member' }, 'refused'],
    [
      'one shared secret among several',
      {
        secrets: [
          [1, 'a'],
          [2, 'b'],
        ],
      },
      {
        secrets: [
          [2, 'b'],
          [3, 'c'],
        ],
      },
      'admitted',
    ],
    [
      'an old secret that admits no more',
      {
        secrets: [
          [1, 'a'],
          [2, 'b'],
        ],
        accepts: (generation) => generation >= 2,
      },
      { secrets: [[1, 'a']] },
      'refused',
    ],
    [
      'an old secret, and a member',
      {
        secrets: [
          [1, 'a'],
          [2, 'b'],
        ],
        standing: 'member',
        accepts: () => false,
      },
      { secrets: [[1, 'a']] },
      'admitted',
    ],
  ];
  test.each(cases)('%s', async (_name, knowAlpha, knowBravo, expected) => {
    const outcomes = await bench.greetBoth(knowAlpha, knowBravo);
    if (expected === 'admitted') expect(outcomes.every((outcome) => typeof outcome === 'object')).toBe(true);
    else for (const outcome of outcomes) expect(['not-allowed', 'closed']).toContain(outcome);
    if (expected === 'refused') expect(outcomes).toContain('not-allowed');
  });

  test('the newest of several shared secrets is told; a member by key proves none', async () => {
    const several = [
      [1, 'a'],
      [3, 'c'],
      [2, 'b'],
    ] as const;
    const [a] = await bench.greetBoth({ secrets: several }, { secrets: several });
    expect(a).toMatchObject({ provedGeneration: 3 });
    const [member] = await bench.greetBoth({ standing: 'member' }, { standing: 'member' });
    expect(member).not.toHaveProperty('provedGeneration');
  });

  test('of more secrets than fit the newest are proved', async () => {
    const many = Array.from({ length: 20 }, (_, index) => [index, `secret ${index}`] as const);
    const [a] = await bench.greetBoth({ secrets: many }, { secrets: many });
    expect(a).toMatchObject({ provedGeneration: 19 });
    const [old] = await bench.greetBoth({ secrets: many.slice(0, 12) }, { secrets: many });
    expect(old).toBe('not-allowed');
  });
});

describe('handover', () => {
  test('what comes right behind the greeting is not lost, in whatever pieces', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const sent = Uint8Array.from({ length: 700_000 }, (_, index) => index % 251);
    const first = greet(near, bench.options(bench.alpha, { secrets: right })).then(({ pipe }) => {
      pipe.write([sent]);
      return pipe;
    });
    const [, greeted] = await bench.settle(Promise.all([first, greet(far, bench.options(bench.bravo, { secrets: right }))]));
    // Opened late: until then the sender is held back.
    await bench.runFor(1_000);
    const ear = new PipeEar(greeted.pipe);
    await bench.settle(ear.untilBytes(sent.length));
    expect(Buffer.compare(ear.heard(), sent)).toBe(0);
    expect(() => greeted.pipe.open(ear)).toThrow('opened twice');
  });

  test('an end before the link opens the pipe is told to it, after what was said', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const first = greet(near, bench.options(bench.alpha, { secrets: right })).then(({ pipe }) => {
      pipe.write([Uint8Array.of(1, 2, 3)]);
      pipe.close(1_000);
    });
    const [, greeted] = await bench.settle(Promise.all([first, greet(far, bench.options(bench.bravo, { secrets: right }))]));
    await bench.runFor(3_000);
    const ear = new PipeEar(greeted.pipe);
    await bench.settle(ear.untilClosed());
    expect(ear.reasons).toHaveLength(1);
    expect([...ear.heard()]).toEqual([1, 2, 3]);
  });

  test('the second user may pause', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const [a, b] = await bench.settle(
      Promise.all([
        greet(near, bench.options(bench.alpha, { secrets: right })),
        greet(far, bench.options(bench.bravo, { secrets: right })),
      ]),
    );
    const ear = new PipeEar(b.pipe);
    b.pipe.pause();
    a.pipe.write([new Uint8Array(1_000)]);
    await bench.runFor(1_000);
    expect(ear.bytes).toBe(0);
    b.pipe.resume();
    await bench.settle(ear.untilBytes(1_000));
  });

  test('what comes in one piece with the verdict is the link’s', async () => {
    const { near, far } = await bench.pipes(bench.alpha, bench.bravo);
    const greeting = new Uint8Array(GREETING_BYTES);
    greeting.set(Buffer.from('filemesh\0\x04'));
    new PipeEar(near);
    near.write([greeting, Uint8Array.of(1), Uint8Array.of(7, 8, 9)]);
    const greeted = await bench.settle(greet(far, bench.options(bench.bravo, { standing: 'member' })));
    const ear = new PipeEar(greeted.pipe);
    await bench.settle(ear.untilBytes(3));
    expect([...ear.heard()]).toEqual([7, 8, 9]);
  });
});
