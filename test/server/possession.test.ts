import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { grant } from '../../src/client/verbs/accounts.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { ChunkList } from '../../src/core/chunk-list.ts';
import type { PeerId, RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { NO_RUNS, rangeOfRun, runEnds, runsIn } from '../../src/core/striping.ts';
import type { Mesh } from '../sim/mesh.ts';
import { cutOf, type MeshClient, sourceOf, VERB } from '../sim/mesh-client.ts';
import { people } from './people.ts';
import { codeOf, createText, seen } from './story.ts';

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

/** Bytes that repeat nowhere. */
function film(seed: number): Uint8Array {
  const words = new Uint32Array(SIZE / 4);
  let state = seed;
  for (let at = 0; at < words.length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    words[at] = state ^ (state >>> 13);
  }
  return new Uint8Array(words.buffer);
}

type SimPeer = Mesh['peers'][number];

/** What whoever could read a content once may have kept of it. */
type Known = ReturnType<typeof cutOf>;

type Linked = Parameters<Parameters<Session['attempt']>[0]>[0];

/** Asks that peer, whichever the session has as its own. */
function atPeer<T>(session: Session, { node, address }: SimPeer, act: (link: Linked) => Promise<T>): Promise<T> {
  return session.attempt(async (own) => {
    if (node.id === session.peer) return await act(own);
    const link = await session.linkTo({ id: node.id as PeerId, name: 'x', live: true, address });
    if (link === undefined) throw new Error('no link to that peer');
    return await act(link);
  });
}

/** How many bytes count as sent of an upload by chunks, of which nothing was. */
function hereOf(session: Session, peer: SimPeer, name: string, known: Known, upload = session.newRequest()): Promise<number> {
  const { hash, manifest, manifestHash } = known;
  return atPeer(session, peer, async (link) => {
    const content = { hash, manifest: manifestHash };
    await link.call('begin', { upload, path: checkPath(name), size: SIZE, base: [], hops: 2, content });
    let [offset, tail] = [0, manifest];
    for (;;) {
      const { reply } = await link.call('chunks', { upload, offset, manifestBytes: manifest.length }, { tail });
      if (reply.state === 'ready') return reply.here;
      [offset, tail] = [manifest.length, new Uint8Array(0)];
    }
  });
}

/** The runs that count as sent of an upload in runs. `bytes`: of these runs they are sent. */
async function stripe(
  session: Session,
  { hash, manifest }: Known,
  upload: RequestId,
  bytes?: Uint8Array,
  runs?: readonly number[],
) {
  return await session.attempt(async (link) => {
    const ask = { upload, size: SIZE, hash, offset: 0, manifestBytes: manifest.length };
    const { reply } = await link.call('stripe', ask, { tail: manifest });
    const ends = runEnds(ChunkList.of(manifest, SIZE).ends, SIZE);
    for (const run of bytes === undefined ? [] : (runs ?? ends.map((_, index) => index))) {
      const { offset, length } = rangeOfRun(ends, run);
      for (let at = offset; at < offset + length; at += MIB) {
        const tail = bytes?.slice(at, Math.min(at + MIB, offset + length));
        await link.call('write', { upload, offset: at }, { ...(tail && { tail }), deadlineMs: 60_000 });
      }
    }
    return reply.have;
  });
}

async function make(session: Session, name: string, { hash }: Known, upload: RequestId) {
  const path = checkPath(name);
  const ask = { request: upload, base: [], size: SIZE, hash, hops: 2 };
  const change = { kind: 'create', path, upload } as const;
  return await session.attempt((link) => link.call('change', { ...ask, change }, { deadlineMs: 60_000 }));
}

async function storeStriped(mesh: Mesh, session: Session, name: string, bytes: Uint8Array) {
  const [known, upload] = [cutOf(bytes), session.newRequest()];
  await mesh.settle(stripe(session, known, upload, bytes));
  await mesh.settle(make(session, name, known, upload));
  await mesh.run(3_000);
}

function manifestOf(session: Session, name: string, { hash }: Known) {
  return session.attempt((link) => link.call('manifest', { path: checkPath(name), hash, offset: 0, relay: true }));
}

describe('whoever may not read a content', () => {
  it('has to send all of its chunks; who may read it under some name sends none', async () => {
    const { mesh, anna, bob } = await people('chunks of a hidden file');
    const bytes = film(1);
    await mesh.settle(put(anna, checkPath('home/anna/film'), sourceOf(bytes), VERB));
    await mesh.run(3_000);
    const changed = bytes.slice();
    changed[0] = 1;
    const holder = mesh.peers.find(({ node }) => node.drive.userRead('home/anna/film') !== undefined) as SimPeer;
    expect(await mesh.settle(hereOf(bob, holder, 'home/bob/mine', cutOf(bytes)))).toBe(0);
    expect(await mesh.settle(hereOf(bob, holder, 'home/bob/like', cutOf(changed)))).toBe(0);
    expect(await mesh.settle(hereOf(anna, holder, 'home/anna/again', cutOf(bytes)))).toBe(SIZE);
    await mesh.settle(grant(anna, { path: 'home/anna/film', who: 'bob', right: 'read' }, VERB));
    await mesh.run(500);
    expect(await mesh.settle(hereOf(bob, holder, 'home/bob/now', cutOf(bytes)))).toBe(SIZE);
    expect(await mesh.settle(hereOf(bob, holder, 'home/bob/like it', cutOf(changed)))).toBeGreaterThan(SIZE / 2);
  });

  it('is not told its manifest, and has to send all of its runs', async () => {
    const { mesh, anna, bob } = await people('runs of a hidden file');
    const [bytes, rubbish] = [film(2), film(3)];
    const known = cutOf(bytes);
    await storeStriped(mesh, anna, 'home/anna/film', bytes);
    await mesh.settle(createText(bob, 'shared.txt', 's'));
    expect(await mesh.settle(codeOf(manifestOf(anna, 'home/anna/film', known)))).toBeUndefined();
    expect(await mesh.settle(codeOf(manifestOf(bob, 'shared.txt', known)))).toBe('unavailable');
    const upload = bob.newRequest();
    expect(await mesh.settle(stripe(bob, known, upload))).toBe(NO_RUNS);
    expect(await mesh.settle(codeOf(make(bob, 'home/bob/mine', known, upload)))).toBe('gone');
    // That the right ones lie where these come is no reason to believe them.
    expect(await mesh.settle(codeOf(stripe(bob, known, upload, rubbish)))).toBe('closed');
    expect(await mesh.settle(codeOf(make(bob, 'home/bob/mine', known, upload)))).toBe('gone');
    expect(await mesh.settle(seen(bob, 'home/bob/mine'))).toBeUndefined();
    await storeStriped(mesh, bob, 'home/bob/mine', bytes);
    expect((await mesh.settle(seen(bob, 'home/bob/mine')))?.contents[0]?.hash).toBe(known.hash);
    expect(runsIn(await mesh.settle(stripe(bob, known, bob.newRequest()))).length).toBeGreaterThan(0);
  });

  it('does not go on with what somebody else sent of it, as that person does', async () => {
    const { mesh, anna, bob } = await people('an upload cut short');
    const bytes = film(4);
    const known = cutOf(bytes);
    await mesh.settle(stripe(anna, known, anna.newRequest(), bytes, [0]));
    expect(await mesh.settle(stripe(bob, known, bob.newRequest()))).toBe(NO_RUNS);
    expect(runsIn(await mesh.settle(stripe(anna, known, anna.newRequest())))).toEqual([0]);
    const peer = mesh.peers[1] as SimPeer;
    const upload = anna.newRequest();
    await mesh.settle(hereOf(anna, peer, 'home/anna/film', known, upload));
    const write = { tail: bytes.slice(0, MIB), deadlineMs: 60_000 };
    await mesh.settle(atPeer(anna, peer, (link) => link.call('write', { upload, offset: 0 }, write)));
    const client = mesh.clients[1] as MeshClient;
    client.kill();
    await mesh.run(60_000);
    client.token = anna.signIn.token;
    expect(await mesh.settle(hereOf(bob, peer, 'home/bob/film', known))).toBe(0);
    expect(await mesh.settle(hereOf(client.open(), peer, 'home/anna/film', known))).toBeGreaterThan(0);
  });

  it('does not know the upload that another began, whatever its id', async () => {
    const { mesh, anna, bob } = await people('the id of another');
    const [bytes, striped] = [film(5), film(6)];
    const [known, upload, runs] = [cutOf(bytes), anna.newRequest(), anna.newRequest()];
    const peer = mesh.peers.find(({ node }) => node.id === anna.peer) as SimPeer;
    expect(await mesh.settle(hereOf(anna, peer, 'home/anna/film', known, upload))).toBe(0);
    await mesh.settle(stripe(anna, cutOf(striped), runs, striped));
    const tail = bytes.slice(0, 100);
    const path = checkPath('home/bob/stolen');
    const ask = { request: runs, base: [], size: SIZE, hash: cutOf(striped).hash, hops: 2 };
    const tries = [
      (link: Linked) =>
        link.call('chunks', { upload, offset: 0, manifestBytes: known.manifest.length }, { tail: known.manifest }),
      (link: Linked) => link.call('write', { upload, offset: 0 }, { tail }),
      (link: Linked) => link.call('write', { upload: runs, offset: 0 }, { tail }),
      (link: Linked) => link.call('change', { ...ask, change: { kind: 'create', path, upload: runs } }),
    ];
    for (const act of tries) expect(await mesh.settle(codeOf(atPeer<unknown>(bob, peer, act)))).toBe('gone');
    expect(await mesh.settle(codeOf(make(anna, 'home/anna/striped', cutOf(striped), runs)))).toBeUndefined();
  });
});

it('whoever claims a hash for other bytes keeps nobody from storing the right ones', async () => {
  const { mesh, anna, bob } = await people('a hash that is claimed');
  const [bytes, rubbish] = [film(7), film(8)];
  const lie = { ...cutOf(rubbish), hash: cutOf(bytes).hash };
  const upload = bob.newRequest();
  await mesh.settle(stripe(bob, lie, upload, rubbish));
  await mesh.settle(make(bob, 'home/bob/lie', lie, upload));
  await mesh.run(3_000);
  await storeStriped(mesh, anna, 'home/anna/film', bytes);
  await mesh.settle(put(anna, checkPath('home/anna/whole'), sourceOf(bytes), VERB));
  await mesh.run(10_000);
  const { tail } = await mesh.settle(manifestOf(anna, 'home/anna/film', lie));
  expect(Buffer.compare(tail, cutOf(bytes).manifest)).toBe(0);
  for (const name of ['home/anna/film', 'home/anna/whole']) {
    const ask = { path: checkPath(name), hash: lie.hash, offset: 2 * MIB, length: 1000, relay: true };
    const read = await mesh.settle(anna.attempt((link) => link.call('read', ask)));
    expect(Buffer.compare(read.tail, bytes.subarray(2 * MIB, 2 * MIB + 1000))).toBe(0);
  }
  const told = await mesh.settle(manifestOf(bob, 'home/bob/lie', lie).catch(() => undefined));
  expect(Buffer.compare(told?.tail ?? lie.manifest, lie.manifest)).toBe(0);
});
