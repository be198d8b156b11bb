import { beforeEach, describe, expect, test } from 'vitest';
import { BEAT_MS, BEAT_MS_MAX, type Beating, Heartbeat, SILENCE_MS_MAX } from '../../src/wire/heartbeat.ts';
import type { PipeLink } from '../../src/wire/pipe-link.ts';
import { PipeEar } from '../platform/pipe-ear.ts';
import { type End, LinkBench, linkOver } from './link-bench.ts';

let bench: LinkBench;
let alpha: End;
let bravo: End;

beforeEach(() => {
  bench = new LinkBench('heartbeat');
  alpha = bench.end('alpha');
  bravo = bench.end('bravo');
});

/** Virtual ms until `link` is closed. */
async function msUntilClosed(link: PipeLink): Promise<number> {
  const beforeMs = bench.world.scheduler.nowMs;
  await bench.world.scheduler.runUntil(() => !link.open, 60_000);
  return bench.world.scheduler.nowMs - beforeMs;
}

describe('heartbeat', () => {
  test('a link with nothing to say lives on', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    await bench.runFor(600_000);
    expect([near.open, far.open]).toEqual([true, true]);
  });

  test('a peer without power is found dead after three beats', async () => {
    const { near } = await bench.connect(alpha, bravo);
    await bench.runFor(10_000);
    bravo.node.powerLoss();
    const ms = await msUntilClosed(near);
    expect(alpha.downs).toEqual(['silent']);
    expect(ms).toBeGreaterThan(1_500 - 2 * BEAT_MS);
    expect(ms).toBeLessThan(1_500 + BEAT_MS);
  });

  test('a cable that carries nothing any more is found by both ends', async () => {
    const { near, far } = await bench.connect(alpha, bravo);
    await bench.runFor(10_000);
    bench.world.lan.silence(alpha.node.host, bravo.node.host);
    await bench.runFor(2_000);
    expect([near.open, far.open]).toEqual([false, false]);
    expect([...alpha.downs, ...bravo.downs]).toEqual(['silent', 'silent']);
  });

  test('who never says a word after the greeting is found too', async () => {
    const { near, far } = await bench.pipes(alpha, bravo);
    const link = linkOver(near, alpha, 'peer');
    new PipeEar(far);
    expect(await msUntilClosed(link)).toBeLessThan(SILENCE_MS_MAX + BEAT_MS);
  });

  test('a link that is not up is watched as well', async () => {
    const { near } = await bench.links(alpha, bravo);
    await bench.runFor(1_000);
    bravo.node.powerLoss();
    expect(await msUntilClosed(near)).toBeLessThan(1_500 + BEAT_MS);
  });

  test('an idle link costs two beats a second, a busy one none', async () => {
    const { near, far } = await bench.pipes(alpha, bravo);
    linkOver(near, alpha, 'peer');
    const ear = new PipeEar(far);
    await bench.runFor(1_000);
    const before = ear.bytes;
    // It hears nothing itself: keep it alive.
    for (let count = 0; count < 20; count++) {
      far.write([new Uint8Array([0, 0, 0, 9, 5, 0, 0, 1, 244, 0, 0, 0, 0])]);
      await bench.runFor(500);
    }
    const beats = (ear.bytes - before) / 13;
    expect(beats).toBeGreaterThanOrEqual(13);
    expect(beats).toBeLessThanOrEqual(20);
  });
});

describe('a beat that comes', () => {
  const BEAT = new Uint8Array([0, 0, 0, 9, 5, 0, 0, 1, 244, 0, 0, 0, 0]);

  test('is answered at once by the own one when that is soon due, and by none when it is not', async () => {
    const { near, far } = await bench.pipes(alpha, bravo);
    linkOver(near, alpha, 'peer');
    const ear = new PipeEar(far);
    await bench.settle(ear.untilBytes(13));
    const beatAfter = async (ms: number): Promise<number> => {
      await bench.runFor(ms);
      const before = ear.bytes;
      far.write([BEAT]);
      // There and back, and no look of its own in between.
      await bench.runFor(20);
      return (ear.bytes - before) / 13;
    };
    expect([await beatAfter(100), await beatAfter(180), await beatAfter(100)]).toEqual([0, 1, 0]);
  });
});

