import { beforeEach, describe, expect, test } from 'vitest';
import type { Link } from '../../src/wire/link.ts';
import { type End, LinkBench } from './link-bench.ts';

let bench: LinkBench;
let alpha: End;
let bravo: End;

beforeEach(() => {
  bench = new LinkBench('switchboard');
  alpha = bench.end('alpha');
  bravo = bench.end('bravo');
});

describe('switchboard', () => {
  test('two rooms answering one call is a defect', () => {
    alpha.switchboard.answer('invite', async () => ({ join: '' }));
    expect(() => alpha.switchboard.answer('invite', async () => ({ join: '' }))).toThrow('two rooms answer "invite"');
  });

  test('finds links by identity and role, in id order', async () => {
    const others = [bravo, bench.end('charlie'), bench.end('delta', 'client'), bench.end('echo')];
    for (const other of others) await bench.connect(alpha, other);
    const ids = others.filter((end) => end.role === 'peer').map((end) => end.node.id);
    expect(alpha.switchboard.peers().map((link) => link.peer)).toEqual([...ids].sort());
    expect(alpha.switchboard.clients().map((link) => link.peer)).toEqual([others[2]?.node.id]);
    expect(alpha.switchboard.link(bravo.node.id)?.peer).toBe(bravo.node.id);
  });

  test('a second link to one peer is a defect: who replaces one removes it first', async () => {
    const first = await bench.connect(alpha, bravo);
    const second = await bench.links(alpha, bravo);
    expect(() => alpha.switchboard.add(second.near)).toThrow('two live links');
    alpha.switchboard.remove(first.near, 'replaced');
    expect(alpha.switchboard.add(second.near)).toBe(true);
    expect(alpha.switchboard.link(bravo.node.id)).toBe(second.near);
    expect(alpha.downs).toEqual(['replaced']);
    // The end of the old one is not the end of the new one.
    await bench.runFor(100);
    expect(alpha.switchboard.link(bravo.node.id)).toBe(second.near);
  });

  test('a link that closed before it was added is not put in', async () => {
    const { near } = await bench.links(alpha, bravo);
    const ups: string[] = [];
    alpha.switchboard.onUp((link) => ups.push(link.peer));
    near.close('never mind');
    expect(alpha.switchboard.add(near)).toBe(false);
    expect([ups, alpha.downs]).toEqual([[], []]);
  });

  test('ups and downs are told to all, also when one of them fails', async () => {
    const told: string[] = [];
    alpha.switchboard.onUp(() => {
      throw new Error('a defect');
    });
    alpha.switchboard.onUp(() => told.push('up'));
    alpha.switchboard.onDown((_link, reason) => told.push(`down ${reason}`));
    const { near } = await bench.connect(alpha, bravo);
    alpha.switchboard.remove(near, 'enough');
    expect(told).toEqual(['up', 'down enough']);
    expect(alpha.log.lines.some((line) => line.includes('a defect'))).toBe(true);
  });

  test('file data is counted by peer, and of all clients together, however many come and go', () => {
    const { switchboard } = alpha;
    const link = (peer: string, role: 'peer' | 'client') => ({ peer, role }) as unknown as Link;
    for (let number = 0; number < 1_000; number++) switchboard.moved(link(`guest${number}`, 'client'), 1, 2);
    for (let number = 0; number < 3; number++) switchboard.moved(link('bravo', 'peer'), 10, 0);
    expect(Object.fromEntries(switchboard.traffic)).toEqual({
      clients: { inBytes: 1_000, outBytes: 2_000 },
      bravo: { inBytes: 30, outBytes: 0 },
    });
  });

  test('several rooms hear one note', async () => {
    const heard: string[] = [];
    bravo.switchboard.hear('goodbye', (_body, from) => heard.push(`first ${from.peer === alpha.node.id}`));
    bravo.switchboard.hear('goodbye', () => heard.push('second'));
    const { near } = await bench.connect(alpha, bravo);
    near.note('goodbye', {});
    await bench.runFor(50);
    expect(heard).toEqual(['first true', 'second']);
  });

  test('who says much before its link is up is closed', async () => {
    const { near, far } = await bench.links(alpha, bravo);
    for (let count = 0; count < 300; count++) near.note('facts', { facts: [] });
    await bench.runFor(100);
    expect([near.open, far.open]).toEqual([false, false]);
  });
});
