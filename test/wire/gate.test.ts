import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/wire/gate.ts';

/** Something that goes on until it is told to end. */
function task(begun: number[], name: number) {
  let end: (failure?: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = (failure) => (failure === undefined ? resolve() : reject(failure));
  });
  const act = () => {
    begun.push(name);
    return ended;
  };
  return { act, end: (failure?: Error) => end(failure) };
}

describe('a gate', () => {
  it('lets so many in, and the next when one leaves, in the order of their coming', async () => {
    const gate = new Gate(2, 10);
    const begun: number[] = [];
    const tasks = [0, 1, 2, 3].map((name) => task(begun, name));
    const passes = tasks.map(({ act }) => gate.pass(act));
    expect(begun).toEqual([0, 1]);
    tasks[1]?.end();
    await passes[1];
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2]);
    tasks[0]?.end(new Error('torn'));
    await expect(passes[0]).rejects.toThrow('torn');
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2, 3]);
    for (const { end } of tasks) end();
    await Promise.all(passes.slice(2));
    await expect(gate.pass(async () => 'in')).resolves.toBe('in');
  });

  it('lets in by weight, nobody before who came earlier, and alone what weighs more than all', async () => {
    const gate = new Gate(4, 10);
    const begun: number[] = [];
    const weights = [3, 2, 1, 9];
    const tasks = weights.map((_, name) => task(begun, name));
    const passes = tasks.map(({ act }, name) => gate.pass(act, weights[name]));
    const end = async (name: number) => {
      tasks[name]?.end();
      await passes[name];
      await Promise.resolve();
    };
    expect(begun).toEqual([0]);
    await end(0);
    expect(begun).toEqual([0, 1, 2]);
    await end(1);
    expect(begun).toEqual([0, 1, 2]);
    await end(2);
    expect(begun).toEqual([0, 1, 2, 3]);
    const last = gate.pass(async () => begun.push(4));
    await Promise.resolve();
    expect(begun).toHaveLength(4);
    await end(3);
    await last;
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses who would wait behind too many', async () => {
    const gate = new Gate(1, 1);
    const begun: number[] = [];
    const [first, second] = [task(begun, 0), task(begun, 1)];
    const passes = [gate.pass(first.act), gate.pass(second.act)];
    await expect(gate.pass(async () => undefined)).rejects.toMatchObject({ code: 'busy' });
    first.end();
    second.end();
    await Promise.all(passes);
    expect(begun).toEqual([0, 1]);
  });
});