describe('a peer that stood still itself (pitfall 32)', () => {
  test.each([400, 900])('for %i ms: nobody is declared dead', async (ms) => {
    const { near, far } = await bench.connect(alpha, bravo);
    await bench.runFor(10_000);
    bravo.node.stop();
    await bench.runFor(ms);
    bravo.node.cont();
    await bench.runFor(10_000);
    expect([near.open, far.open]).toEqual([true, true]);
  });

  test('for a minute: it is dead for the others, but holds none of them for dead', async () => {
    const charlie = bench.end('charlie');
    await bench.connect(alpha, bravo);
    await bench.connect(charlie, bravo);
    await bench.connect(alpha, charlie);
    await bench.runFor(10_000);
    bravo.node.stop();
    await bench.runFor(60_000);
    expect(alpha.downs).toEqual(['silent']);
    expect(charlie.downs).toEqual(['silent']);
    bravo.node.cont();
    await bench.runFor(60_000);
    expect(bravo.downs.sort()).toEqual(['closed by the other end', 'closed by the other end']);
    expect(alpha.switchboard.link(charlie.node.id)?.open).toBe(true);
  });

  test('and the others died before: they get a full time all the same, then they are dead', async () => {
    const { near } = await bench.connect(alpha, bravo);
    await bench.runFor(10_000);
    bravo.node.powerLoss();
    await bench.runFor(100);
    alpha.node.stop();
    await bench.runFor(30_000);
    alpha.node.cont();
    const ms = await msUntilClosed(near);
    expect(ms).toBeGreaterThanOrEqual(1_500);
    expect(ms).toBeLessThan(1_500 + 2 * BEAT_MS);
  });
});

describe('what lies in a socket unread', () => {
  /** One timer's act and one arrival due at the same moment: the timer comes first, as in an event loop. */
  test.each([
    ['is life', true],
    ['and when there is nothing, it is death', false],
  ])('%s', (_name, arrives) => {
    let nowMs = 0;
    let due: (() => void)[] = [];
    const after = (_ms: number, act: () => void) => {
      due.push(act);
      return { cancel: () => {} };
    };
    const heartbeat = new Heartbeat({ now: () => nowMs, wall: () => nowMs, after });
    const closed: string[] = [];
    const link: Beating & { heardMs: number } = {
      ...{ role: 'peer' as const, open: true, sentMs: 0, promisedMs: 500, fullSinceMs: undefined, held: false },
      heardMs: 0,
      beat: () => {},
      renew: () => {},
      close: (reason) => closed.push(reason),
    };
    heartbeat.watch(link);
    while (nowMs < 1_500) {
      nowMs += 250;
      for (const act of due.splice(0)) act();
    }
    if (arrives) link.heardMs = nowMs;
    for (const act of due.splice(0)) act();
    due = [];
    expect(closed).toEqual(arrives ? [] : ['silent']);
  });

  test('is life too when this process stands still between the look that finds one dead and the closing', () => {
    let nowMs = 0;
    let timers: { readonly dueMs: number; readonly act: () => void }[] = [];
    const after = (ms: number, act: () => void) => {
      const timer = { dueMs: nowMs + ms, act };
      timers.push(timer);
      return { cancel: () => {} };
    };
    /** All timers that are due run before the sockets are read, as in an event loop. */
    const wakeAt = (ms: number, read: () => void): void => {
      nowMs = ms;
      const due = timers.filter(({ dueMs }) => dueMs <= nowMs).sort((a, b) => a.dueMs - b.dueMs);
      timers = timers.filter((one) => !due.includes(one));
      for (const { act } of due) act();
      read();
    };
    const heartbeat = new Heartbeat({ now: () => nowMs, wall: () => nowMs, after });
    const closed: [string, number][] = [];
    const linkTo = (name: string) => {
      const link = {
        ...{ role: 'peer' as const, open: true, heardMs: 0, sentMs: 0, promisedMs: 500, fullSinceMs: undefined, held: false },
        beat: () => {},
        renew: () => {
          link.heardMs = nowMs;
        },
        close: () => {
          link.open = false;
          closed.push([name, nowMs]);
        },
      };
      heartbeat.watch(link);
      return link;
    };
    linkTo('bravo');
    const others = [linkTo('charlie'), linkTo('delta')];
    const hear = () => {
      for (const other of others) other.heardMs = nowMs;
    };
    for (let ms = 10; ms <= 1_510; ms += 10) wakeAt(ms, hear);
    expect(closed).toEqual([]);
    for (let ms = 3_510; ms <= 8_000; ms += 10) wakeAt(ms, hear);
    // The dead one has got a full time as well.
    expect(closed.map(([name]) => name)).toEqual(['bravo']);
    expect(closed[0]?.[1]).toBeGreaterThanOrEqual(3_510 + 1_500);
  });
});

