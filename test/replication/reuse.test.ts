import { afterEach, describe, expect, it, vi } from 'vitest';
import { setReplicas } from '../../src/client/verbs/mesh.ts';
import { MeshError } from '../../src/core/errors.ts';
import { Folder } from '../../src/folder/folder.ts';
import { Serving } from '../../src/replication/serving.ts';
import { createText, putText, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';

const MIB = 1024 * 1024;

/** Text that repeats nowhere. */
function longText(size: number): string {
  const lines: string[] = [];
  for (let line = 1; lines.length * 16 < size; line++) lines.push(Math.imul(line, 0x9e3779b1).toString(36).padStart(16, '~'));
  return lines.join('').slice(0, size);
}

const old = longText(3 * MIB);
const next = `${old.slice(0, 2 * MIB)}X${old.slice(2 * MIB + 1)}`;

/** Bytes that peers and clients were given by `read`. */
function countReads(): { bytes: number } {
  const count = { bytes: 0 };
  const read = Serving.prototype.read;
  vi.spyOn(Serving.prototype, 'read').mockImplementation(async function (this: Serving, ask) {
    const answered = await read.call(this, ask);
    count.bytes += 'tail' in answered ? answered.tail.length : 0;
    return answered;
  });
  return count;
}

afterEach(() => vi.restoreAllMocks());

/** A file of 3 MiB on two peers, then one byte of it changed by a client: how much of the new content was read. */
async function changedByte(seed: string): Promise<number> {
  const { mesh, sessions } = await startStory(seed, { peers: 3, clients: 1 });
  const [session] = sessions;
  if (session === undefined) throw new Error('a client');
  await mesh.settle(createText(session, 'film', old));
  const count = countReads();
  await mesh.settle(putText(session, 'film', next));
  await mesh.until('two copies', async () => (await mesh.settle(seen(session, 'film')))?.contents[0]?.copies === 2);
  expect(contentsOf(mesh)).toEqual([next, next]);
  return count.bytes;
}

function contentsOf(mesh: Mesh, name = 'film'): string[] {
  return mesh.peers.flatMap(({ node }) => {
    const content = node.drive.userRead(name);
    return content === undefined ? [] : [new TextDecoder().decode(content)];
  });
}

describe('a large file much like another', () => {
  it('costs its holder the chunks that differ, whatever the name of the other, also after a restart', async () => {
    const { mesh, sessions } = await startStory('like another', { peers: 3, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    for (const { node } of mesh.peers) node.drive.userWrite('film', new TextEncoder().encode(old));
    await mesh.until('all have one', async () => (await mesh.settle(seen(session, 'film')))?.contents[0]?.copies === 3);
    for (const peer of mesh.peers.slice(1)) mesh.kill(peer);
    for (const peer of mesh.peers.slice(1)) mesh.start(peer);
    await mesh.run(5_000);
    const count = countReads();
    mesh.peers[0]?.node.drive.userWrite('cut', new TextEncoder().encode(next));
    await mesh.until('two have the other', async () => (await mesh.settle(seen(session, 'cut')))?.contents[0]?.copies === 2);
    expect(contentsOf(mesh, 'cut')).toEqual([next, next]);
    expect(count.bytes).toBeGreaterThan(0);
    expect(count.bytes).toBeLessThan(300_000);
  });
});

describe('a large file that changed a little', () => {
  it('costs its holders the chunks that changed', async () => {
    expect(await changedByte('a byte')).toBeLessThan(300_000);
  });

  it('is fetched whole when nobody gives its manifest, or a wrong one', async () => {
    vi.spyOn(Serving.prototype, 'manifest').mockRejectedValue(new MeshError('protocol', 'a call of unknown name'));
    expect(await changedByte('an older program')).toBe(3 * MIB);
    vi.restoreAllMocks();
    vi.spyOn(Serving.prototype, 'manifest').mockResolvedValue({ reply: { size: 36 }, tail: new Uint8Array(36) });
    expect(await changedByte('a liar')).toBe(3 * MIB);
  });
});

describe('a large file that is fetched', () => {
  it('comes right when a holder gives wrong bytes: that costs some chunks, and the holder looks at its copy', async () => {
    const { mesh, sessions } = await startStory('a lying holder', { peers: 3, clients: 1 });
    const [session] = sessions;
    if (session === undefined) throw new Error('a client');
    await mesh.settle(createText(session, 'film', old));
    await mesh.until('two copies', async () => (await mesh.settle(seen(session, 'film')))?.contents[0]?.copies === 2);
    const read = Serving.prototype.read;
    let liar: Serving | undefined;
    let bytes = 0;
    vi.spyOn(Serving.prototype, 'read').mockImplementation(async function (this: Serving, ask) {
      const answered = await read.call(this, ask);
      if (!('tail' in answered)) return answered;
      liar ??= this;
      bytes += answered.tail.length;
      if (this === liar) answered.tail[answered.tail.length >> 1] = (answered.tail[answered.tail.length >> 1] ?? 0) ^ 1;
      return answered;
    });
    const verified = vi.spyOn(Folder.prototype, 'verify');
    await mesh.settle(setReplicas(session, 3, {}));
    await mesh.until('three copies', async () => (await mesh.settle(seen(session, 'film')))?.contents[0]?.copies === 3);
    expect(contentsOf(mesh)).toEqual([old, old, old]);
    expect(bytes).toBeGreaterThan(3 * MIB);
    // Not all of it once more.
    expect(bytes).toBeLessThan(6 * MIB);
    expect(verified).toHaveBeenCalled();
  });
});
