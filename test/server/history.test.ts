import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { remove } from '../../src/client/verbs/changes.ts';
import { download } from '../../src/client/verbs/download.ts';
import { historiesOf, readOlder, restore } from '../../src/client/verbs/history.ts';
import { put } from '../../src/client/verbs/upload.ts';
import type { FilePath, PeerId } from '../../src/core/ids.ts';
import { History } from '../../src/server/history.ts';
import { CALLS, type Entry, type Reply } from '../../src/wire/calls.ts';
import { MemorySinks, sourceOf, VERB } from '../sim/mesh-client.ts';
import { bytesOf, codeOf, putText, seen, startStory } from './story.ts';

type Copy = Reply<'history'>['copies'][number];

const path = 'a' as FilePath;
const hashOf = (number: number) => number.toString(16).padStart(64, '0') as Copy['hash'];

/** What is told of a name with these older contents here and at bravo; one is current, or those were deleted last. */
async function told(here: readonly number[], there: readonly number[], deleted?: readonly number[]): Promise<Copy[]> {
  const old = (number: number) => ({ hash: hashOf(number), size: 10, modifiedMs: number, mode: 0o644, origin: 'alpha' });
  const copyOf = (number: number) => {
    const { modifiedMs: modified, ...rest } = old(number);
    return { ...rest, copy: rest.hash, modified, peers: ['bravo'], current: false };
  };
  const answer = { copies: there.map(copyOf) };
  const current = { hash: hashOf(0), size: 10, modifiedMs: 0, shown: { mode: 0o644, origin: 'alpha' }, holders: ['alpha'] };
  const tombstones = [
    { modifiedMs: 1, buried: [hashOf(1)] },
    { modifiedMs: 2, buried: deleted?.map(hashOf) },
  ];
  const view = deleted === undefined ? { contents: [current] } : { contents: [], tombstones };
  const slice = {
    catalog: { self: 'alpha', view: () => view, shownName: (peer: string) => peer },
    folder: { oldCopies: async () => here.map(old) },
    switchboard: { peers: () => [{ call: async () => ({ reply: answer }) }] },
  };
  const { copies } = await new History(slice as unknown as ConstructorParameters<typeof History>[0]).of({ path, ask: true });
  return copies;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('the history of a name', () => {
  it('tells the current content and the 499 newest of more, each once, and fits its message', async () => {
    const copies = await told(numbers(1, 600), numbers(300, 799));
    expect(copies[0]).toMatchObject({ hash: hashOf(0), current: true });
    expect(copies.slice(1).map((copy) => copy.modified)).toEqual(numbers(301, 799).reverse());
    expect(copies.find((copy) => copy.modified === 350)?.peers).toEqual(['alpha', 'bravo']);
    expect(CALLS.history.reply.safeParse({ copies }).success).toBe(true);
  });

  it('counts runs that are kept beside a whole copy that is bad, and tells both apart where it is asked to', async () => {
    const manifest = hashOf(99);
    const runs = '7'.padStart(16, '0');
    const row = { hash: hashOf(1), size: 10, modifiedMs: 1, mode: 0o644, origin: 'alpha' };
    const slice = {
      catalog: { self: 'alpha', view: () => undefined, shownName: (peer: string) => peer },
      folder: { oldCopies: async () => [row, { ...row, manifest, runs }] },
      switchboard: { peers: () => [] },
    };
    const history = new History(slice as unknown as ConstructorParameters<typeof History>[0]);
    const runsOf = async (telling: Parameters<History['of']>[1], ask = true) =>
      (await history.of({ path, ask }, telling)).copies.map((copy) => copy.runs);
    expect(await runsOf({})).toEqual(['f'.repeat(16)]);
    expect(await runsOf({ badHere: row.hash })).toEqual([runs]);
    expect(await runsOf({ apart: true })).toEqual([undefined, runs]);
    // As one peer tells another, which unites what all tell.
    expect(await runsOf({}, false)).toEqual([undefined, runs]);
  });

  it('begins with all that was deleted in conflict, the newest first', async () => {
    const copies = await told([1, 2, 3, 4], [9], [2, 3]);
    expect(copies.map((copy) => copy.modified)).toEqual([3, 2, 9, 4, 1]);
    expect(copies.map((copy) => copy.deleted)).toEqual([true, true, undefined, undefined, undefined]);
  });

  it('begins with what was deleted, whatever its file says when it is from: a restore brings that back', async () => {
    const { mesh, sessions } = await startStory('from another time', { clients: 1 });
    const session = sessions[0] as Session;
    const store = (text: string, modifiedMs: number) =>
      mesh.settle(put(session, path, { ...sourceOf(bytesOf(text)), modifiedMs }, VERB));
    const before = await store('what it was before', 2_000_000);
    const deleted = await store('what is deleted', 1_000_000);
    await mesh.settle(remove(session, path, VERB));
    await mesh.run(2_000);
    const [past] = await mesh.settle(historiesOf(session, path, VERB));
    expect(past?.copies.map(({ hash }) => hash)).toEqual([deleted.version, before.version]);
    expect(await mesh.settle(restore(session, path, undefined, VERB))).toMatchObject([{ version: deleted.version }]);
  });
});

describe('a content that was replaced', () => {
  it('is told as an older one, and can be had back, while nobody who has the newer one is there', async () => {
    const capacities = { bravo: 1_000, charlie: 1_000 };
    const { mesh, sessions } = await startStory('a closed lid', { clients: 2, capacities });
    const session = sessions[1] as Session;
    const alpha = mesh.peer('alpha');
    const before = 'what two peers have';
    alpha.node.drive.userWrite(path, bytesOf(before));
    await mesh.run(5_000);
    expect((await mesh.settle(seen(session, path)))?.contents[0]?.copies).toBe(2);
    alpha.node.drive.userWrite(path, bytesOf('x'.repeat(5_000)));
    await mesh.run(5_000);
    mesh.kill(alpha);
    await mesh.run(5_000);
    const [past] = await mesh.settle(historiesOf(session, path, VERB));
    expect(past?.copies.map(({ size, current }) => [size, current])).toEqual([
      [5_000, true],
      [before.length, false],
    ]);
    const [restored] = await mesh.settle(restore(session, path, undefined, VERB));
    expect(restored).toMatchObject({ version: past?.copies[1]?.hash });
    const sinks = new MemorySinks();
    await mesh.settle(download(session, (await mesh.settle(seen(session, path))) as Entry, sinks.open, VERB));
    expect(Buffer.from(sinks.saved.get(path) as Uint8Array).toString()).toBe(before);
  });
});

describe('an older content that other peers keep', () => {
  it('comes from the one that has it while another hangs, which is asked for the rest', async () => {
    const asked: string[] = [];
    const peer = (name: string, answer: () => Promise<unknown>) => ({
      peer: name,
      call: () => {
        asked.push(name);
        return answer();
      },
    });
    const peers = [
      peer('bravo', () => new Promise(() => {})),
      peer('charlie', () => Promise.reject(new Error('gone'))),
      peer('delta', async () => ({ reply: { size: 2 }, tail: new Uint8Array(1) })),
    ];
    const folder = { restoring: { open: () => Promise.reject(new Error('gone')) } };
    const slice = { folder, catalog: { self: 'alpha' }, switchboard: { peers: () => peers } };
    const history = new History(slice as unknown as ConstructorParameters<typeof History>[0]);
    const read = (offset: number) => history.readOld({ path, hash: hashOf(1), offset, length: 1 }, true);
    expect(await read(0)).toMatchObject({ reply: { size: 2, by: 'delta' } });
    expect(asked.splice(0).sort()).toEqual(['bravo', 'charlie', 'delta']);
    // Whatever others read meanwhile.
    await history.readOld({ path, hash: hashOf(2), offset: 0, length: 1 }, true);
    asked.splice(0);
    expect(await read(1)).toMatchObject({ reply: { size: 2 } });
    expect(asked).toEqual(['delta']);
  });

  it('is not found when nobody keeps it', async () => {
    const folder = { restoring: { open: () => Promise.reject(new Error('gone')) } };
    const peers = [{ call: () => Promise.reject(new Error('gone')) }];
    const slice = { folder, catalog: { self: 'alpha' }, switchboard: { peers: () => peers } };
    const history = new History(slice as unknown as ConstructorParameters<typeof History>[0]);
    const read = history.readOld({ path, hash: hashOf(1), offset: 0, length: 1 }, true);
    await expect(read).rejects.toMatchObject({ code: 'not-found' });
  });

  it('comes from another peer than those that gave wrong bytes, which look at what they keep', async () => {
    const { mesh, sessions } = await startStory('a bad older content', { clients: 1 });
    const session = sessions[0] as Session;
    const [older, newer] = ['what it was before', 'what it is now'];
    await mesh.settle(putText(session, 'a', older));
    await mesh.settle(putText(session, 'a', newer));
    await mesh.run(5_000);
    const [, copy] = (await mesh.settle(historiesOf(session, 'a', VERB)))[0]?.copies ?? [];
    if (copy === undefined) throw new Error('there is an older content');
    const read = (without: readonly PeerId[]) => mesh.settle(readOlder(session, path, { ...copy, offset: 0, without }, VERB));
    const { by } = await read([]);
    const giver = mesh.peers.find(({ node }) => node.id === by);
    if (by === undefined || giver === undefined || copy.peers.length !== 2) throw new Error('two keep it, and one gave it');
    const all = giver.node.drive.userList({ withPrivate: true });
    const place = all.find((one) => one.startsWith('.filemesh/versions/')) as string;
    giver.node.drive.rot(place);
    const wrong = await read([]);
    expect(wrong.by).toBe(by);
    expect(Buffer.from(wrong.bytes).toString()).not.toBe(older);
    const right = await read([by]);
    expect(right.by).not.toBe(by);
    expect(Buffer.from(right.bytes).toString()).toBe(older);
    await mesh.run(2_000);
    const after = (await mesh.settle(historiesOf(session, 'a', VERB)))[0]?.copies[1];
    expect(after?.peers).toEqual(copy.peers.filter((name) => name !== giver.name));
    expect(Buffer.from((await read([])).bytes).toString()).toBe(older);
    // One that is right is not let go of, whoever doubts it.
    const keeper = (await read([])).by as PeerId;
    expect(await codeOf(read([keeper]))).toBe('not-found');
    await mesh.run(2_000);
    expect((await read([])).by).toBe(keeper);
  });
});
