import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { remove } from '../../src/client/verbs/changes.ts';
import { download } from '../../src/client/verbs/download.ts';
import { presentEntry } from '../../src/client/verbs/listing.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { checkPath } from '../../src/core/path.ts';
import { pattern } from '../platform/network-acceptance.ts';
import { createText, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';
import { MemorySinks, sourceOf, VERB } from '../sim/mesh-client.ts';
import type { SimDrive } from '../sim/sim-drive.ts';

const KIB = 1024;
const RATE = 256 * KIB;
const SIZE = 8 * KIB * KIB;
const SECONDS = SIZE / RATE;

async function timed(mesh: Mesh, work: () => Promise<unknown>): Promise<number> {
  const beganMs = mesh.scheduler.nowMs;
  await work();
  return (mesh.scheduler.nowMs - beganMs) / 1000;
}

/** Downloads a file that a client sees; the bytes. */
async function fetched(session: Session, path: string): Promise<Uint8Array | undefined> {
  const sinks = new MemorySinks();
  await download(session, await presentEntry(session, checkPath(path)), sinks.open, VERB);
  return sinks.saved.get(path);
}

function within10Percent(seconds: number, wanted: number): void {
  expect(seconds).toBeGreaterThan(wanted * 0.9);
  expect(seconds).toBeLessThan(wanted * 1.1);
}

describe('a limit on file data', () => {
  it.each([
    ['sent', { alpha: { limitUp: RATE } }],
    ['taken in', { bravo: { limitDown: RATE } }],
    ['sent, and on what is taken in', { alpha: { limitUp: RATE }, bravo: { limitDown: RATE } }],
  ])('what is %s: a copy takes its bytes / rate, and changes of the index travel at once', async (_, rates) => {
    const { mesh, sessions } = await startStory('limit', { peers: 2, clients: 1, rates });
    const [session] = sessions as [Session];
    const { drive } = mesh.peer('bravo').node;
    const bytes = pattern(SIZE, 9);
    mesh.peer('alpha').node.drive.userWrite('big', bytes);
    await mesh.until('the file is announced', async () => (await mesh.settle(seen(session, 'big'))) !== undefined, 30_000, 50);
    let small = 0;
    const seconds = await timed(mesh, async () => {
      await mesh.run(SECONDS * 250);
      small = await timed(mesh, () => mesh.settle(createText(session, 'small', 'text')));
      const isThere = () => drive.userList().includes('big');
      expect(isThere()).toBe(false);
      // Nobody's heartbeat waited behind the file.
      expect(mesh.peers.every(({ peer }) => peer?.peers().peers.every((one) => one.alive))).toBe(true);
      await mesh.until('the copy is there', isThere, 60_000, 50);
    });
    within10Percent(seconds, SECONDS);
    // Its own few bytes had their turn, and its record and answer none to wait for.
    expect(small).toBeLessThan(1);
    expect(Buffer.compare(drive.userRead('big') as Uint8Array, bytes)).toBe(0);
  });

  it('is shared by downloads: each gets its part, and none takes the peer for silent', async () => {
    const { mesh, sessions } = await startStory('share', { peers: 1, clients: 2, rates: { alpha: { limitUp: RATE } } });
    const [first, second] = sessions as [Session, Session];
    const bytes = pattern(SIZE / 2, 4);
    for (const path of ['a', 'b']) await mesh.settle(put(first, checkPath(path), sourceOf(bytes), VERB));
    const both = [fetched(first, 'a'), fetched(second, 'b')].map((work) => timed(mesh, () => work));
    const seconds = await mesh.settle(Promise.all(both));
    for (const one of seconds) within10Percent(one, SECONDS);
  });

  it('leaves time to delete a file while it is fetched: nothing of it stays, nor comes back', async () => {
    const { mesh, sessions } = await startStory('deleted', { peers: 2, clients: 1, rates: { bravo: { limitDown: RATE } } });
    const [session] = sessions as [Session];
    const { drive } = mesh.peer('bravo').node;
    const staged = () => drive.userList({ withPrivate: true }).filter((name) => name.startsWith('.filemesh/stage/'));
    mesh.peer('alpha').node.drive.userWrite('big', pattern(SIZE, 9));
    await mesh.until('it is on its way', () => staged().length === 1, 30_000, 50);
    await mesh.run(SECONDS * 250);
    await mesh.settle(remove(session, 'big', VERB));
    await mesh.run(20_000);
    expect(staged()).toEqual([]);
    expect(mesh.peers.map(({ node }) => node.drive.userList())).toEqual([[], []]);
  });

  it('leaves time to change a file again and again while it is fetched: nothing of what it was stays staged', async () => {
    const { mesh } = await startStory('edited', { peers: 2, rates: { bravo: { limitDown: RATE } } });
    const [alpha, bravo] = ['alpha', 'bravo'].map((name) => mesh.peer(name).node.drive) as [SimDrive, SimDrive];
    const staged = () => bravo.userList({ withPrivate: true }).filter((name) => name.startsWith('.filemesh/stage/'));
    for (let edit = 1; edit <= 4; edit++) {
      alpha.userWrite('big', pattern(SIZE, edit));
      await mesh.until('it is on its way', () => staged().length > 0, 30_000, 50);
      await mesh.run(SECONDS * 250);
    }
    await mesh.until('the last one is there', () => bravo.userList().includes('big'), 120_000, 50);
    await mesh.run(10_000);
    expect(Buffer.compare(bravo.userRead('big') as Uint8Array, pattern(SIZE, 4))).toBe(0);
    expect(staged()).toEqual([]);
  });

  it('leaves time to rename a file while it is fetched: what came of it is not fetched again', async () => {
    const { mesh } = await startStory('renamed', { peers: 2, rates: { bravo: { limitDown: RATE } } });
    const { drive } = mesh.peer('bravo').node;
    const staged = () => drive.userList({ withPrivate: true }).filter((name) => name.startsWith('.filemesh/stage/'));
    mesh.peer('alpha').node.drive.userWrite('big', pattern(SIZE, 9));
    await mesh.until('it is on its way', () => staged().length === 1, 30_000, 50);
    await mesh.run(SECONDS * 750);
    mesh.peer('alpha').node.drive.userRename('big', 'other');
    const seconds = await timed(mesh, () => mesh.until('it is there', () => drive.userList().includes('other'), 60_000, 50));
    expect(seconds).toBeLessThan(SECONDS / 2);
    expect(Buffer.compare(drive.userRead('other') as Uint8Array, pattern(SIZE, 9))).toBe(0);
    await mesh.run(5_000);
    expect(staged()).toEqual([]);
  });

  it('of the least that may be: 40 downloads at once all come, at the rate', async () => {
    const rate = 64 * KIB;
    const { mesh, sessions } = await startStory('slow', { peers: 1, clients: 2, rates: { alpha: { limitUp: rate } } });
    const [first, second] = sessions as [Session, Session];
    const paths = Array.from({ length: 40 }, (_, index) => `f${index}`);
    for (const path of paths) await mesh.settle(put(first, checkPath(path), sourceOf(pattern(80 * KIB, 1)), VERB));
    const all = paths.map((path, index) => fetched(index % 2 === 0 ? first : second, path));
    const seconds = await timed(mesh, () => mesh.settle(Promise.all(all)));
    within10Percent(seconds, (40 * 80) / 64);
  });

  it('what is taken in: uploads of clients wait for their turn, and share it', async () => {
    // Slow enough that four writes of the usual size would not be answered within the time one may take.
    const rate = 64 * KIB;
    const { mesh, sessions } = await startStory('uploads', { peers: 1, clients: 2, rates: { alpha: { limitDown: rate } } });
    const upload = (session: Session, path: string) => put(session, checkPath(path), sourceOf(pattern(SIZE / 2, 4)), VERB);
    const both = sessions.map((session, index) => timed(mesh, () => upload(session, `u${index}`)));
    const seconds = await mesh.settle(Promise.all(both));
    for (const one of seconds) within10Percent(one, SIZE / rate);
  });

  it('is kept by a peer that relays, in both directions', async () => {
    const rates = { alpha: { limitDown: RATE }, bravo: {} };
    const { mesh, sessions } = await startStory('relay', { peers: 2, clients: 1, rates });
    const [session] = sessions as [Session];
    const link = await mesh.settle(session.connect());
    expect(link.peer).toBe(mesh.peer('alpha').id);
    const bytes = pattern(SIZE / 8, 2);
    mesh.peer('bravo').node.drive.userWrite('far', bytes);
    await mesh.until('it is announced', async () => (await mesh.settle(seen(session, 'far'))) !== undefined, 30_000, 50);
    const { hash } = (await mesh.settle(seen(session, 'far')))?.contents[0] ?? {};
    if (hash === undefined) throw new Error('a content');
    // Its own copy is on its way, at the same rate: both together take twice the bytes.
    let have = 0;
    const seconds = await timed(mesh, async () => {
      while (have < bytes.length) {
        const ask = { path: checkPath('far'), hash, offset: have, length: Math.min(KIB * KIB, bytes.length - have), relay: true };
        const { reply, tail } = await mesh.settle(link.call('read', ask));
        expect(reply.given ?? ask.length).toBe(tail.length);
        expect(Buffer.compare(tail, bytes.subarray(have, have + tail.length))).toBe(0);
        have += tail.length;
        if (mesh.peer('alpha').node.drive.userList().includes('far')) break;
      }
    });
    expect(seconds).toBeGreaterThan((have / RATE) * 1.6);
    expect(have).toBeGreaterThan(bytes.length / 3);
  });
});
