import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { PathWaiters } from '../../src/catalog/path-waiters.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath } from '../../src/core/ids.ts';
import { type FileVersion, versionKey } from '../../src/core/version.ts';
import type { Folder } from '../../src/folder/folder.ts';
import type { Log } from '../../src/platform/log.ts';
import { Serving } from '../../src/replication/serving.ts';
import { Taking } from '../../src/replication/taking.ts';
import type { Link } from '../../src/wire/link.ts';
import type { Switchboard } from '../../src/wire/switchboard.ts';
import { createText, putText, seen, startStory } from '../server/story.ts';
import type { Mesh } from '../sim/mesh.ts';
import { HandClock } from './hand-clock.ts';

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

function contentsOf(mesh: Mesh): string[] {
  return mesh.peers.flatMap(({ node }) => {
    const content = node.drive.userRead('film');
    return content === undefined ? [] : [new TextDecoder().decode(content)];
  });
}

/** A taker of a large file of which it has an older content; its source answers nothing. */
function takerWithOlderContent(size: number) {
  const clock = new HandClock();
  const calls = new Set<string>();
  const call = (name: string) => {
    calls.add(name);
    return new Promise(() => {});
  };
  const hash = 'a'.repeat(64) as ContentHash;
  const version = { kind: 'file', hash, size, own: { writer: 'w', counter: 1 } } as unknown as FileVersion;
  const folder = {
    state: () => ({}),
    keepFromHere: async () => false,
    stage: async () => ({ have: 0 }),
    chunks: { mayReuse: () => true },
  } as unknown as Folder;
  const link = { peer: 'b', open: true, call } as unknown as Link;
  const taking = new Taking({
    clock,
    log: { debug: () => {} } as unknown as Log,
    catalog: { view: () => ({ contents: [{ hash, versions: [version], holders: ['b'] }] }) } as unknown as Catalog,
    folder,
    switchboard: { link: () => link, limits: {} } as unknown as Switchboard,
    waiters: { until: async () => {} } as unknown as PathWaiters,
  });
  const take = () => taking.take({ path: 'image' as FilePath, hash, size, version: versionKey(version), holders: [] });
  return { clock, calls, take };
}

describe('the manifest of a large file', () => {
  it.each([
    [100, 'manifest'],
    [1024, 'read'],
  ])('of %i GiB is asked for only when it can come in one answer: first comes a %s', async (gib, first) => {
    const { clock, calls, take } = takerWithOlderContent(gib * 1024 * MIB);
    take().catch(() => undefined);
    await clock.pass(1);
    expect([...calls]).toEqual([first]);
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
