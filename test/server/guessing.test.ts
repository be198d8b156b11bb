import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { login } from '../../src/client/verbs/accounts.ts';
import { asMeshError } from '../../src/core/errors.ts';
import type { PeerId } from '../../src/core/ids.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { type Attempt, DELAY_MS_MAX, FREE_MISSES, Guessing } from '../../src/server/guessing.ts';
import { HASHES_AT_ONCE, Passwords } from '../../src/server/passwords.ts';
import { VERB } from '../sim/mesh-client.ts';
import { SimHasher } from '../sim/sim-hasher.ts';
import { SimRandom } from '../sim/sim-random.ts';
import { addAccount, enter, people } from './people.ts';

const HOUR_MS = 3_600_000;

/** A guard on a clock set by hand, and how often it let a wrong password be looked at. */
function guardOf() {
  const time = { nowMs: 0 };
  const lives = new Map<string, number>();
  const clock: Clock = { now: () => time.nowMs, wall: () => time.nowMs, after: () => ({ cancel: () => {} }) };
  const guessing = new Guessing(clock, (user) => lives.get(user) ?? 0);
  let looked = 0;
  const guess = async (attempt: Attempt, right = false): Promise<'held' | 'right' | 'wrong'> => {
    if (guessing.waitOf(attempt) > 0) return 'held';
    looked++;
    return (await guessing.judge(attempt, async () => right)) ? 'right' : 'wrong';
  };
  return { time, lives, guessing, guess, looked: () => looked };
}

const from = (user: string, host: string, identity?: string): Attempt => ({
  user,
  host,
  identity: identity as PeerId | undefined,
});

describe('guessing', () => {
  test('one account from fifty addresses is looked at some dozen times an hour, whatever is tried', async () => {
    const { time, guess, looked } = guardOf();
    for (let index = 0; index < 10_000; index++) {
      await guess(from('anna', `10.0.0.${index % 50}`, `client ${index % 50}`));
      time.nowMs += HOUR_MS / 10_000;
    }
    expect(looked()).toBeGreaterThan(FREE_MISSES);
    expect(looked()).toBeLessThanOrEqual(20);
    // And for days: one every quarter of an hour.
    const before = looked();
    for (let index = 0; index < 10_000; index++) {
      await guess(from('anna', `10.0.0.${index % 50}`));
      time.nowMs += (48 * HOUR_MS) / 10_000;
    }
    expect(looked() - before).toBeLessThanOrEqual((48 * HOUR_MS) / DELAY_MS_MAX + 1);
  });

  test('many accounts from one address costs that address as much', async () => {
    const { time, guess, looked } = guardOf();
    for (let index = 0; index < 10_000; index++) {
      await guess(from(`user${index}`, '10.0.0.1', `client ${index}`));
      time.nowMs += HOUR_MS / 10_000;
    }
    expect(looked()).toBeLessThanOrEqual(20);
  });

  test('knows nobody who had the name before: their tries are those of a stranger', async () => {
    const { lives, guessing, guess } = guardOf();
    const before = from('anna', '10.0.0.7', 'laptop');
    expect(await guess(before, true)).toBe('right');
    expect(guessing.isKnown(before)).toBe(true);
    for (let index = 0; index < 100; index++) await guess(from('anna', '10.0.0.9', 'x'));
    expect(guessing.waitOf(before)).toBe(0);
    lives.set('anna', 1);
    expect(guessing.isKnown(before)).toBe(false);
    expect(guessing.waitOf(before)).toBeGreaterThan(0);
  });

  test('holds up nobody who was here before, and the guesser is no better off for having an account', async () => {
    const { guess } = guardOf();
    expect(await guess(from('anna', '10.0.0.7', 'laptop'), true)).toBe('right');
    for (let index = 0; index < 100; index++) await guess(from('anna', '10.0.0.9', 'x'));
    expect(await guess(from('anna', '10.0.0.9', 'y'))).toBe('held');
    expect(await guess(from('anna', '10.0.0.200', 'laptop'), true)).toBe('right');
    expect(await guess(from('anna', '10.0.0.7', 'another program'), true)).toBe('right');
    // Between the guesses he logs in as himself: at her account he is held all the same, and so is his address.
    expect(await guess(from('eve', '10.0.0.9', 'x'), true)).toBe('held');
    expect(await guess(from('eve', '10.0.0.10', 'x'), true)).toBe('right');
    expect(await guess(from('anna', '10.0.0.10', 'x'))).toBe('held');
  });

  test('an address is not forgiven for what it missed by one login that was right', async () => {
    const { guess } = guardOf();
    for (let index = 1; index < FREE_MISSES; index++) expect(await guess(from(`user${index}`, '10.0.0.9'))).toBe('wrong');
    expect(await guess(from('eve', '10.0.0.9', 'x'), true)).toBe('right');
    expect(await guess(from('another', '10.0.0.9'))).toBe('wrong');
    expect(await guess(from('one more', '10.0.0.9'))).toBe('held');
  });

  test('tries at the same time are no more than one after the other', async () => {
    const { guessing } = guardOf();
    let looked = 0;
    const attempt = from('anna', '10.0.0.9');
    const tries = Array.from({ length: 100 }, () =>
      guessing
        .judge(attempt, async () => {
          looked++;
          await Promise.resolve();
          return false;
        })
        .catch((thrown: unknown) => asMeshError(thrown).code),
    );
    const codes = await Promise.all(tries);
    expect(looked).toBe(FREE_MISSES);
    expect(codes.filter((code) => code === 'busy').length).toBe(100 - FREE_MISSES);
    expect(guessing.waitOf(attempt)).toBeGreaterThan(0);
  });
});

