import { describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import type { Source } from '../../src/client/transfer.ts';
import { store } from '../../src/client/verbs/upload.ts';
import type { ContentHash, RequestId } from '../../src/core/ids.ts';
import { checkPath } from '../../src/core/path.ts';
import { StagingFile } from '../../src/folder/staging.ts';
import { Uploads } from '../../src/server/uploads.ts';
import { pattern } from '../platform/network-acceptance.ts';
import type { Mesh } from '../sim/mesh.ts';
import { sourceOf, VERB } from '../sim/mesh-client.ts';
import { people } from './people.ts';
import { codeOf, createText, putText, seen, startStory } from './story.ts';

const MIB = 1024 * 1024;

/** As it comes from standard input: nobody knows how it is cut. */
function inOrder(bytes: Uint8Array): Source {
  const { cut, ...source } = sourceOf(bytes);
  return source;
}

function staged(mesh: Mesh): string[] {
  const listed = mesh.peers.flatMap(({ node }) => node.drive.userList({ withPrivate: true }));
  return listed.filter((name) => name.startsWith('.filemesh/stage/'));
}

/** Stores something below a name that came to be meanwhile: as new, and as the next version of what it was. */
async function refused(mesh: Mesh, session: Session, source: Source) {
  const path = checkPath('name');
  await mesh.settle(createText(session, path, 'one'));
  const base = (await mesh.settle(seen(session, path)))?.base ?? [];
  await mesh.settle(putText(session, path, 'two'));
  const codes: unknown[] = [];
  for (const upload of [
    { kind: 'create', base: [] },
    { kind: 'put', base },
  ] as const)
    codes.push(await mesh.settle(codeOf(store(session, { ...upload, path, source }, VERB))));
  return codes;
}

describe('an upload that is refused', () => {
  it('leaves nothing behind when it came in order: nobody could go on with it', async () => {
    const { mesh, sessions } = await startStory('refused in order', { peers: 2, clients: 1 });
    const codes = await refused(mesh, sessions[0] as Session, inOrder(pattern(3 * MIB, 1)));
    expect(codes).toEqual(['exists', 'overtaken']);
    expect(staged(mesh)).toEqual([]);
    expect(mesh.peers.map(({ peer }) => peer?.peers().peers.map(({ files }) => files))).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('leaves what came by chunks to whoever sends the same content next', async () => {
    const { mesh, sessions } = await startStory('refused by chunks', { peers: 2, clients: 1 });
    const session = sessions[0] as Session;
    const source = sourceOf(pattern(3 * MIB, 1));
    expect(await refused(mesh, session, source)).toEqual(['exists', 'overtaken']);
    expect(staged(mesh)).toHaveLength(1);
    const written = vi.spyOn(Uploads.prototype, 'write');
    await mesh.settle(store(session, { kind: 'create', path: checkPath('other'), source, base: [] }, VERB));
    expect(written).not.toHaveBeenCalled();
    written.mockRestore();
    expect(staged(mesh)).toEqual([]);
  });
});

describe('an upload whose client is killed', () => {
  /** Begins to store it, and kills the client when some of it is staged. */
  async function cutShort(mesh: Mesh, session: Session, whole: Source): Promise<void> {
    const source: Source = {
      ...whole,
      read: (offset, length) => (offset >= 2 * MIB ? new Promise<never>(() => {}) : whole.read(offset, length)),
    };
    const storing = store(session, { kind: 'create', path: checkPath('film'), source, base: [] }, VERB);
    storing.catch(() => undefined);
    const written = vi.spyOn(Uploads.prototype, 'write');
    await mesh.until('some of it came', () => written.mock.results.length >= 2, 30_000);
    await mesh.run(1_000);
    written.mockRestore();
    expect(staged(mesh)).toHaveLength(1);
    mesh.clients[0]?.kill();
  }
  const start = async (name: string) => {
    const { mesh, sessions } = await startStory(name, { peers: 1, clients: 1 });
    return { mesh, session: sessions[0] as Session };
  };

  it('leaves nothing of what came from standard input for longer than minutes: nobody can go on with it', async () => {
    const { mesh, session } = await start('an orphan');
    await cutShort(mesh, session, inOrder(pattern(3 * MIB, 1)));
    await mesh.run(5 * 60_000);
    expect(staged(mesh)).toEqual([]);
    expect(mesh.peers[0]?.peer?.peers().peers[0]?.alive).toBe(true);
  });

  it('nor when the peer was killed too, and started again', async () => {
    const { mesh, session } = await start('an orphan of another start');
    await cutShort(mesh, session, inOrder(pattern(3 * MIB, 1)));
    const machine = mesh.peers[0] as (typeof mesh.peers)[number];
    mesh.kill(machine);
    mesh.start(machine);
    await mesh.run(60_000);
    // Its client may be alive: it is waited for.
    expect(staged(mesh)).toHaveLength(1);
    await mesh.run(15 * 60_000);
    expect(staged(mesh)).toEqual([]);
  });

  it.each([
    ['comes by chunks', sourceOf(pattern(3 * MIB, 1))],
    ['is of a file with a name, large enough to be gone on with', { ...inOrder(pattern(5 * MIB, 1)), key: 'this file' }],
  ])('leaves what %s', async (name, source) => {
    const { mesh, session } = await start(name);
    await cutShort(mesh, session, source);
    await mesh.run(30 * 60_000);
    expect(staged(mesh)).toHaveLength(1);
  });
});

describe('the manifests of uploads under way', () => {
  const SIZE = 2 ** 40;
  const MANIFEST_BYTES = 18 * MIB;

  let number = 0;
  /** Begins one by chunks, and tells the first piece of its manifest of so many bytes. */
  async function begin(mesh: Mesh, session: Session, manifestBytes = MANIFEST_BYTES, size = SIZE) {
    const hash = (number++).toString(16).padStart(64, 'a') as ContentHash;
    const about = { upload: session.newRequest(), path: checkPath(`film ${number}`), size, base: [] };
    await mesh.settle(session.call('begin', { ...about, content: { hash, manifest: hash } }));
    return { upload: about.upload, code: await tell(mesh, session, { upload: about.upload, offset: 0, manifestBytes }) };
  }
  const tell = (mesh: Mesh, session: Session, piece: { upload: RequestId; offset: number; manifestBytes: number }) =>
    mesh.settle(codeOf(session.attempt((link) => link.call('chunks', piece, { tail: new Uint8Array(36) }))));
  const codeOfBegin = async (mesh: Mesh, session: Session) => (await begin(mesh, session)).code;
  async function startLarge(name: string) {
    const { mesh, sessions } = await startStory(name, { peers: 1, clients: 2 });
    makeLarge(mesh);
    await mesh.run(5_000);
    const [first, second] = sessions as [Session, Session];
    return { mesh, first, second };
  }
  function makeLarge(mesh: Mesh): void {
    for (const { node } of mesh.peers) node.drive.volume.capacityBytes = 2 ** 50;
  }

  it('have a bound in memory: more wait, and those of clients that are gone make room, their stagings too', async () => {
    const { mesh, first, second } = await startLarge('many manifests');
    // One that comes in order has no manifest: its end would make no room.
    const inOrder = { upload: first.newRequest(), path: checkPath('in order'), size: MIB, base: [] };
    await mesh.settle(first.call('begin', inOrder));
    for (let count = 0; count < 3; count++) expect(await codeOfBegin(mesh, first)).toBeUndefined();
    expect(await codeOfBegin(mesh, second)).toBe('busy');
    const left = vi.spyOn(StagingFile.prototype, 'leave');
    mesh.clients[0]?.kill();
    await mesh.run(10_000);
    expect(await codeOfBegin(mesh, second)).toBeUndefined();
    expect(left).toHaveBeenCalledTimes(1);
    left.mockRestore();
    const write = { upload: inOrder.upload, offset: 0 };
    const { reply } = await mesh.settle(second.attempt((link) => link.call('write', write, { tail: new Uint8Array(9) })));
    expect(reply).toEqual({});
  });

  it('are booked as they were begun, and not at all when they are refused', async () => {
    const { mesh, first, second } = await startLarge('manifests booked');
    for (let count = 0; count < 4; count++) expect((await begin(mesh, first, MANIFEST_BYTES, 2 * MIB)).code).toBe('corrupt');
    for (let count = 0; count < 3; count++) {
      const { upload, code } = await begin(mesh, first);
      expect(code).toBeUndefined();
      expect(await tell(mesh, first, { upload, offset: 36, manifestBytes: 72 })).toBe('usage');
    }
    expect(await codeOfBegin(mesh, second)).toBe('busy');
  });

  it('of one account leave room for those of others', async () => {
    const { mesh, anna, bob } = await people('manifests of accounts');
    makeLarge(mesh);
    await mesh.run(5_000);
    expect(await codeOfBegin(mesh, anna)).toBeUndefined();
    expect(await codeOfBegin(mesh, anna)).toBe('busy');
    expect(await codeOfBegin(mesh, bob)).toBeUndefined();
  });
});
