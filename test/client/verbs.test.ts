import { Blake3Hasher } from '@napi-rs/blake-hash';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeClient } from '../../src/client/client.ts';
import { MeshMemory } from '../../src/client/mesh-memory.ts';
import type { Session } from '../../src/client/session.ts';
import type { Incoming, Sink, Source, VerbOptions } from '../../src/client/transfer.ts';
import { remove, rename, resolve } from '../../src/client/verbs/changes.ts';
import { type Downloaded, download } from '../../src/client/verbs/download.ts';
import { selectEntries } from '../../src/client/verbs/listing.ts';
import { create, put } from '../../src/client/verbs/upload.ts';
import { MeshError } from '../../src/core/errors.ts';
import type { ContentHash, FilePath } from '../../src/core/ids.ts';
import { SimWorld } from '../sim/sim-world.ts';
import { hashOf, LINE, ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';

const MIB = 1024 * 1024;
const path = 'notes.txt' as FilePath;

let world: SimWorld;
let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let charlie: ScriptedPeer;
let session: Session;
let saved: Map<string, Uint8Array>;
let discarded: string[];

beforeEach(async () => {
  world = new SimWorld('verbs');
  mesh = new ScriptedMesh(world);
  alpha = await mesh.addPeer('alpha');
  bravo = await mesh.addPeer('bravo');
  charlie = await mesh.addPeer('charlie');
  saved = new Map();
  discarded = [];
  session = makeClient({
    platform: world.addNode('laptop').start(),
    memory: new MeshMemory({ line: LINE, facts: [] }),
    name: 'tester',
    given: [alpha.address],
    remembered: [],
    timeoutMs: 10_000,
  }).session;
  await world.scheduler.settle(session.connect());
  await world.scheduler.runFor(500);
});

function settle<T>(promise: Promise<T>): Promise<T> {
  return world.scheduler.settle(promise);
}

const options: VerbOptions = {
  newHash: () => {
    const hasher = new Blake3Hasher();
    return { update: (bytes) => void hasher.update(bytes), hex: () => hasher.digestBuffer().toString('hex') as ContentHash };
  },
};

function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = index * 7 + (index >> 10);
  return bytes;
}

function sourceOf(bytes: Uint8Array, check: () => Promise<void> = () => Promise.resolve()): Source {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length), check };
}

async function openSink(incoming: Incoming): Promise<Sink> {
  const bytes = new Uint8Array(incoming.size);
  return {
    write: async (offset, piece) => bytes.set(piece, offset),
    finish: async () => {
      saved.set(incoming.path, bytes);
      return incoming.path;
    },
    discard: async () => void discarded.push(incoming.path),
  };
}

async function fetch(name: string): Promise<Downloaded> {
  const entries = await selectEntries(session, name, options);
  return await download(session, entries[0] as (typeof entries)[0], openSink, options);
}

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error: MeshError) => error.code,
  );
}

/** Kills the peer at its n-th call of a kind, which is never answered. */
function killAt(
  peer: ScriptedPeer,
  name: 'read' | 'write' | 'change' | 'begin',
  nth: number,
  before: () => void = () => {},
): void {
  let calls = 0;
  peer.script[name] = (() => {
    if (++calls < nth) return undefined;
    before();
    peer.kill();
    return new Promise(() => {});
  }) as never;
}