describe('passwords', () => {
  test('are hashed two at a time, an unknown user as a known one, and who waits too long comes again', async () => {
    let running = 0;
    let most = 0;
    let hashed = 0;
    const ends: (() => void)[] = [];
    const hasher = {
      passwordKey: async (password: string) => {
        hashed++;
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => ends.push(resolve));
        running--;
        return Buffer.alloc(32, password);
      },
    };
    const passwords = new Passwords(hasher, new SimRandom('passwords'));
    const kept = passwords.verifier('a');
    const tries = [kept, ...Array.from({ length: 50 }, () => passwords.isRight(undefined, 'a', false))].map((one) =>
      Promise.resolve(one).catch((thrown: unknown) => asMeshError(thrown).code),
    );
    const settled = Promise.all(tries);
    for (let step = 0; step < 500; step++) {
      ends.shift()?.();
      await Promise.resolve();
    }
    const answers = await settled;
    expect(most).toBe(HASHES_AT_ONCE);
    expect(answers.filter((answer) => answer === 'busy').length).toBe(51 - hashed);
    expect(answers.filter((answer) => answer === false).length).toBe(hashed - 1);
  });
});

describe('in a mesh', () => {
  let hashes = 0;
  beforeEach(() => {
    hashes = 0;
    const hash = SimHasher.prototype.passwordKey;
    const spy = vi.spyOn(SimHasher.prototype, 'passwordKey').mockImplementation(function (this: SimHasher, password, salt) {
      hashes++;
      return hash.call(this, password, salt);
    });
    return () => spy.mockRestore();
  });

  const PROOF = 'ab'.repeat(32);
  const kinds = async (session: Session, user: string, count: number): Promise<string[]> => {
    const told: string[] = [];
    for (let index = 0; index < count; index++) told.push((await login(session, { user, proof: PROOF }, VERB)).kind);
    return told;
  };

  test('10,000 guesses at three peers are looked at a few times, and who was here before logs in meanwhile', async () => {
    const { mesh, anna, others } = await people('guesses', 7);
    hashes = 0;
    const guesses = Promise.all(others.map((session) => kinds(session, 'anna', 2_500)));
    const { proof } = await mesh.settle(anna.signIn.secretsOf('anna', 'of anna'));
    expect((await mesh.settle(login(anna, { user: 'anna', proof }, VERB))).kind).toBe('in');
    const told = (await mesh.settle(guesses)).flat();
    expect(told.length).toBe(10_000);
    expect(told.filter((kind) => kind !== 'wait' && kind !== 'wrong')).toEqual([]);
    // Hers, in her program and at the peer, and those that were looked at: each peer hears of the misses of the others.
    expect(hashes - 2).toBe(told.filter((kind) => kind === 'wrong').length);
    expect(hashes - 2).toBeLessThanOrEqual(3 * FREE_MISSES);
  });

  test('an unknown user costs the same work, and is answered the same', async () => {
    const stories = [];
    for (const user of ['bob', 'nobody']) {
      const { mesh, others } = await people('unknown user', 4);
      hashes = 0;
      const told = await mesh.settle(kinds(others[0] as Session, user, 50));
      stories.push({ told, hashes });
    }
    expect(stories[0]).toEqual(stories[1]);
    expect(stories[0]?.told.slice(0, 7)).toEqual([...Array(FREE_MISSES).fill('wrong'), 'wait', 'wait']);
  });

  test('a password that was added at one peer is right at another', async () => {
    const { mesh, root, others } = await people('another peer', 4);
    await mesh.settle(addAccount(root, 'dora', 'of dora'));
    await mesh.run(500);
    expect((await mesh.settle(enter(others[0] as Session, 'dora', 'of dora'))).kind).toBe('in');
  });
});

test('a made-up name holds up nobody who was here before', async () => {
  const { guess, guessing } = guardOf();
  await guess(from('user', '10.0.0.9'), true);
  for (let index = 0; index < 2 * FREE_MISSES; index++) guessing.missed(from('at/10.0.0.9', `10.9.9.${index}`));
  expect(guessing.waitOf(from('user', '10.0.0.9'))).toBe(0);
});

test('a name that is guessed at is not forgotten for made-up ones', () => {
  const { guessing } = guardOf();
  for (let index = 0; index < FREE_MISSES; index++) guessing.missed(from('root', `10.0.0.${index}`));
  for (let index = 0; index < 11_000; index++) guessing.missed(from(`nobody ${index}`, `a host ${index}`));
  expect(guessing.waitOf(from('root', '10.1.1.1'))).toBeGreaterThan(0);
});

test('whoever was here before is looked at before strangers, and though these fill the queue', async () => {
  const turns: (() => void)[] = [];
  const looked: string[] = [];
  const hasher = {
    passwordKey: (proof: string) => {
      looked.push(proof);
      return new Promise<Uint8Array>((resolve) => turns.push(() => resolve(new Uint8Array(32))));
    },
  };
  const passwords = new Passwords(hasher, new SimRandom('a full queue'));
  const codes: string[] = [];
  const tryOne = (proof: string, isUrgent: boolean): void => {
    passwords.isRight(undefined, proof, isUrgent).catch((thrown: unknown) => codes.push(`${proof}: ${asMeshError(thrown).code}`));
  };
  for (let index = 0; index < 34; index++) tryOne(`stranger ${index}`, false);
  tryOne('anna', true);
  tryOne('bob', true);
  tryOne('one too many', false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(codes.sort()).toEqual(['one too many: busy', 'stranger 32: busy', 'stranger 33: busy']);
  while (looked.length < 5) {
    turns.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(looked.slice(0, 5)).toEqual(['stranger 0', 'stranger 1', 'anna', 'bob', 'stranger 2']);
});
