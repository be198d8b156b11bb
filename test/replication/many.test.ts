import { afterEach, describe, expect, it, vi } from 'vitest';
import { remove } from '../../src/client/verbs/changes.ts';
import { setReplicas } from '../../src/client/verbs/mesh.ts';
import { Many } from '../../src/folder/many.ts';
import { Serving } from '../../src/replication/serving.ts';
import { TakingMany } from '../../src/replication/taking-many.ts';
import { bytesOf, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';
import { VERB } from '../sim/mesh-client.ts';
import { SimDisk } from '../sim/sim-disk.ts';

const NAMES = Array.from({ length: 200 }, (_, index) => `folder-${index % 3}/file-${index}`);
const textOf = (name: string) => `what ${name} says`;

afterEach(() => vi.restoreAllMocks());

/** Drops many files in the folder of alpha. */
function drop(mesh: Mesh): void {
  for (const name of NAMES) mesh.peer('alpha').node.drive.userWrite(name, bytesOf(textOf(name)));
}

function isOnAll(mesh: Mesh): boolean {
  return mesh.peers.every(({ node }) => node.drive.userList().length === NAMES.length);
}

function drive(mesh: Mesh) {
  return mesh.peer('bravo').node.drive;
}

/** What is on every disk is what was dropped. */
function check(mesh: Mesh): void {
  const decoder = new TextDecoder();
  for (const { node } of mesh.peers) {
    for (const name of NAMES) expect(decoder.decode(node.drive.userRead(name))).toBe(textOf(name));
  }
}

/** Counts batches that were kept, and the reads of single contents. */
function counted() {
  const count = { batches: 0, kept: 0, reads: 0 };
  const { keep } = Many.prototype;
  vi.spyOn(Many.prototype, 'keep').mockImplementation(async function (this: Many, wholes) {
    const errors = await keep.call(this, wholes);
    count.batches += 1;
    count.kept += errors.filter((error) => error === undefined).length;
    return errors;
  });
  const { read } = Serving.prototype;
  vi.spyOn(Serving.prototype, 'read').mockImplementation(function (this: Serving, ask) {
    count.reads += 1;
    return read.call(this, ask);
  });
  return count;
}

describe('many small files', () => {
  it('come to both other peers in a few batches, each file once', async () => {
    const { mesh, sessions } = await startStory('batches', { peers: 3, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(setReplicas(session, 3, {}));
    const count = counted();
    drop(mesh);
    await mesh.until('all are on all', () => isOnAll(mesh));
    check(mesh);
    expect(count).toMatchObject({ kept: NAMES.length * 2, reads: 0 });
    // Three owners ask two takers each.
    expect(count.batches).toBeLessThan(40);
    expect((await mesh.settle(seen(session, NAMES[7] as string)))?.contents[0]?.copies).toBe(3);
  });

  it('come all the same when a holder gives one wrongly, leaves one out, and falls silent now and then', async () => {
    const { mesh } = await startStory('wrong bytes', { peers: 2 });
    const count = counted();
    const { readMany } = Serving.prototype;
    let asked = 0;
    vi.spyOn(Serving.prototype, 'readMany').mockImplementation(async function (this: Serving, ask) {
      asked += 1;
      if (asked % 3 === 0) return await new Promise<never>(() => {});
      const { reply, tail } = await readMany.call(this, ask);
      const sizes = [...reply.sizes];
      if (sizes.length < 3) return { reply, tail };
      const [first = 0, second = 0] = sizes;
      sizes[1] = -1;
      tail[0] = 255 - (tail[0] ?? 0);
      return { reply: { sizes }, tail: Buffer.concat([tail.subarray(0, first), tail.subarray(first + second)]) };
    });
    drop(mesh);
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(count.reads).toBeGreaterThanOrEqual(2);
    expect(count.kept).toBeGreaterThan(0);
    expect(count.kept).toBeLessThan(NAMES.length);
  });

  it('that are told with sizes that do not fit their bytes come one by one', async () => {
    const { mesh } = await startStory('wrong sizes', { peers: 2 });
    const count = counted();
    vi.spyOn(Serving.prototype, 'readMany').mockImplementation(async ({ items }) => ({
      reply: { sizes: items.map(() => 17) },
      tail: new Uint8Array(5),
    }));
    drop(mesh);
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(count.kept).toBe(0);
  });

  it.each([
    ['sent', { alpha: { limitUp: 64 * 1024 } }],
    ['taken in', { bravo: { limitDown: 64 * 1024 } }],
  ])('come one by one under a limit on what is %s, which single reads share', async (_, rates) => {
    const { mesh } = await startStory('limited', { peers: 2, rates });
    const count = counted();
    drop(mesh);
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(count.kept).toBe(0);
  });

  it('are tried again when their taker dies in the middle, and nothing half is left', async () => {
    const { mesh } = await startStory('taker dies', { peers: 2 });
    drop(mesh);
    const { drive } = mesh.peer('bravo').node;
    await mesh.until('some are there', () => drive.userList().length > 20, 30_000, 1);
    mesh.kill(mesh.peer('bravo'));
    mesh.start(mesh.peer('bravo'));
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(drive.userList({ withPrivate: true }).filter((name) => name.startsWith('.filemesh/stage/'))).toEqual([]);
  });

  it('are not held up by one that is replaced while it is asked for', async () => {
    const { mesh, sessions } = await startStory('overtaken', { peers: 2, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    const { take } = TakingMany.prototype;
    const tookMs: number[] = [];
    vi.spyOn(TakingMany.prototype, 'take').mockImplementation(async function (this: TakingMany, ask) {
      const isFirst = tookMs.length === 0 && ask.items.length > 2;
      if (isFirst) {
        tookMs.push(Number.POSITIVE_INFINITY);
        await remove(session, ask.items[1]?.path ?? '', VERB);
      }
      const beganMs = mesh.scheduler.nowMs;
      const reply = await take.call(this, ask);
      if (isFirst) tookMs[0] = mesh.scheduler.nowMs - beganMs;
      return reply;
    });
    drop(mesh);
    await mesh.until('a batch was answered', () => tookMs[0] !== undefined && tookMs[0] < Number.POSITIVE_INFINITY, 60_000);
    expect(tookMs[0]).toBeLessThan(3_000);
  });

  it('are not held up by one that its holder reads slowly: it is told as late, and comes by itself', async () => {
    const { mesh } = await startStory('straggler', { peers: 2 });
    const slow = NAMES[5] as string;
    const { readMany, read } = Serving.prototype;
    vi.spyOn(Serving.prototype, 'readMany').mockImplementation(async function (this: Serving, ask) {
      const { reply, tail } = await readMany.call(this, ask);
      const at = ask.items.findIndex(({ path }) => path === slow);
      if (at < 0) return { reply, tail };
      const before = reply.sizes.slice(0, at).reduce((sum, size) => sum + size, 0);
      const after = before + (reply.sizes[at] as number);
      const sizes = reply.sizes.map((size, index) => (index === at ? -1 : size));
      return { reply: { sizes }, tail: Buffer.concat([tail.subarray(0, before), tail.subarray(after)]) };
    });
    let slowReads = 0;
    vi.spyOn(Serving.prototype, 'read').mockImplementation(async function (this: Serving, ask) {
      slowReads += 1;
      await new Promise<void>((resolve) => mesh.scheduler.outside.after(6_000, resolve));
      return await read.call(this, ask);
    });
    const { take } = TakingMany.prototype;
    const tookMs: number[] = [];
    const late: string[] = [];
    vi.spyOn(TakingMany.prototype, 'take').mockImplementation(async function (this: TakingMany, ask) {
      const beganMs = mesh.scheduler.nowMs;
      const reply = await take.call(this, ask);
      tookMs.push(mesh.scheduler.nowMs - beganMs);
      late.push(...(reply.late ?? []).map((index) => ask.items[index]?.path ?? ''));
      return reply;
    });
    drop(mesh);
    await mesh.until('all but one are there', () => drive(mesh).userList().length === NAMES.length - 1, 5_000);
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(late).toEqual([slow]);
    expect(slowReads).toBe(1);
    expect(Math.max(...tookMs)).toBeLessThan(2_000);
  });

  it('are not held up by one whose read hangs: most come together, it comes by itself', async () => {
    const { mesh } = await startStory('hanging', { peers: 2 });
    const slow = NAMES[5] as string;
    const { readMany } = SimDisk.prototype;
    vi.spyOn(SimDisk.prototype, 'readMany').mockImplementation(async function (this: SimDisk, places, options) {
      if (!options.sync && places.includes(slow)) return await new Promise<never>(() => {});
      return await readMany.call(this, places, options);
    });
    const { read } = Serving.prototype;
    const singles = new Set<string>();
    vi.spyOn(Serving.prototype, 'read').mockImplementation(async function (this: Serving, ask) {
      singles.add(ask.path);
      if (ask.path === slow) await new Promise<void>((resolve) => mesh.scheduler.outside.after(6_000, resolve));
      return await read.call(this, ask);
    });
    const { take } = TakingMany.prototype;
    const tookMs: number[] = [];
    const late: string[] = [];
    vi.spyOn(TakingMany.prototype, 'take').mockImplementation(async function (this: TakingMany, ask) {
      const beganMs = mesh.scheduler.nowMs;
      const reply = await take.call(this, ask);
      tookMs.push(mesh.scheduler.nowMs - beganMs);
      late.push(...(reply.late ?? []).map((index) => ask.items[index]?.path ?? ''));
      return reply;
    });
    drop(mesh);
    await mesh.until('all but one are there', () => drive(mesh).userList().length === NAMES.length - 1, 6_000);
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    check(mesh);
    expect(late).toEqual([slow]);
    expect(singles.size).toBeLessThan(NAMES.length / 2);
    expect(Math.max(...tookMs)).toBeLessThan(4_000);
  });

  it('of equal content are read once for all names of a batch', async () => {
    const { mesh } = await startStory('equal', { peers: 2 });
    let given = 0;
    const { readMany } = Serving.prototype;
    vi.spyOn(Serving.prototype, 'readMany').mockImplementation(async function (this: Serving, ask) {
      const answer = await readMany.call(this, ask);
      given += answer.tail.length;
      return answer;
    });
    const count = counted();
    const text = 'the same in all of them, and not short '.repeat(100);
    for (const name of NAMES) mesh.peer('alpha').node.drive.userWrite(name, bytesOf(text));
    await mesh.until('all are on both', () => isOnAll(mesh), 60_000);
    for (const name of NAMES) expect(Buffer.from(drive(mesh).userRead(name) ?? '').toString()).toBe(text);
    expect(count.reads).toBe(0);
    expect(given).toBeLessThanOrEqual(text.length * count.batches);
  });

  it('are on no further peer when they were taken and the answer is lost', async () => {
    const { mesh } = await startStory('lost answer', { peers: 4 });
    const { take } = TakingMany.prototype;
    let isLost = false;
    vi.spyOn(TakingMany.prototype, 'take').mockImplementation(async function (this: TakingMany, ask) {
      const isFirst = !isLost;
      isLost = true;
      const reply = await take.call(this, ask);
      return isFirst ? await new Promise<never>(() => {}) : reply;
    });
    drop(mesh);
    await mesh.run(90_000);
    const copies = mesh.peers.flatMap(({ node }) => node.drive.userList());
    expect(copies).toHaveLength(NAMES.length * 2);
  });

  it('are read once over a slow link', async () => {
    const { mesh } = await startStory('slow link', { peers: 2 });
    mesh.world.lan.weather.bytesPerMs = 1_000;
    const count = counted();
    for (const name of NAMES) mesh.peer('alpha').node.drive.userWrite(name, bytesOf(name.padEnd(40_000, '.')));
    await mesh.until('all are on both', () => isOnAll(mesh), 120_000);
    expect(count.reads).toBe(0);
  });
});