describe('download', () => {
  test('follows the redirect to a holder without a word', async () => {
    mesh.put(path, bytesOf(5000), 'bravo');
    const result = await settle(fetch(path));
    expect(saved.get(path)).toEqual(bytesOf(5000));
    expect(result).toMatchObject({ path, files: [path], bytes: 5000, from: ['bravo'], conflict: false });
    expect(alpha.count('read')).toBe(0);
  });

  test('is relayed by its own peer when no holder is in reach of the client', async () => {
    mesh.put(path, bytesOf(5000), 'bravo');
    bravo.script.hello = () => Promise.reject(new MeshError('not-allowed', 'not from here'));
    await settle(fetch(path));
    expect(saved.get(path)).toEqual(bytesOf(5000));
    expect(alpha.count('read')).toBeGreaterThan(0);
  });

  test('goes on with what it has when its peer is killed in the middle', async () => {
    const bytes = bytesOf(6 * MIB);
    mesh.put(path, bytes, 'alpha', 'bravo');
    killAt(alpha, 'read', 3);
    const result = await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
    expect(result.from).toContain('bravo');
    expect(discarded).toEqual([]);
  });

  test('goes on when the only peer in reach that relays is killed in the middle', async () => {
    const bytes = bytesOf(6 * MIB);
    mesh.put(path, bytes, 'charlie');
    charlie.script.hello = () => Promise.reject(new MeshError('not-allowed', 'not from here'));
    killAt(alpha, 'read', 4);
    await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
    expect(bravo.count('read')).toBeGreaterThan(0);
  });

  test('never keeps wrong bytes: tells the holder, and takes them from another', async () => {
    const bytes = bytesOf(3000);
    mesh.put(path, bytes, 'alpha', 'bravo');
    alpha.script.read = ({ length }) => Promise.resolve({ reply: { size: 3000 }, tail: new Uint8Array(Math.min(length, 3000)) });
    const result = await settle(fetch(path));
    expect(saved.get(path)).toEqual(bytes);
    expect(result.from).toEqual(['bravo']);
    expect(alpha.count('verify')).toBe(1);
  });

  test('discards what it has when every holder gives wrong bytes', async () => {
    mesh.put(path, bytesOf(3000), 'alpha');
    alpha.script.read = ({ length }) => Promise.resolve({ reply: { size: 3000 }, tail: new Uint8Array(Math.min(length, 3000)) });
    const code = await settle(codeOf(fetch(path)));
    expect(['corrupt', 'unavailable']).toContain(code);
    expect(saved.size).toBe(0);
    expect(discarded).toEqual([path]);
  });

  test('saves all versions of a conflict, named after their peers', async () => {
    mesh.put(path, bytesOf(10), 'alpha');
    mesh.put(path, bytesOf(20), 'bravo');
    const result = await settle(fetch(path));
    expect([...saved.keys()]).toEqual([`${path} (alpha)`, `${path} (bravo)`]);
    expect(result).toMatchObject({ conflict: true, bytes: 30, missing: [] });
  });

  test('of a conflict saves what can be had, and names what cannot', async () => {
    mesh.put(path, bytesOf(10), 'alpha');
    mesh.put(path, bytesOf(20), 'delta');
    const result = await settle(fetch(path));
    expect(result).toMatchObject({ conflict: true, bytes: 10, missing: ['delta'] });
  });

  test('is unavailable when all holders are away, and says who has it', async () => {
    mesh.put(path, bytesOf(10), 'delta');
    await expect(settle(fetch(path))).rejects.toThrow(/lies on delta, away now/);
    expect(discarded).toEqual([]);
  });

  test('takes the new version when another came in the middle, and nothing of the old one', async () => {
    const old = bytesOf(3 * MIB);
    mesh.put(path, old, 'bravo');
    bravo.script.read = ({ hash }) => {
      if (hash !== hashOf(old)) return undefined;
      mesh.files.set(path, [{ bytes: bytesOf(777), holders: ['bravo'], origin: 'bravo' }]);
      return Promise.reject(new MeshError('gone', 'replaced'));
    };
    const result = await settle(fetch(path));
    expect(result.bytes).toBe(777);
    expect(saved.get(path)).toEqual(bytesOf(777));
    expect(discarded).toEqual([path]);
  });

  test('an empty file is one too', async () => {
    mesh.put(path, new Uint8Array(0), 'bravo');
    expect((await settle(fetch(path))).bytes).toBe(0);
    expect(saved.get(path)).toEqual(new Uint8Array(0));
  });
});

