import { beforeEach, describe, expect, test } from 'vitest';
import type { PeerId } from '../../src/core/ids.ts';
import { MeshTraffic, type Traffic } from '../../src/server/traffic.ts';
import { CALLS } from '../../src/wire/calls.ts';
import type { Link } from '../../src/wire/link.ts';
import { CLIENTS, Switchboard } from '../../src/wire/switchboard.ts';
import { type End, LinkBench } from '../wire/link-bench.ts';

let bench: LinkBench;
let alpha: End;
let bravo: End;
let charlie: End;
let mesh: MeshTraffic;

/** Alpha looks at bravo, which tells, and at charlie, which does as each test says. */
beforeEach(async () => {
  bench = new LinkBench('traffic');
  [alpha, bravo, charlie] = ['alpha', 'bravo', 'charlie'].map((name) => bench.end(name)) as [End, End, End];
  mesh = new MeshTraffic(alpha);
  new MeshTraffic(bravo);
  for (const [from, to] of [
    [alpha, bravo],
    [alpha, charlie],
    [bravo, charlie],
  ] as const)
    await bench.connect(from, to);
});

const linkOf = (end: End, other: End) => end.switchboard.link(other.node.id) as Link;
const told = () => bench.settle(mesh.others());

describe('what the other peers move', () => {
  test('is told by each of them: its links, and what went over them', async () => {
    new MeshTraffic(charlie);
    bravo.switchboard.moved(linkOf(bravo, charlie), 0, 1000);
    charlie.switchboard.moved(linkOf(charlie, bravo), 1000, 0);
    charlie.switchboard.moved({ peer: alpha.node.id, role: 'client' } as Link, 0, 5);
    const { peers, silent } = await told();
    expect(silent).toEqual([]);
    const one = (id: string, inBytes: number, outBytes: number) => ({ id, inBytes, outBytes });
    const byId = (links: readonly { id: string }[]) => [...links].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(peers.map(({ id, inBytes, outBytes, links }) => [id, inBytes, outBytes, byId(links)])).toEqual(
      expect.arrayContaining([
        [bravo.node.id, 0, 1000, byId([one(alpha.node.id, 0, 0), one(charlie.node.id, 0, 1000), one(CLIENTS, 0, 0)])],
        [charlie.node.id, 1000, 5, byId([one(alpha.node.id, 0, 0), one(bravo.node.id, 1000, 0), one(CLIENTS, 0, 5)])],
      ]),
    );
  });

  test('is asked once in two seconds however many look, and of nobody while nobody does', async () => {
    let asked = 0;
    charlie.switchboard.answer('traffic', async () => {
      asked++;
      return { inBytes: 0, outBytes: 0, links: [] };
    });
    await bench.runFor(60_000);
    expect(asked).toBe(0);
    const [first, second] = await bench.settle(Promise.all([mesh.others(), mesh.others()]));
    expect(second).toBe(first);
    await bench.runFor(1_000);
    expect(await told()).toBe(first);
    await bench.runFor(2_000);
    expect((await told()).atMs).toBeGreaterThanOrEqual(first.atMs + 2_000);
    expect(asked).toBe(2);
  });

  test('is told to no client', async () => {
    const client = bench.end('a client', 'client');
    await bench.connect(alpha, client);
    const asked = client.switchboard.link(alpha.node.id)?.call('traffic', {});
    await expect(bench.settle(asked as Promise<unknown>)).rejects.toMatchObject({ code: 'not-allowed' });
  });

  const link = { id: CLIENTS, inBytes: 0, outBytes: 0 } as const;
  const nothing = { inBytes: 0, outBytes: 0, links: [] };
  test.each<[string, () => Promise<Traffic>]>([
    ['answers nothing', () => new Promise(() => {})],
    ['is of an older version', () => Promise.reject(new Error('what is that?'))],
    ['tells a number below nothing', async () => ({ ...nothing, outBytes: -1 })],
    ['tells no number', async () => ({ ...nothing, links: [{ ...link, inBytes: Number.NaN }] })],
    ['tells more than can be counted', async () => ({ ...nothing, links: [{ ...link, outBytes: 1e300 }] })],
    ['tells a fraction', async () => ({ ...nothing, inBytes: 0.5 })],
    ['tells a link to what is no peer', async () => ({ ...nothing, links: [{ ...link, id: 'zulu' as PeerId }] })],
    ['tells links without end', async () => ({ ...nothing, links: Array.from({ length: 65 }, () => link) })],
  ])('is missing of one that %s, and of no other', async (_what, answer) => {
    charlie.switchboard.answer('traffic', answer);
    const fromMs = alpha.clock.now();
    const { peers, silent } = await told();
    expect(peers.map(({ id }) => id)).toEqual([bravo.node.id]);
    expect(silent).toEqual([charlie.node.id]);
    expect(alpha.clock.now() - fromMs).toBeLessThan(1_600);
    // It costs that peer its link with nobody.
    expect(linkOf(alpha, charlie).open).toBe(true);
  });

  test('is asked of no more peers, and told of no more links, than the answer has room for', async () => {
    const asked: string[] = [];
    const links = Array.from({ length: 100 }, (_, index) => ({
      peer: index.toString(16).padStart(64, '0'),
      call: async (name: string) => {
        asked.push(name);
        return { reply: nothing };
      },
    }));
    const many = new Switchboard(alpha);
    many.peers = () => links as unknown as Link[];
    let answer: () => Promise<unknown> = async () => undefined;
    many.answer = (_name, answerer) => {
      answer = answerer as unknown as typeof answer;
    };
    const { peers } = await new MeshTraffic({ clock: alpha.clock, switchboard: many }).others();
    expect([peers.length, asked.length]).toEqual([64, 64]);
    const own = (await answer()) as Traffic;
    expect(CALLS.traffic.reply.safeParse(own).error).toBeUndefined();
    expect([own.links.length, own.links.at(-1)?.id]).toEqual([64, CLIENTS]);
  });
});
