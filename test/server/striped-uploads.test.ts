import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import { ChunkList } from '../../src/core/chunk-list.ts';
import type { ContentHash, RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { hasRun, rangeOfRun, runEnds } from '../../src/core/striping.ts';
import { MANIFEST_BYTES_ALL } from '../../src/server/manifest-memory.ts';
import { RunReceiver } from '../../src/server/run-receiver.ts';
import { FolderBench } from '../folder/folder-bench.ts';
import { pattern } from '../platform/network-acceptance.ts';
import type { Mesh } from '../sim/mesh.ts';
import { cutOf } from '../sim/mesh-client.ts';
import { people } from './people.ts';
import { codeOf, seen, startStory } from './story.ts';

const MIB = 1024 * 1024;
/** Of a content with so many bytes, one whose chunks are short. */
const SIZE = 2 ** 40;
const MANIFEST_BYTES = 18 * MIB;
const LARGE_MAX = Math.floor(MANIFEST_BYTES_ALL / MANIFEST_BYTES);

afterEach(() => vi.restoreAllMocks());

let number = 0;
const newHash = () => (number++).toString(16).padStart(64, 'a') as ContentHash;
const newUpload = () => (number++).toString(16).padStart(32, 'b') as RequestId;
const SMALL_PIECE = new Uint8Array(36);

describe('manifests of striped uploads', () => {
  const codeOfBegin = (mesh: Mesh, session: Session, size = SIZE) => {
    const ask = { upload: session.newRequest(), size, hash: newHash(), offset: 0, manifestBytes: MANIFEST_BYTES };
    return mesh.settle(codeOf(session.attempt((link) => link.call('stripe', ask, { tail: SMALL_PIECE }))));
  };

  it('have a bound in memory: more wait, and those of clients that are gone make room', async () => {
    const { mesh, sessions } = await startStory('many striped', { peers: 1, clients: 2 });
    const [first, second] = sessions as [Session, Session];
    expect(await codeOfBegin(mesh, first, 2 * MIB)).toBe('corrupt');
    for (let count = 0; count < LARGE_MAX; count++) expect(await codeOfBegin(mesh, first)).toBeUndefined();
    expect(await codeOfBegin(mesh, second)).toBe('busy');
    mesh.clients[0]?.kill();
    await mesh.run(10_000);
    expect(await codeOfBegin(mesh, second)).toBeUndefined();
  });

  it('of one account leave room for those of others', async () => {
    const { mesh, anna, bob } = await people('striped manifests of accounts');
    expect(await codeOfBegin(mesh, anna)).toBeUndefined();
    expect(await codeOfBegin(mesh, anna)).toBe('busy');
    expect(await codeOfBegin(mesh, bob)).toBeUndefined();
  });
});

describe('a peer that keeps runs', () => {
  let bench: FolderBench;
  let receiver: RunReceiver;
  beforeEach(async () => {
    bench = new FolderBench();
    await bench.start();
    const { clock } = bench.platform;
    const nobody = { all: false, name: '', sees: () => false };
    receiver = new RunReceiver({ clock, folder: bench.folder, askerNamed: () => nobody });
  });
  afterEach(async () => {
    receiver.stop();
    await bench.end();
  });

  const large = () => ({ upload: newUpload(), size: SIZE, hash: newHash(), offset: 0, manifestBytes: MANIFEST_BYTES });
  const codeOfLarge = () => codeOf(receiver.open(large(), SMALL_PIECE));

  it('holds no more manifests than it has room for: more wait until some have rested', async () => {
    expect(await codeOf(receiver.open({ ...large(), size: 2 * MIB }, SMALL_PIECE))).toBe('corrupt');
    for (let count = 0; count < LARGE_MAX; count++) expect(await codeOfLarge()).toBeUndefined();
    expect(await codeOfLarge()).toBe('busy');
    await bench.pass(61_000);
    expect(await codeOfLarge()).toBeUndefined();
  });

  it('lets none go whose run is under way, until its sender has been silent for long', async () => {
    bench.drive.volume.capacityBytes = 2 ** 50;
    await bench.pass(61_000);
    const manifest = manifestOfLarge();
    const about = large();
    const { upload } = about;
    for (let offset = 0; offset < MANIFEST_BYTES; offset += MIB)
      await receiver.open({ ...about, offset }, manifest.subarray(offset, offset + MIB));
    const write = (offset: number) => codeOf(receiver.write({ upload, offset }, new Uint8Array(1000)));
    expect(await write(0)).toBeUndefined();
    for (let count = 1; count < LARGE_MAX; count++) expect(await codeOfLarge()).toBeUndefined();
    await bench.pass(61_000);
    for (let count = 1; count < LARGE_MAX; count++) expect(await codeOfLarge()).toBeUndefined();
    expect(await codeOfLarge()).toBe('busy');
    expect(await write(1000)).toBeUndefined();
    expect(bench.private('stage')).toHaveLength(1);
    await bench.pass(181_000);
    for (let count = 0; count < LARGE_MAX; count++) expect(await codeOfLarge()).toBeUndefined();
    await bench.pass(1_000);
    expect(bench.private('stage')).toEqual([]);
    expect(await write(2000)).toBe('gone');
  });
});

/** The hashes are no content's: nobody looks at them until a run is whole. */
function manifestOfLarge(): Uint8Array {
  const manifest = new Uint8Array(MANIFEST_BYTES);
  const view = new DataView(manifest.buffer);
  const count = MANIFEST_BYTES / 36;
  for (let row = 0; row < count; row++) view.setUint32(row * 36, SIZE / count, true);
  return manifest;
}

/** Sends all runs that are asked for, and makes the version. `each`: called after each run. */
async function storeStriped(mesh: Mesh, session: Session, bytes: Uint8Array, each: (run: number) => Promise<void>) {
  const { hash, manifest } = cutOf(bytes);
  const ends = runEnds(ChunkList.of(manifest, bytes.length).ends, bytes.length);
  const upload = session.newRequest();
  const begin = { upload, size: bytes.length, hash, offset: 0, manifestBytes: manifest.length };
  const { reply } = await mesh.settle(session.attempt((link) => link.call('stripe', begin, { tail: manifest })));
  for (const run of ends.keys()) {
    if (hasRun(reply.have, run)) continue;
    const { offset, length } = rangeOfRun(ends, run);
    const write = { tail: bytes.slice(offset, offset + length), deadlineMs: 60_000 };
    await mesh.settle(session.attempt((link) => link.call('write', { upload, offset }, write)));
    await each(run);
  }
  const change = { kind: 'create', path: checkPath('film'), upload } as const;
  const ask = { request: upload, base: [], size: bytes.length, hash, hops: 2, change };
  await mesh.settle(session.attempt((link) => link.call('change', ask, { deadlineMs: 60_000 })));
  return { hash, runs: ends.length };
}

it('a peer that says to have runs, and to keep them, is not the only one that is given them', async () => {
  const { mesh, sessions } = await startStory('a liar among keepers', { peers: 3, clients: 1 });
  let liar: RunReceiver | undefined;
  const { open, write, keep } = RunReceiver.prototype;
  vi.spyOn(RunReceiver.prototype, 'open').mockImplementation(async function (this: RunReceiver, ask, tail) {
    liar ??= this;
    const reply = await open.call(this, ask, tail);
    return this === liar ? { ...reply, lying: 'f'.repeat(16) } : reply;
  });
  vi.spyOn(RunReceiver.prototype, 'write').mockImplementation(async function (this: RunReceiver, ask, tail) {
    if (this !== liar) await write.call(this, ask, tail);
  });
  vi.spyOn(RunReceiver.prototype, 'keep').mockImplementation(async function (this: RunReceiver, ask) {
    if (this !== liar) await keep.call(this, ask);
  });
  const { runs } = await storeStriped(mesh, sessions[0] as Session, pattern(4 * MIB, 6), async () => {});
  const places = mesh.peers.flatMap(({ node }) => node.drive.userList({ withPrivate: true }));
  const kept = places.filter((name) => name.startsWith('.filemesh/runs/')).map((name) => Number(name.split('-').at(-1)));
  expect([...new Set(kept)].sort((a, b) => a - b)).toEqual([...Array(runs).keys()]);
});

it('an upload goes on at peers that let it go between two of its runs', async () => {
  const { mesh, sessions } = await startStory('let go in between', { peers: 2, clients: 1 });
  const session = sessions[0] as Session;
  const receivers = new Set<RunReceiver>();
  const { open } = RunReceiver.prototype;
  const opened = vi.spyOn(RunReceiver.prototype, 'open').mockImplementation(function (this: RunReceiver, ask, tail) {
    receivers.add(this);
    return open.call(this, ask, tail);
  });
  const { hash } = await storeStriped(mesh, session, pattern(4 * MIB, 5), async (run) => {
    if (run !== 0) return;
    // Others come, as many as it takes.
    opened.mockClear();
    for (const receiver of receivers) {
      for (let count = 0; count < 64; count++) {
        const other = { upload: newUpload(), size: 4 * MIB, hash: newHash(), offset: 0, manifestBytes: 72 };
        await mesh.settle(open.call(receiver, other, SMALL_PIECE));
      }
    }
    expect(receivers.size).toBe(2);
  });
  // Once more at each.
  expect(opened).toHaveBeenCalledTimes(2);
  expect((await mesh.settle(seen(session, 'film')))?.contents[0]).toMatchObject({ hash, copies: 2 });
});