describe('what a person names', () => {
  beforeEach(() => {
    for (const name of ['docs/a', 'docs/b/c', 'docsx', '[x].txt']) mesh.put(name, bytesOf(3), 'alpha');
  });

  test.each([
    ['docs', ['docs/a', 'docs/b/c']],
    ['docs/', ['docs/a', 'docs/b/c']],
    ['docsx', ['docsx']],
    ['[x].txt', ['[x].txt']],
  ])('%s is %j', async (name, paths) => {
    const entries = await settle(selectEntries(session, name, options));
    expect(entries.map((entry) => entry.path)).toEqual(paths);
  });

  test('a name that is nothing is not found; one that can be nothing is refused', async () => {
    expect(await settle(codeOf(selectEntries(session, 'nope', options)))).toBe('not-found');
    expect(await settle(codeOf(selectEntries(session, '../x', options)))).toBe('bad-name');
  });
});

describe('upload and create', () => {
  test('stores every byte, with size, hash and the base of its start', async () => {
    const bytes = bytesOf(5 * MIB + 17);
    mesh.put(path, bytesOf(3), 'alpha');
    const result = await settle(put(session, path, sourceOf(bytes), options));
    expect(result).toEqual({ path, version: hashOf(bytes), copies: 2, wanted: 2 });
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
    expect(mesh.asked[0]?.ask).toMatchObject({ base: ['00112233aabbccdd:1'], size: bytes.length });
  });

  test.each([
    ['in the middle of its writes', 'write', 3],
    ['at the change, before it is carried out', 'change', 1],
    ['at the begin', 'begin', 1],
  ] as const)('is carried out once when the peer is killed %s', async (_, name, nth) => {
    const bytes = bytesOf(5 * MIB);
    killAt(alpha, name, nth);
    const result = await settle(create(session, path, sourceOf(bytes), options));
    expect(result.version).toBe(hashOf(bytes));
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
  });

  test('is carried out once when the peer is killed after it was carried out and before it was told', async () => {
    const bytes = bytesOf(5 * MIB);
    alpha.script.change = (ask) => {
      alpha.makeChange(ask);
      alpha.kill();
      return new Promise(() => {});
    };
    await settle(create(session, path, sourceOf(bytes), options));
    expect(mesh.made.size).toBe(1);
    // The next peer knew the request: not a byte was sent again.
    expect(bravo.count('write') + charlie.count('write')).toBe(0);
  });

  test('repeats request id and base with every replay', async () => {
    killAt(alpha, 'change', 1);
    const asked: string[] = [];
    for (const peer of [alpha, bravo, charlie]) {
      const before = peer.script.change;
      peer.script.change = (ask) => {
        asked.push(`${ask.request} ${ask.base.join()}`);
        return before?.(ask);
      };
    }
    mesh.put(path, bytesOf(3), 'bravo');
    await settle(put(session, path, sourceOf(bytesOf(10)), options));
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked).size).toBe(1);
  });

  test('goes to the holder it is redirected to', async () => {
    alpha.script.begin = ({ hops }) =>
      (hops ?? 0) === 0 ? Promise.resolve({ have: 0, redirect: mesh.holders('charlie') }) : undefined;
    await settle(put(session, path, sourceOf(bytesOf(2 * MIB)), options));
    expect(mesh.asked.map((one) => one.peer)).toEqual(['charlie']);
    expect(alpha.count('write')).toBe(0);
  });

  test('is stored by its own peer when the holder it is redirected to goes away', async () => {
    alpha.script.begin = ({ hops }) =>
      (hops ?? 0) === 0 ? Promise.resolve({ have: 0, redirect: mesh.holders('charlie') }) : undefined;
    killAt(charlie, 'write', 1);
    const bytes = bytesOf(2 * MIB);
    await settle(put(session, path, sourceOf(bytes), options));
    expect(mesh.asked.map((one) => one.peer)).toEqual(['alpha']);
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
  });

  test('create refuses a name that is there, and sends nothing', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    expect(await settle(codeOf(create(session, path, sourceOf(bytesOf(10)), options)))).toBe('exists');
    expect(alpha.count('begin')).toBe(0);
  });

  test('upload refuses a name in conflict, and reports one that was overtaken', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    alpha.script.change = () => Promise.reject(new MeshError('overtaken', 'another came'));
    await expect(settle(put(session, path, sourceOf(bytesOf(10)), options))).rejects.toMatchObject({ code: 'overtaken' });
    mesh.put(path, bytesOf(4), 'bravo');
    expect(await settle(codeOf(put(session, path, sourceOf(bytesOf(10)), options)))).toBe('conflict');
  });

  test('stores nothing of a source that changed while it was read', async () => {
    const changed = () => Promise.reject(new MeshError('changed', 'it grew'));
    expect(await settle(codeOf(put(session, path, sourceOf(bytesOf(10), changed), options)))).toBe('changed');
    expect(mesh.asked).toEqual([]);
  });

  test('sends only what the peer does not have yet, and hashes all', async () => {
    const bytes = bytesOf(4 * MIB);
    alpha.script.begin = ({ upload }) => {
      alpha.uploads.set(upload, new Map([[0, bytes.slice(0, 2 * MIB)]]));
      return Promise.resolve({ have: 2 * MIB, redirect: [] });
    };
    await settle(put(session, path, sourceOf(bytes), options));
    expect(alpha.count('write')).toBe(2);
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
  });
});

