import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/client/session.ts';
import type { Progress, Source } from '../../src/client/transfer.ts';
import { put } from '../../src/client/verbs/upload.ts';
import { MeshError } from '../../src/core/errors.ts';
import { checkPath } from '../../src/core/path.ts';
import { Uploads } from '../../src/server/uploads.ts';
import type { Mesh, MeshOptions } from '../sim/mesh.ts';
import { cutOf, sourceOf, VERB } from '../sim/mesh-client.ts';
import { codeOf, seen, startStory } from './story.ts';

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

/** Bytes that repeat nowhere. */
function film(size: number, seed = 1): Uint8Array {
  const words = new Uint32Array(size / 4);
  let state = seed;
  for (let at = 0; at < words.length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    words[at] = state ^ (state >>> 13);
  }
  return new Uint8Array(words.buffer);
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const next = bytes.slice();
  next[at] = (next[at] ?? 0) ^ 1;
  return next;
}

describe('an upload by chunks', () => {
  const old = film(SIZE);
  let mesh: Mesh;
  let first: Session;
  let second: Session;
  /** Bytes that peers were sent by clients. */
  let sent: number;
  /** Called after each write, with all bytes sent. */
  let afterWrite: ((bytes: number) => void) | undefined;

  beforeEach(() => {
    sent = 0;
    afterWrite = undefined;
    const write = Uploads.prototype.write;
    vi.spyOn(Uploads.prototype, 'write').mockImplementation(async function (this: Uploads, ask, tail) {
      const { length } = tail;
      const reply = await write.call(this, ask, tail);
      sent += length;
      afterWrite?.(sent);
      return reply;
    });
  });
  afterEach(() => vi.restoreAllMocks());

  async function start(seed: string, peers = 2, options: Partial<MeshOptions> = {}): Promise<void> {
    const story = await startStory(`upload ${seed}`, { ...options, peers, clients: 2 });
    mesh = story.mesh;
    [first, second] = story.sessions as [Session, Session];
  }
  const upload = (session: Session, name: string, source: Source, progress?: Progress) =>
    put(session, checkPath(name), source, { ...VERB, ...(progress && { progress }) });
  const store = (session: Session, name: string, bytes: Uint8Array) => mesh.settle(upload(session, name, sourceOf(bytes)));
  const copies = (name: string) =>
    mesh.peers.flatMap(({ node }) => {
      const content = node.drive.userRead(name);
      return content === undefined ? [] : [Buffer.from(content)];
    });
  const isThere = (name: string, bytes: Uint8Array) => {
    expect(copies(name).length).toBeGreaterThan(0);
    for (const copy of copies(name)) expect(copy.equals(bytes)).toBe(true);
  };
  /** Ends the process of the first client once so many bytes were sent. */
  async function killAt(bytes: number, name: string, source: Source): Promise<void> {
    afterWrite = (all) => {
      if (all >= bytes) mesh.clients[0]?.kill();
    };
    upload(first, name, source).catch(() => undefined);
    await mesh.until('the client is killed', () => sent >= bytes);
    afterWrite = undefined;
    await mesh.run(10_000);
  }

  it('of a file in which one byte changed sends the chunk of that byte', async () => {
    await start('changed');
    await store(first, 'film', old);
    expect(sent).toBe(SIZE);
    sent = 0;
    const next = changed(old, 2 * MIB);
    const told: number[][] = [];
    await mesh.settle(
      upload(first, 'film', sourceOf(next), (_, done, total, saved) => void told.push([done, total, saved ?? 0])),
    );
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(300_000);
    isThere('film', next);
    expect(told.at(-1)).toEqual([SIZE, SIZE, SIZE - sent]);
  });

  it('of bytes that all lie there, under another name or as an older version, sends nothing', async () => {
    await start('nothing');
    await store(first, 'film', old);
    sent = 0;
    await store(first, 'again', old);
    await store(first, 'film', film(SIZE, 7));
    expect(sent).toBe(SIZE);
    await store(first, 'film', old);
    expect(sent).toBe(SIZE);
    isThere('again', old);
    isThere('film', old);
  });

  it('cut short by the death of its client is gone on with by any other, under any upload id', async () => {
    await start('killed');
    await killAt(SIZE / 2, 'film', { ...sourceOf(old), key: 'a file' });
    const before = sent;
    // The second client comes in by another peer, which sends it on or has to take all.
    const third = mesh.clients[0]?.open([mesh.peers[0]?.address as string]) as Session;
    await store(third, 'film', old);
    expect(sent - before).toBeLessThanOrEqual(SIZE / 2);
    isThere('film', old);
  });

  it('is gone on with after the peer was killed too, days later', async () => {
    await start('days', 1);
    const large = film(40 * MIB);
    await killAt(30 * MIB, 'film', sourceOf(large));
    const [alpha] = mesh.peers;
    if (alpha === undefined) throw new Error('a peer');
    mesh.kill(alpha);
    alpha.node.wall.offsetMs += 3 * 24 * 3_600_000;
    mesh.start(alpha);
    await mesh.run(5_000);
    const before = sent;
    await store(second, 'film', large);
    // What was not noted durably is sent again.
    expect(sent - before).toBeLessThanOrEqual(10 * MIB + 16 * MIB);
    isThere('film', large);
  });

  it('goes on at another peer when its own dies, which is asked what it has', async () => {
    await start('failover', 3);
    for (const { node } of mesh.peers) node.drive.userWrite('other', old.subarray(0, SIZE / 2));
    await mesh.until('all have a half', async () => (await mesh.settle(seen(second, 'other')))?.contents[0]?.copies === 3);
    afterWrite = (all) => {
      const [alpha] = mesh.peers;
      if (all >= MIB && alpha?.isUp === true) mesh.kill(alpha);
    };
    await store(first, 'film', old);
    // A half lies everywhere; of the other half at most a window was sent to the dead peer in vain, and a few chunks at the cut.
    expect(sent).toBeLessThan(SIZE / 2 + 2 * MIB + 300_000);
    isThere('film', old);
  });

  it('keeps to the limit of the peer, and what lies there costs none of it', async () => {
    const limitDown = MIB / 2;
    await start('limit', 1, { rates: { alpha: { limitDown } } });
    const beganMs = mesh.scheduler.nowMs;
    await store(first, 'film', old);
    const tookMs = mesh.scheduler.nowMs - beganMs;
    expect(tookMs).toBeGreaterThan(((SIZE - MIB) / limitDown) * 1_000);
    expect(tookMs).toBeLessThan((SIZE / limitDown) * 1_250);
    const againMs = mesh.scheduler.nowMs;
    await store(first, 'film', changed(old, 2 * MIB));
    expect(mesh.scheduler.nowMs - againMs).toBeLessThan(tookMs / 4);
  });

  it('is told as changed when the file is another than the one that was cut, and nothing wrong is stored', async () => {
    await start('another');
    const other = film(SIZE, 9);
    let isRead = false;
    const source: Source = {
      ...sourceOf(other),
      read: async (offset, length) => {
        isRead = true;
        return other.subarray(offset, offset + length);
      },
      cut: async () => cutOf(old),
      check: async () => {
        if (isRead) throw new MeshError('changed', 'it changed');
      },
    };
    expect(await mesh.settle(codeOf(upload(first, 'film', source)))).toBe('changed');
    // Of one that hides that it changed, the peer does not take the chunks.
    expect(await mesh.settle(codeOf(upload(first, 'film', { ...source, check: async () => {} })))).toBe('corrupt');
    expect(copies('film')).toEqual([]);
  });

  it('is not spoilt by what a client that is gone began to tell of the same content', async () => {
    await start('begun wrong', 1);
    const cut = cutOf(old);
    const about = { upload: first.newRequest(), path: checkPath('film'), size: SIZE, base: [] };
    await mesh.settle(first.call('begin', { ...about, content: { hash: cut.hash, manifest: cut.manifestHash } }));
    const { reply } = await mesh.settle(first.call('chunks', { upload: about.upload, offset: 0, manifestBytes: 36 }));
    expect(reply.state).toBe('more');
    mesh.clients[0]?.kill();
    await mesh.run(10_000);
    await store(second, 'film', old);
    isThere('film', old);
  });

  it('whose client left while it is made a version is not taken from under its hands by the next one', async () => {
    await start('being made', 1);
    const [begin, take] = [Uploads.prototype.begin, Uploads.prototype.take];
    let begun = 0;
    vi.spyOn(Uploads.prototype, 'begin').mockImplementation(async function (this: Uploads, ...asked) {
      const reply = await begin.apply(this, asked);
      begun += 1;
      return reply;
    });
    let next: Promise<unknown> | undefined;
    vi.spyOn(Uploads.prototype, 'take').mockImplementation(async function (this: Uploads, id) {
      const staging = await take.call(this, id);
      if (next !== undefined) return staging;
      mesh.clients[0]?.kill();
      await mesh.run(1_000);
      next = upload(second, 'again', sourceOf(old));
      await mesh.until('the next one has begun', () => begun === 2);
      return staging;
    });
    upload(first, 'film', sourceOf(old)).catch(() => undefined);
    await mesh.until('the next one has begun', () => begun === 2);
    await mesh.settle(next as Promise<unknown>);
    await mesh.run(2_000);
    isThere('again', old);
    isThere('film', old);
  });

  it('is refused when its manifest is not the one announced, is too large, or cuts as no content is cut', async () => {
    await start('liar');
    const cut = cutOf(old);
    const rows = Buffer.from(cut.manifest);
    rows.writeUInt32LE(1, 0);
    rows.writeUInt32LE(rows.readUInt32LE(36) + (Buffer.from(cut.manifest).readUInt32LE(0) - 1), 36);
    const odd = { ...cut, manifest: new Uint8Array(rows) };
    for (const wrong of [{ ...cut, manifestHash: cut.hash }, { ...cut, manifest: new Uint8Array(36 * 3_000) }, odd]) {
      const source = { ...sourceOf(old), cut: async () => wrong };
      expect(await mesh.settle(codeOf(upload(first, 'film', source)))).toBe('corrupt');
    }
    expect([sent, copies('film')]).toEqual([0, []]);
  });
});
