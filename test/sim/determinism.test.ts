import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asMeshError } from '../../src/core/errors.ts';
import type { Pipe } from '../../src/platform/network.ts';
import { randomHex } from '../../src/platform/random.ts';
import type { SimNode, SimPlatform } from './sim-node.ts';
import { SimWorld } from './sim-world.ts';
import { armTripwires } from './tripwires.ts';

const PORT = 7000;

/** A small program that uses every seam: files in its folder are staged, committed, numbered, told to whoever it finds. */
async function program({ clock, random, network, discovery, disk, store, hasher, log }: SimPlatform): Promise<void> {
  const pipes = new Set<Pipe>();
  const keep = (pipe: Pipe) => {
    pipes.add(pipe);
    pipe.open({
      data: (bytes) => log.debug('heard', { from: pipe.remoteId.slice(0, 4), bytes }),
      drain: () => log.debug('drained'),
      closed(reason) {
        pipes.delete(pipe);
        log.info('closed', { reason });
      },
    });
  };
  const failed = (thrown: unknown) => log.warn('failed', { code: asMeshError(thrown).code });
  await network.listen({ port: PORT, accept: keep });
  await discovery.announce({ instance: randomHex(random, 8), tag: '0'.repeat(32), port: PORT });
  await discovery.browse(({ addresses }) => {
    for (const address of pipes.size < 4 ? addresses : []) network.dial(address).then(keep, failed);
  });
  await disk.prepare(new Uint8Array([1]));
  await disk.watch((path) => log.debug('hint', { path }));
  const room = random.fork('work');
  const turn = async () => {
    for await (const batch of disk.walk()) log.debug('walked', { count: batch.length });
    const name = randomHex(room, 4);
    const staged = await disk.stage(name);
    await staged.write(0, room.bytes(1 + room.integer(3_000)));
    await staged.sync();
    await staged.close();
    const path = `folder${room.integer(3)}/${name}`;
    await disk.commit({ path, staged: staged.path, aside: `.filemesh/aside/${name}` });
    const file = await disk.open(path);
    const { hash } = await hasher.digest(file);
    await file.close();
    await store.batch([{ key: `file/${path}`, value: new TextEncoder().encode(hash) }]);
    log.info('stored', { path, hash, at: clock.wall(), rows: (await store.range({ from: '', to: '~', limit: 100 })).length });
    for (const pipe of pipes) pipe.write([new TextEncoder().encode(hash), new Uint8Array(room.integer(200_000))]);
  };
  const again = () => clock.after(50 + room.integer(200), () => turn().catch(failed).then(again, failed));
  again();
}

/** Kills, power cuts, stops, cuts, clock jumps and a person's edits, all from the seed. */
function trouble(world: SimWorld): void {
  const random = world.scheduler.random.fork('nemesis');
  const run = (node: SimNode) => {
    program(node.start()).catch((thrown: unknown) => node.incarnation?.tell(`ended: ${asMeshError(thrown).code}`));
  };
  const restart = (node: SimNode, end: () => void) => {
    end();
    world.scheduler.outside.after(random.between(10, 3_000), () => {
      if (node.incarnation === undefined) run(node);
    });
  };
  const acts: ((node: SimNode, other: SimNode) => void)[] = [
    (node) => restart(node, () => node.kill()),
    (node) => restart(node, () => node.powerLoss(random.pick(['journal', 'hostile']))),
    (node) => node.stop(),
    (node) => node.cont(),
    (node, other) => world.lan.cut(node.host, other.host),
    () => world.lan.heal(),
    (node, other) => world.lan.reset(node.host, other.host),
    (node) => {
      node.wall.offsetMs += random.between(-1e6, 1e6);
    },
    (node) => {
      try {
        node.drive.userWrite(`folder${random.integer(3)}/mine`, random.bytes(random.integer(2_000)));
      } catch (thrown) {
        if (asMeshError(thrown).code !== 'full') throw thrown;
      }
    },
  ];
  const strike = () => {
    random.pick(acts)(random.pick(world.nodes), random.pick(world.nodes));
    world.scheduler.outside.after(random.between(1, 1_000), strike);
  };
  for (const node of world.nodes) run(node);
  strike();
}

async function run(seed: string, minutes: number) {
  const world = new SimWorld(seed, { profile: 'swarm' });
  for (const name of ['alpha', 'bravo', 'charlie']) world.addNode(name, { capacityBytes: 300_000 });
  trouble(world);
  await world.scheduler.runFor(minutes * 60_000);
  const { trace, eventCount } = world.scheduler;
  return { hash: trace.hash(), lines: trace.lines(), lineCount: trace.count, eventCount };
}

describe('one seed', () => {
  let disarm: () => void;
  beforeEach(() => {
    disarm = armTripwires();
  });
  afterEach(() => disarm());

  it('is one history: every seam, a swarm of faults, the same trace twice', async () => {
    for (let seed = 0; seed < 6; seed++) {
      const first = await run(`same/${seed}`, 1);
      const second = await run(`same/${seed}`, 1);
      expect(second).toEqual(first);
      expect(first.lineCount).toBeGreaterThan(100);
    }
  });

  it('is another history than the next', async () => {
    expect((await run('one', 1)).hash).not.toBe((await run('other', 1)).hash);
  });
});