describe('changes without bytes', () => {
  test('a delete is carried out once when the peer dies before telling', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    alpha.script.change = (ask) => {
      alpha.makeChange(ask);
      alpha.kill();
      return new Promise(() => {});
    };
    await settle(remove(session, path, options));
    expect(mesh.made.size).toBe(1);
    expect(mesh.asked).toHaveLength(1);
  });

  test('a rename follows the redirect to a holder, and counts the hop', async () => {
    mesh.put(path, bytesOf(3), 'bravo');
    alpha.script.change = () => Promise.resolve({ done: [], redirect: mesh.holders('bravo') });
    const results = await settle(rename(session, path, 'new/', options));
    expect(results[0]?.path).toBe(`new/${path}`);
    expect(mesh.asked.map(({ peer, ask }) => [peer, ask.hops])).toEqual([['bravo', 1]]);
  });

  test('after two hops, or out of reach, the own peer does it', async () => {
    mesh.put(path, bytesOf(3), 'bravo');
    bravo.kill();
    alpha.script.change = ({ hops }) => (hops < 2 ? Promise.resolve({ done: [], redirect: mesh.holders('bravo') }) : undefined);
    await settle(rename(session, path, 'new', options));
    expect(mesh.asked.map(({ peer, ask }) => [peer, ask.hops])).toEqual([['alpha', 2]]);
  });

  test('a folder is renamed file by file, a file in conflict is not', async () => {
    for (const name of ['docs/a', 'docs/b/c']) mesh.put(name, bytesOf(3), 'alpha');
    const results = await settle(rename(session, 'docs', 'papers', options));
    expect(results.map((one) => one.path)).toEqual(['papers/a', 'papers/b/c']);
    mesh.put(path, bytesOf(3), 'alpha');
    mesh.put(path, bytesOf(4), 'bravo');
    expect(await settle(codeOf(rename(session, path, 'x', options)))).toBe('conflict');
  });

  test('resolve takes an origin that is shown, and refuses another, naming them', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    mesh.put(path, bytesOf(4), 'bravo');
    await expect(settle(resolve(session, path, 'delta', options))).rejects.toThrow(/alpha, bravo/);
    await settle(resolve(session, path, 'bravo', options));
    await settle(resolve(session, path, undefined, options));
    expect(mesh.asked.map(({ ask }) => ask.change.kind)).toEqual(['resolve', 'resolve-both']);
  });
});
