import { beforeEach, describe, expect, test } from 'vitest';
import { create, put } from '../../src/client/verbs/upload.ts';
import { MeshError } from '../../src/core/errors.ts';
import { NO_RUNS } from '../../src/core/striping.ts';
import { cutOf } from '../sim/mesh-client.ts';
import { hashOf, type ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';
import { bytesOf, codeOf, killAt, MIB, openBench, options, path, sourceOf, type VerbBench } from './verb-bench.ts';

let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let charlie: ScriptedPeer;
let session: VerbBench['session'];
let settle: VerbBench['settle'];

beforeEach(async () => {
  ({ mesh, alpha, bravo, charlie, session, settle } = await openBench());
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

  test('create refuses a name in conflict', async () => {
    mesh.put(path, bytesOf(3), 'alpha');
    mesh.put(path, bytesOf(4), 'bravo');
    expect(await settle(codeOf(create(session, path, sourceOf(bytesOf(10)), options)))).toBe('conflict');
  });

  test.each(['gone', 'corrupt'] as const)('is sent again to the peer where its bytes are %s, once', async (code) => {
    let failures = 1;
    alpha.script.change = ({ change }) => {
      if (failures-- <= 0) return undefined;
      if ('upload' in change) alpha.uploads.delete(change.upload);
      return Promise.reject(new MeshError(code, 'the bytes are not there'));
    };
    const bytes = bytesOf(2 * MIB);
    await settle(put(session, path, sourceOf(bytes), options));
    expect(new Set(mesh.asked.map((one) => one.peer))).toEqual(new Set(['alpha']));
    failures = Number.POSITIVE_INFINITY;
    await settle(put(session, 'other.txt' as typeof path, sourceOf(bytes), options));
    expect(mesh.asked.at(-1)?.peer).not.toBe('alpha');
    expect(mesh.made.size).toBe(2);
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

  test('of a file that an earlier run began to send sends the rest only', async () => {
    const bytes = bytesOf(8 * MIB);
    const source = { ...sourceOf(bytes), key: 'file 7, of yesterday' };
    const killed = {
      ...source,
      read: async (offset: number, length: number) => {
        if (offset < 5 * MIB) return source.read(offset, length);
        await new Promise<void>((resolve) => session.clock.after(20_000, resolve));
        return new Uint8Array(0);
      },
    };
    expect(await settle(codeOf(put(session, path, killed, options)))).toBe('changed');
    const before = alpha.count('write');
    expect(before).toBe(5);
    await settle(put(session, path, source, options));
    expect(alpha.count('write') - before).toBe(8 - before);
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
  });

  test('sends all again when what an earlier run left is something else, and never the rest of another file', async () => {
    const bytes = bytesOf(6 * MIB);
    const source = { ...sourceOf(bytes), key: 'file 7' };
    const cut = { ...source, read: async (offset: number, length: number) => source.read(offset, offset < 3 * MIB ? length : 0) };
    await settle(codeOf(put(session, path, cut, options)));
    for (const staged of alpha.uploads.values()) staged.set(0, new Uint8Array(MIB));
    await settle(put(session, path, source, options));
    expect([...mesh.made.values()]).toEqual([{ path, hash: hashOf(bytes) }]);
    const writes = alpha.count('write');
    const other = { ...sourceOf(bytesOf(6 * MIB).fill(7)), key: 'file 8' };
    await settle(put(session, path, other, options));
    expect(alpha.count('write') - writes).toBe(6);
  });
});

describe('an upload by chunks', () => {
  const bytes = bytesOf(3 * MIB);
  const cut = cutOf(bytes);
  const rows = cut.manifest.length / 36;
  const source = { ...sourceOf(bytes), cut: async () => cut };
  /** A bit for each chunk. */
  const bits = (isWanted: (chunk: number) => boolean) => {
    const tail = new Uint8Array(Math.ceil(rows / 8));
    for (let chunk = 0; chunk < rows; chunk++)
      if (isWanted(chunk)) tail[chunk >> 3] = (tail[chunk >> 3] ?? 0) | (1 << (chunk & 7));
    return tail;
  };
  const ready = (isWanted: (chunk: number) => boolean) => ({ reply: { state: 'ready', here: 0 } as const, tail: bits(isWanted) });
  beforeEach(() => {
    alpha.script.begin = ({ upload, content }) => {
      expect(content).toEqual({ hash: cut.hash, manifest: cut.manifestHash });
      alpha.uploads.set(upload, new Map([[0, bytes.slice()]]));
      return Promise.resolve({ have: 0, redirect: [], byChunks: true });
    };
  });

  test('waits while the peer takes together what it has, and tells how far that is', async () => {
    const answers = [{ state: 'filling', here: 10 } as const, { state: 'filling', here: 20 } as const, ready(() => false)];
    alpha.script.chunks = () => Promise.resolve(answers.shift() ?? ready(() => false));
    const told: unknown[] = [];
    const progress = (_: string, ...numbers: unknown[]) => void told.push(numbers);
    await settle(put(session, path, source, { ...options, progress }));
    const size = bytes.length;
    expect(told).toEqual([
      [10, size, 10],
      [20, size, 20],
      [size, size, size],
    ]);
    expect([alpha.count('write'), [...mesh.made.values()]]).toEqual([0, [{ path, hash: cut.hash }]]);
  });

  test('sends what is wanted until nothing is, and gives up when the same comes wrong again and again', async () => {
    const answers = [ready((chunk) => chunk < 2), ready((chunk) => chunk === 1)];
    alpha.script.chunks = () => Promise.resolve(answers.shift() ?? ready(() => false));
    await settle(put(session, path, source, options));
    expect(alpha.count('write')).toBe(2);
    let asked = 0;
    for (const peer of [alpha, bravo, charlie]) {
      peer.script.begin = () => Promise.resolve({ have: 0, redirect: [], byChunks: true });
      peer.script.write = () => Promise.resolve({});
      peer.script.chunks = () => {
        asked += 1;
        return Promise.resolve(ready((chunk) => chunk === 1));
      };
    }
    expect(await settle(codeOf(put(session, path, source, options)))).toBe('corrupt');
    expect(asked).toBeLessThan(20);
  });

  test('does not go on for ever with a peer that wants ever more of the manifest, or tells of other chunks', async () => {
    for (const answer of [{ state: 'more', here: 0 } as const, { ...ready(() => false), tail: new Uint8Array(99) }]) {
      for (const peer of [alpha, bravo, charlie]) {
        peer.script.begin = () => Promise.resolve({ have: 0, redirect: [], byChunks: true });
        peer.script.chunks = () => Promise.resolve(answer);
      }
      expect(await settle(codeOf(put(session, path, source, options)))).toBe('protocol');
    }
  });

  test('in runs ends with a peer that wants ever more of the manifest', async () => {
    let asked = 0;
    for (const peer of [alpha, bravo, charlie]) peer.script.stripe = async () => ({ more: ++asked < 100, have: NO_RUNS });
    expect(await settle(codeOf(put(session, path, source, { ...options, stripeOver: 1 })))).toBe('protocol');
    expect(asked).toBe(1);
  });

  test('comes in order where the peer does not ask for chunks', async () => {
    alpha.script.begin = ({ upload }) => {
      alpha.uploads.set(upload, new Map());
      return Promise.resolve({ have: 0, redirect: [] });
    };
    await settle(put(session, path, source, options));
    expect([alpha.count('chunks'), alpha.count('write')]).toEqual([0, 3]);
    expect([...mesh.made.values()]).toEqual([{ path, hash: cut.hash }]);
  });
});