describe('many links', () => {
  const COUNT = 30;
  let links: PipeLink[];

  beforeEach(async () => {
    links = [];
    for (let index = 0; index < COUNT; index++) {
      const other = bench.end(`peer${index}`, index % 10 === 9 ? 'client' : 'peer');
      links.push((await bench.connect(alpha, other)).near);
    }
  });

  test('ends with many and with few links agree about silence', async () => {
    await bench.runFor(120_000);
    expect(links.every((link) => link.open)).toBe(true);
  });

  test('a client hears as often from a peer of many, and finds it dead as soon', async () => {
    const carol = bench.end('carol', 'client');
    const { far } = await bench.connect(alpha, carol);
    await bench.runFor(20_000);
    expect(far.promisedMs).toBe(BEAT_MS);
    alpha.node.powerLoss();
    const ms = await msUntilClosed(far);
    expect(ms).toBeGreaterThan(1_500 - 2 * BEAT_MS);
    expect(ms).toBeLessThan(1_500 + BEAT_MS);
  });

  test('an idle link to one of fifty peers costs less than one beat in two seconds', async () => {
    for (let index = COUNT; index < 55; index++) await bench.connect(alpha, bench.end(`peer${index}`));
    const { near, far } = await bench.pipes(alpha, bravo);
    linkOver(near, alpha, 'peer');
    const ear = new PipeEar(far);
    await bench.runFor(5_000);
    const before = ear.bytes;
    const beganMs = bench.world.scheduler.nowMs;
    let longestMs = 0;
    let heardMs = bench.world.scheduler.nowMs;
    for (let beats = 0; beats < 30; beats++) {
      // As another of fifty answers.
      far.write([new Uint8Array([0, 0, 0, 9, 5, 0, 0, BEAT_MS_MAX >> 8, BEAT_MS_MAX & 0xff, 0, 0, 0, 0])]);
      const until = ear.bytes;
      await bench.world.scheduler.runUntil(() => ear.bytes > until, SILENCE_MS_MAX);
      longestMs = Math.max(longestMs, bench.world.scheduler.nowMs - heardMs);
      heardMs = bench.world.scheduler.nowMs;
    }
    expect((ear.bytes - before) / 13).toBe(30);
    expect(longestMs).toBeLessThan(BEAT_MS_MAX * 1.25);
    expect(bench.world.scheduler.nowMs - beganMs).toBeGreaterThan(30 * 2_000);
  });

  test('one of fifty that fell silent is found when its time is up, not at the next look', async () => {
    for (let index = COUNT; index < 55; index++) await bench.connect(alpha, bench.end(`peer${index}`));
    await bench.runFor(20_000);
    const lateMs: number[] = [];
    for (let round = 0; round < 6; round++) {
      const link = links[round] as PipeLink;
      bench.world.node(`peer${round}`).powerLoss();
      await msUntilClosed(link);
      lateMs.push(alpha.clock.now() - link.heardMs - SILENCE_MS_MAX);
      await bench.runFor(137);
    }
    // It reads what lies in the socket first.
    expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateMs)).toBeLessThan(100);
  });

  test('beats are rarer, and a death is found within five seconds', async () => {
    await bench.runFor(20_000);
    bench.world.node('peer3').powerLoss();
    const ms = await msUntilClosed(links[3] as PipeLink);
    expect(ms).toBeLessThanOrEqual(SILENCE_MS_MAX + BEAT_MS);
    expect(ms).toBeGreaterThan(1_500);
    expect(alpha.downs).toEqual(['silent']);
  });
});
