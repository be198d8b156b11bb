import { beforeEach, describe, expect, it } from 'vitest';
import { firstOf } from '../../src/client/first-of.ts';
import { HandClock } from '../replication/hand-clock.ts';

describe('the first of several that gives anything', () => {
  let clock: HandClock;
  let atOnce: number;
  let atOnceMost: number;
  let asked: string[];
  beforeEach(() => {
    clock = new HandClock();
    [atOnce, atOnceMost, asked] = [0, 0, []];
  });

  /** Asks names that answer after so many ms: with what, or nothing, or by failing. */
  function ask(answers: Record<string, { ms: number; gives?: string; fails?: boolean }>, deadlineMs = 10_000) {
    const one = (name: string) =>
      new Promise<string | undefined>((resolve, reject) => {
        asked.push(name);
        atOnceMost = Math.max(atOnceMost, ++atOnce);
        const { ms, gives, fails } = answers[name] as { ms: number; gives?: string; fails?: boolean };
        clock.after(ms, () => {
          atOnce -= 1;
          if (fails === true) reject(new Error('failed'));
          else resolve(gives);
        });
      });
    return firstOf(Object.keys(answers), one, { clock, atOnceMax: 2, deadlineMs });
  }
  const told = async (answer: Promise<string | undefined>) => {
    let result: string | undefined = 'nothing yet';
    answer.then((gives) => {
      result = gives;
    }, undefined);
    await clock.pass(20_000);
    return result;
  };

  it('is whoever answers soonest with something, and nobody else is asked then', async () => {
    const slow = { ms: 9_000, gives: 'slow' };
    expect(await told(ask({ slow, quick: { ms: 100, gives: 'quick' }, other: { ms: 1, gives: 'other' } }))).toBe('quick');
    expect(asked).toEqual(['slow', 'quick']);
  });

  it('comes after those that fail or have nothing, a bounded number at once', async () => {
    const answers = { a: { ms: 10, fails: true }, b: { ms: 5_000 }, c: { ms: 10 }, d: { ms: 10, gives: 'd' }, e: { ms: 1 } };
    expect(await told(ask(answers))).toBe('d');
    expect([asked, atOnceMost]).toEqual([['a', 'b', 'c', 'd'], 2]);
  });

  it('is nobody when none has anything, when none is there, or once the deadline is over', async () => {
    expect(await told(ask({ a: { ms: 1 }, b: { ms: 2, fails: true } }))).toBeUndefined();
    expect(await told(ask({}))).toBeUndefined();
    asked = [];
    expect(await told(ask({ a: { ms: 15_000, gives: 'a' }, b: { ms: 15_000 }, c: { ms: 1, gives: 'c' } }))).toBeUndefined();
    expect(asked).toEqual(['a', 'b']);
  });
});
