import { beforeEach, describe, expect, test } from 'vitest';
import { selectEntries } from '../../src/client/verbs/listing.ts';
import { MeshError } from '../../src/core/errors.ts';
import { hashOf, manifestOf, type ScriptedMesh, type ScriptedPeer } from './scripted-peer.ts';
import { bytesOf, codeOf, killAt, MIB, openBench, options, path, type VerbBench } from './verb-bench.ts';

let world: VerbBench['world'];
let mesh: ScriptedMesh;
let alpha: ScriptedPeer;
let bravo: ScriptedPeer;
let charlie: ScriptedPeer;
let session: VerbBench['session'];
let left: VerbBench['left'];
let saved: VerbBench['saved'];
let discarded: VerbBench['discarded'];
let settle: VerbBench['settle'];
let fetch: VerbBench['fetch'];

beforeEach(async () => {
  ({ world, mesh, alpha, bravo, charlie, session, left, saved, discarded, settle, fetch } = await openBench());
});

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

  test('goes on with what an earlier try left, and asks for the rest only', async () => {
    const bytes = bytesOf(6 * MIB);
    mesh.put(path, bytes, 'alpha', 'bravo');
    left.set(path, bytes.slice(0, 4 * MIB + 1));
    const offsets: number[] = [];
    for (const peer of [alpha, bravo]) {
      peer.script.read = (({ offset }: { offset: number }) => {
        offsets.push(offset);
        return undefined;
      }) as never;
    }
    const told: (number | undefined)[] = [];
    await settle(fetch(path, { progress: (_what, _done, _total, savedBytes) => told.push(savedBytes) }));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
    expect(told.at(-1)).toBe(Math.min(...offsets));
    // From the first chunk on that was not whole.
    expect(Math.min(...offsets)).toBeLessThanOrEqual(4 * MIB + 1);
    expect(Math.min(...offsets)).toBeGreaterThan(4 * MIB - 256 * 1024);
  });

  test('takes of what was left what is right, and blames no holder for the rest', async () => {
    const bytes = bytesOf(3 * MIB);
    mesh.put(path, bytes, 'alpha');
    left.set(path, bytesOf(2 * MIB).fill(0, MIB));
    await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
    expect(alpha.count('verify')).toBe(0);
    left.set(path, bytes);
    saved.clear();
    const before = alpha.count('read');
    await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
    expect(alpha.count('read')).toBe(before);
  });

  test('tells how far it is while it reads what was left, and can be called off then', async () => {
    const bytes = bytesOf(6 * MIB);
    mesh.put(path, bytes, 'alpha');
    left.set(path, bytes.slice(0, 4 * MIB + 1));
    const stop = new AbortController();
    const told: number[] = [];
    const progress = (_: string, done: number): void => {
      told.push(done);
      if (done > 2 * MIB) stop.abort();
    };
    expect(await codeOf(settle(fetch(path, { progress, signal: stop.signal })))).toBe('failed');
    expect(told.at(-1)).toBeLessThan(4 * MIB);
    expect(told.length).toBeGreaterThan(4);
    expect(alpha.count('read')).toBe(0);
    expect(left.get(path)).toHaveLength(4 * MIB + 1);
    await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
  });

  test('that finds nobody any more keeps what came, and says so; the next one ends it', async () => {
    const bytes = bytesOf(6 * MIB);
    mesh.put(path, bytes, 'alpha');
    let reads = 0;
    alpha.script.read = (() => (++reads > 8 ? Promise.reject(new MeshError('gone', 'not here')) : undefined)) as never;
    await expect(settle(fetch(path))).rejects.toThrow(/what came is kept: the same download goes on with it/);
    expect(discarded).toEqual([]);
    expect((left.get(path) as Uint8Array).length).toBeGreaterThanOrEqual(MIB);
    alpha.script.read = (() => undefined) as never;
    await settle(fetch(path));
    expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
  });

  describe('by chunks', () => {
    const bytes = bytesOf(6 * MIB);
    const lie = (peer: ScriptedPeer, from = 0) => {
      let asked = 0;
      peer.script.read = (({ offset, length }: { offset: number; length: number }) => {
        asked += length;
        const tail = bytes.slice(offset, offset + length);
        if (offset + tail.length > from) tail[Math.max(0, from - offset)] = (tail[Math.max(0, from - offset)] ?? 0) ^ 1;
        return Promise.resolve({ reply: { size: bytes.length }, tail });
      }) as never;
      return () => asked;
    };

    test('a holder that lies costs its chunks, is told to look, and is asked no more', async () => {
      mesh.put(path, bytes, 'alpha', 'bravo');
      const asked = lie(alpha);
      const offsets: number[] = [];
      const before = bravo.count('read');
      const result = await settle(fetch(path, { progress: (_what, done) => offsets.push(done) }));
      expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
      expect(result.from).toContain('bravo');
      expect(alpha.count('verify')).toBe(1);
      expect(asked()).toBeLessThan(6 * MIB);
      expect(bravo.count('read') - before).toBeLessThan(30);
      // Nothing was begun anew.
      expect(offsets.at(-1)).toBe(6 * MIB);
    });

    test('one that lies in the middle leaves what came before', async () => {
      mesh.put(path, bytes, 'alpha');
      lie(alpha, 4 * MIB);
      await settle(codeOf(fetch(path)));
      const kept = left.get(path) ?? new Uint8Array(0);
      expect(kept.length).toBeGreaterThan(3 * MIB);
      expect(hashOf(kept)).toBe(hashOf(bytes.slice(0, kept.length)));
    });

    test('a manifest that is not the announced one is not believed', async () => {
      mesh.put(path, bytes, 'alpha', 'bravo');
      const other = manifestOf(bytesOf(6 * MIB - 1).fill(7, MIB));
      for (const peer of [alpha, bravo])
        peer.script.manifest = () => Promise.resolve({ reply: { size: other.length }, tail: other });
      await settle(fetch(path));
      expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
      expect([alpha.count('verify'), bravo.count('verify')]).toEqual([0, 0]);
    });

    test('a holder that never gives the manifest holds up nothing for long', async () => {
      const bytes = bytesOf(40 * MIB);
      mesh.put(path, bytes, 'alpha', 'bravo');
      alpha.script.manifest = () => new Promise(() => undefined);
      const beganMs = world.scheduler.nowMs;
      await settle(fetch(path));
      expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytes));
      expect(bravo.count('manifest')).toBeGreaterThan(0);
      expect(world.scheduler.nowMs - beganMs).toBeLessThan(5_000);
    });

    test('an announced manifest that no content of that size has is passed over', async () => {
      const other = manifestOf(bytesOf(6 * MIB + 1));
      const entry = mesh.entry.bind(mesh);
      mesh.entry = (name) => {
        const told = entry(name);
        return { ...told, contents: told.contents.map((one) => ({ ...one, manifest: hashOf(other) })) };
      };
      mesh.put(path, bytesOf(6 * MIB), 'alpha', 'bravo');
      for (const peer of [alpha, bravo])
        peer.script.manifest = () => Promise.resolve({ reply: { size: other.length }, tail: other });
      await settle(fetch(path));
      expect(hashOf(saved.get(path) as Uint8Array)).toBe(hashOf(bytesOf(6 * MIB)));
    });

    test('an announced manifest that does not fit the content costs one try', async () => {
      const other = bytesOf(6 * MIB).fill(7, MIB);
      mesh.put(path, bytes, 'alpha', 'bravo');
      const entry = mesh.entry.bind(mesh);
      mesh.entry = (asked) => {
        const told = entry(asked);
        return { ...told, contents: told.contents.map((one) => ({ ...one, manifest: hashOf(manifestOf(other)) })) };
      };
      for (const peer of [alpha, bravo])
        peer.script.manifest = () => Promise.resolve({ reply: { size: manifestOf(other).length }, tail: manifestOf(other) });
      // Every honest source looks like a liar: nobody can give such chunks.
      expect(await settle(codeOf(fetch(path)))).not.toBe('answered');
      expect(saved.size).toBe(0);
    });
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
